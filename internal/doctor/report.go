package doctor

import (
	"fmt"
	"io"

	"pushd/internal/progress"
)

// report prints one line per check: ok, warn or fail, what it is about, what
// was found and what to do.
type report struct {
	w      io.Writer
	failed bool
	about  map[string]bool // what has failed
}

// failedAbout says whether a check of that name has failed.
func (r *report) failedAbout(about string) bool { return r.about[about] }

func (r *report) ok(about, format string, args ...any) { r.line("ok", about, format, args) }

func (r *report) warn(about, format string, args ...any) { r.line("warn", about, format, args) }

func (r *report) fail(about, format string, args ...any) {
	r.failed = true
	if r.about == nil {
		r.about = map[string]bool{}
	}
	r.about[about] = true
	r.line("fail", about, format, args)
}

func (r *report) line(level, about, format string, args []any) {
	fmt.Fprintf(r.w, "%-4s  %s: %s\n", level, about, progress.Clean(fmt.Sprintf(format, args...)))
}
