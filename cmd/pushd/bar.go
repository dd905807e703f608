package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// barWidth is how many characters a full bar has.
const barWidth = 28

// bar shows a job's progress on a terminal, or line by line elsewhere. It is
// drawn here, for everything it shows comes ready from the API and nothing is
// left for a library but two strings.Repeat.
type bar struct {
	w        io.Writer
	terminal bool
	last     string // what is on the terminal's line, or the last line printed
}

// draw shows where the job is at now. Elsewhere than on a terminal it prints
// only what differs from the line before.
func (b *bar) draw(j record, now time.Time) { b.show(progress(j, now)) }

// show replaces the line.
func (b *bar) show(line string) {
	switch {
	case b.terminal:
		// \r and "erase to the end of the line"
		fmt.Fprint(b.w, "\r"+line+"\x1b[K")
	case line != b.last:
		fmt.Fprintln(b.w, line)
	}
	b.last = line
}

// close ends the line.
func (b *bar) close() {
	if b.terminal && b.last != "" {
		fmt.Fprintln(b.w)
	}
}

// progress is the line itself, at most 79 characters for the usual counts.
func progress(j record, now time.Time) string {
	var total int64
	if j.Total != nil {
		total = max(*j.Total, j.Walked)
	}
	line := gauge(j.done(), total) + fmt.Sprintf(" %d/%s", j.done(), orUnknown(j.Total))
	if lost := j.Failed + j.Unknown; lost > 0 {
		line += fmt.Sprintf(" (%d not sent)", lost)
	}
	switch {
	case j.State != "running":
		line += " " + standing(j)
	case j.ETA != nil && j.ETA.After(now):
		line += fmt.Sprintf(" %.0f/s, %s left", j.Rate, j.ETA.Sub(now).Round(time.Second))
	default:
		line += fmt.Sprintf(" %.0f/s", j.Rate)
	}
	return line
}

// gauge draws how much of total is done.
func gauge(done, total int64) string {
	share := 0.0
	if total > 0 {
		share = min(float64(done)/float64(total), 1)
	}
	full := int(share * barWidth)
	return fmt.Sprintf("[%s%s] %3d%%", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), int(share*100))
}
