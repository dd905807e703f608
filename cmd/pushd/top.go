package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"pushd"
	"pushd/api/client"
	"pushd/internal/settings"
)

// topCmd shows the jobs that have not ended, again and again.
type topCmd struct {
	settings.Remote `embed:""`
	AppID           string        `name:"appid" help:"Only jobs of this account."`
	Every           time.Duration `default:"1s" help:"How often to look."`
	Once            bool          `help:"Print one table and end, as is done where the output is no terminal."`
}

// Run implements the command.
func (c *topCmd) Run(a *app) error {
	api, err := dial(c.Remote, a)
	if err != nil {
		return err
	}
	defer api.HTTP.CloseIdleConnections()
	out, ok := a.stdout.(*os.File)
	if c.Once || !ok || !terminal(a.stdout) {
		t, err := c.look(a, api)
		if err != nil {
			return err
		}
		fmt.Fprintln(a.stdout, strings.Join(t.lines(120, 1<<20), "\n"))
		return nil
	}
	if in, ok := a.stdin.(*os.File); ok && terminal(in) {
		if before, err := term.MakeRaw(int(in.Fd())); err == nil { // so that a key is heard without Enter
			defer func() { _ = term.Restore(int(in.Fd()), before) }()
		}
	}
	fmt.Fprint(out, "\x1b[?1049h\x1b[?25l") // a screen of its own, without a cursor
	defer fmt.Fprint(out, "\x1b[?25h\x1b[?1049l")
	return c.watch(a, api, out)
}

// watch draws the table until q is pressed. A pushd that does not answer is
// asked again: it is being restarted.
func (c *topCmd) watch(a *app, api client.Client, out *os.File) error {
	quit := make(chan struct{})
	go func() {
		defer close(quit)
		awaitQuit(a.stdin)
	}()
	tick := time.NewTicker(max(c.Every, 100*time.Millisecond))
	defer tick.Stop()
	for {
		t, err := c.look(a, api)
		if err != nil && !client.Temporary(err) {
			return err
		}
		width, height, serr := term.GetSize(int(out.Fd()))
		if serr != nil || width <= 0 {
			width, height = 80, 24
		}
		lines := t.lines(width, height)
		if err != nil {
			lines = []string{cut("waiting: "+clean(err.Error()), width)}
		}
		fmt.Fprint(out, "\x1b[H"+strings.Join(lines, "\x1b[K\r\n")+"\x1b[K\x1b[J")
		select {
		case <-a.ctx.Done():
			return nil
		case <-quit:
			return nil
		case <-tick.C:
		}
	}
}

// awaitQuit reads keys until one of them ends the table: q, or Ctrl-C, which a
// raw terminal hands on as a byte. Where there are no keys it waits for ever.
func awaitQuit(in io.Reader) {
	keys := bufio.NewReader(in)
	for {
		switch key, err := keys.ReadByte(); {
		case err != nil:
			select {}
		case key == 'q', key == 'Q', key == 3:
			return
		}
	}
}

// look asks for the jobs that have not ended, and for what is held.
func (c *topCmd) look(a *app, api client.Client) (t table, err error) {
	filter := client.Filter{State: "queued,running,paused,parked", AppID: c.AppID, Limit: 200}
	for {
		list, err := api.Jobs(a.ctx, filter)
		if err != nil {
			return t, err
		}
		t.jobs = append(t.jobs, list.Items...)
		if filter.Cursor = list.NextCursor; filter.Cursor == "" {
			break
		}
	}
	slices.SortStableFunc(t.jobs, func(x, y client.Job) int {
		return cmp.Or(cmp.Compare(rank(x), rank(y)), by(x.Deadline).Compare(by(y.Deadline)))
	})
	t.hold, err = api.Hold(a.ctx, "")
	t.now = time.Now()
	return t, err
}

// rank puts those at work first.
func rank(j client.Job) int {
	return slices.Index([]pushd.State{pushd.Running, pushd.Parked, pushd.Queued, pushd.Paused}, j.State)
}

// by is a deadline that there may not be.
func by(t *time.Time) time.Time {
	if t == nil {
		return time.Unix(1<<40, 0)
	}
	return *t
}

// table is what pushd top shows.
type table struct {
	jobs []client.Job
	hold client.Hold
	now  time.Time
}

