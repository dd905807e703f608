package crashtest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Row is what came of one scenario: a line of the table in
// docs/reliability.md. All counts but Kills and Stops are the simulator's.
type Row struct {
	Name string // in the table

	mu       sync.Mutex
	Jobs     int
	People   int
	Kills    int // kill -9, of pushd
	Stops    int // SIGTERM
	Lost     int // should have been told, were not, and are on no list
	Listed   int // were not told, and are listed as unknown or failed
	Twice    int // told more than once
	Needless int64
	Reasked  int64 // requests to people who had refused before
	WorstOne int64 // most needless requests of one job after one kill or stop
	Resumes  []time.Duration
	Note     string
}

// Table is all rows of a run, in the order of the scenarios.
type Table struct {
	mu   sync.Mutex
	rows []*Row
}

// Add makes a row.
func (t *Table) Add(name string) *Row {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &Row{Name: name}
	t.rows = append(t.rows, r)
	return r
}

// resumed notes how long it took until somebody was told again.
func (r *Row) resumed(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Resumes = append(r.Resumes, d)
}

// Markdown is the table as docs/reliability.md shows it.
func (t *Table) Markdown() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	b.WriteString("| scenario | jobs | recipients | kill -9 | SIGTERM | lost | listed | twice | needless (worst after one stop) | refused, asked again | resume: median, worst |\n")
	b.WriteString("| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |\n")
	sum := Row{Name: "**all**"}
	for _, r := range t.rows {
		b.WriteString(r.line())
		sum.Jobs, sum.People, sum.Kills, sum.Stops = sum.Jobs+r.Jobs, sum.People+r.People, sum.Kills+r.Kills, sum.Stops+r.Stops
		sum.Lost, sum.Listed, sum.Twice = sum.Lost+r.Lost, sum.Listed+r.Listed, sum.Twice+r.Twice
		sum.Reasked += r.Reasked
		sum.Needless, sum.WorstOne = sum.Needless+r.Needless, max(sum.WorstOne, r.WorstOne)
	}
	b.WriteString(sum.line())
	return b.String()
}

func (r *Row) line() string {
	name := r.Name
	if r.Note != "" {
		name += ": " + r.Note
	}
	needless := fmt.Sprint(r.Needless)
	if r.WorstOne > 0 {
		needless += fmt.Sprintf(" (%d)", r.WorstOne)
	}
	return fmt.Sprintf("| %s | %d | %d | %s | %s | %d | %s | %d | %s | %s | %s |\n", name, r.Jobs, r.People,
		dash(r.Kills), dash(r.Stops), r.Lost, dash(r.Listed), r.Twice, needless, dash(int(r.Reasked)), spread(r.Resumes))
}

func dash(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// spread is median and worst.
func spread(all []time.Duration) string {
	if len(all) == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f s, %.1f s", median(all).Seconds(), slices.Max(all).Seconds())
}

func median[T cmp.Ordered](all []T) T {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
