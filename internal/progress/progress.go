// Package progress draws how far a job is, on a terminal or line by line. The
// command "pushd job watch" and the demo show the same bar.
package progress

import (
	"fmt"
	"io"
	"strings"
	"time"

	"pushd"
	"pushd/api/client"
)

// Bar shows a job's progress in one line, which it replaces on a terminal. It
// is drawn here, for everything it shows comes ready from the API and nothing
// is left for a library but two strings.Repeat.
type Bar struct {
	W        io.Writer
	Terminal bool
	last     string // what is on the terminal's line, or the last line printed
}

// Draw shows where the job is at now. Elsewhere than on a terminal it prints
// only what differs from the line before.
func (b *Bar) Draw(j client.Job, now time.Time) { b.Show(Line(j, now)) }

// Show replaces the line by a text.
func (b *Bar) Show(line string) {
	line = Clean(line)
	switch {
	case b.Terminal:
		// \r and "erase to the end of the line"
		fmt.Fprint(b.W, "\r"+line+"\x1b[K")
	case line != b.last:
		fmt.Fprintln(b.W, line)
	}
	b.last = line
}

// Note prints a text that stays, above the bar.
func (b *Bar) Note(text string) {
	if b.Terminal {
		fmt.Fprint(b.W, "\r\x1b[K")
	}
	fmt.Fprintln(b.W, text)
	if b.Terminal {
		fmt.Fprint(b.W, b.last)
	}
}

// Close ends the line.
func (b *Bar) Close() {
	if b.Terminal && b.last != "" {
		fmt.Fprintln(b.W)
	}
	b.last = ""
}

// Line is the line itself, at most 79 characters for the usual counts.
func Line(j client.Job, now time.Time) string {
	var total int64
	of := "?"
	if j.Total != nil {
		total, of = max(*j.Total, j.Walked), fmt.Sprint(*j.Total)
	}
	line := gauge(j.Done(), total) + fmt.Sprintf(" %d/%s", j.Done(), of)
	if lost := j.Failed + j.Unknown; lost > 0 {
		line += fmt.Sprintf(" (%d not sent)", lost)
	}
	switch {
	case j.State != pushd.Running:
		line += " " + j.Standing()
	case j.ETA != nil && j.ETA.After(now):
		line += fmt.Sprintf(" %.0f/s, %s left", j.Rate, j.ETA.Sub(now).Round(time.Second))
	default:
		line += fmt.Sprintf(" %.0f/s", j.Rate)
	}
	return line
}

// width is how many characters a full bar has.
const width = 28

// gauge draws how much of total is done.
func gauge(done, total int64) string {
	share := 0.0
	if total > 0 {
		share = min(float64(done)/float64(total), 1)
	}
	full := int(share * width)
	return fmt.Sprintf("[%s%s] %3d%%", strings.Repeat("#", full), strings.Repeat(".", width-full), int(share*100))
}

// Clean keeps texts of others from moving the cursor or changing colours.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 {
			return ' '
		}
		return r
	}, text)
}