// lines draws the table for a terminal of this size: with less room there are
// fewer columns, and no line is longer.
func (t table) lines(width, height int) []string {
	lines := []string{cut(t.summary(), width)}
	if t.hold.Held {
		lines = append(lines, cut(fmt.Sprintf("EVERYTHING IS HELD since %s by %s: %s", precise(t.hold.Since), clean(t.hold.By), clean(t.hold.Reason)), width))
	}
	for _, one := range t.hold.Accounts {
		lines = append(lines, cut(fmt.Sprintf("account %s is held by %s: %s", clean(one.AppID), clean(one.By), clean(one.Reason)), width))
	}
	columns := slices.DeleteFunc(topColumns(), func(c column) bool { return width < c.from })
	lines = append(lines, row(columns, width, func(c column) string { return c.name }))
	room := max(height-len(lines)-1, 1) // the last line says what is left out
	for i, j := range t.jobs {
		if i == room && len(t.jobs) > room+1 {
			return append(lines, cut(fmt.Sprintf("and %d more; q quits", len(t.jobs)-i), width))
		}
		lines = append(lines, row(columns, width, func(c column) string { return c.of(j, t.now, width) }))
	}
	return lines
}

// summary is the first line.
func (t table) summary() string {
	count, rate := map[pushd.State]int{}, 0.0
	for _, j := range t.jobs {
		count[j.State]++
		rate += j.Rate
	}
	text := t.now.Local().Format("15:04:05")
	for _, s := range pushd.ActiveStates {
		text += fmt.Sprintf("  %d %s", count[s], s)
	}
	return text + fmt.Sprintf("  %.0f/s", rate)
}

// column is one of the table; it is there from a width on. The last takes what
// is left.
type column struct {
	name  string
	from  int
	width int // 0 = what is left
	of    func(j client.Job, now time.Time, width int) string
}

func topColumns() []column {
	return []column{
		{"JOB", 0, 8, func(j client.Job, _ time.Time, _ int) string { return clean(j.ID) }},
		{"", 110, 12, func(j client.Job, _ time.Time, _ int) string { return clean(j.ID[min(8, len(j.ID)):]) }},
		{"CHANNEL", 70, 10, func(j client.Job, _ time.Time, _ int) string { return fmt.Sprint(j.ActID) }},
		{"ACCOUNT", 90, 18, func(j client.Job, _ time.Time, _ int) string { return clean(j.AppID) }},
		{"DONE", 0, 17, func(j client.Job, _ time.Time, _ int) string { return share(j) }},
		{"RATE", 55, 7, func(j client.Job, _ time.Time, _ int) string { return fmt.Sprintf("%.0f/s", j.Rate) }},
		{"LEFT", 45, 7, func(j client.Job, now time.Time, _ int) string { return until(j.ETA, now) }},
		{"DEADLINE", 60, 8, func(j client.Job, now time.Time, _ int) string { return until(j.Deadline, now) }},
		{"STATE", 0, 0, func(j client.Job, _ time.Time, _ int) string { return why(j) }},
	}
}

// row puts the cells of a line together. The first two columns are one word.
func row(columns []column, width int, cell func(column) string) string {
	line := ""
	for i, c := range columns {
		text := cell(c)
		if c.width > 0 {
			text = fmt.Sprintf("%-*s", c.width, cut(text, c.width))
		}
		if i > 0 && c.name != "" {
			line += " "
		}
		line += text
	}
	return strings.TrimRight(cut(line, width), " ")
}

// share draws how much of a job is done.
func share(j client.Job) string {
	total := j.Walked
	if j.Total != nil {
		total = max(total, *j.Total)
	}
	if total == 0 {
		return "[..........]   ?"
	}
	part := min(float64(j.Done())/float64(total), 1)
	full := int(part * 10)
	return fmt.Sprintf("[%s%s] %3d%%", strings.Repeat("#", full), strings.Repeat(".", 10-full), int(part*100))
}

// until is how long it takes from now; "-" if that is not known.
func until(t *time.Time, now time.Time) string {
	if t == nil {
		return "-"
	}
	d := t.Sub(now).Round(time.Second)
	switch {
	case d < 0:
		return "over"
	case d >= 100*time.Hour:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	case d >= time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return d.String()
}

// why is the state of a job, what it waits for, and whether it will be late.
func why(j client.Job) string {
	text := standing(j)
	if late(j) != "" {
		text = "LATE " + text
	}
	if j.Detail != "" {
		text += ": " + clean(j.Detail)
	}
	return text
}

// cut shortens a text to so many characters.
func cut(text string, width int) string {
	if r := []rune(text); len(r) > width {
		return string(r[:max(width, 0)])
	}
	return text
}
