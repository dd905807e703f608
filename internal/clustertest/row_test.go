package clustertest

import (
	"fmt"
	"os"
	"strings"
	"time"

	"pushd/internal/wechatsim"
)

// The marks in docs/reliability.md between which a run writes its table.
const (
	markBegin = "<!-- written by make cluster: begin -->\n"
	markEnd   = "<!-- written by make cluster: end -->\n"
)

// row is what came of one scenario. All counts but claims are the simulator's.
type row struct {
	name   string
	jobs   int
	people int
	lost   int
	twice  int
	// repeats are requests beyond a person's first, which WeChat has recognised.
	repeats int64
	claims  int           // of all jobs
	pause   time.Duration // of the job whose node or process was hit
	others  time.Duration // the longest of the others
	note    string
}

func (r *row) add(i int, rep wechatsim.Report, epoch int, pause time.Duration) {
	r.jobs++
	r.people += rep.Followers
	r.lost += rep.Missing
	r.twice += rep.More
	r.repeats += rep.Needless() + rep.AfterDoubt + rep.AfterRefusal
	r.claims += epoch
	if i == 0 {
		r.pause = pause
	} else {
		r.others = max(r.others, pause)
	}
}

func (r *row) line() string {
	others := ""
	if r.others > 0 {
		others = fmt.Sprintf("%.1f s", r.others.Seconds())
	}
	name := r.name
	if r.note != "" {
		name += ": " + r.note
	}
	if r.jobs == 0 {
		return fmt.Sprintf("| %s | | | | | | | | |\n", name)
	}
	return fmt.Sprintf("| %s | %d | %d | %d | %d | %d | %d | %.1f s | %s |\n",
		name, r.jobs, r.people, r.lost, r.twice, r.repeats, r.claims, r.pause.Seconds(), others)
}

// markdown is the table as docs/reliability.md shows it.
func markdown(rows []*row) string {
	var b strings.Builder
	b.WriteString("| scenario | jobs | recipients | lost | twice | repeats | claims | pause of the job hit | of the others |\n")
	b.WriteString("| --- | --: | --: | --: | --: | --: | --: | --: | --: |\n")
	for _, r := range rows {
		b.WriteString(r.line())
	}
	return b.String()
}

// writeInto replaces what is between the marks of a file.
func writeInto(path string, rows []*row) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(text), markBegin)
	_, tail, ok2 := strings.Cut(rest, markEnd)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no marks", path)
	}
	return os.WriteFile(path, []byte(head+markBegin+"\n"+markdown(rows)+"\n"+markEnd+tail), 0o644)
}
