package settings

import (
	"fmt"
	"strings"
)

// Problems collects what is wrong with the settings, so that all of it is
// reported at once. A setting is reported once, by the first thing found.
type Problems struct {
	names []string
	Texts map[string]string
}

// Add notes what is wrong with a setting, named by its environment variable.
func (p *Problems) Add(name, format string, args ...any) {
	if p.has(name) {
		return
	}
	if p.Texts == nil {
		p.Texts = make(map[string]string)
	}
	p.names = append(p.names, name)
	p.Texts[name] = fmt.Sprintf(format, args...)
}

// mute keeps a setting out of the report: another one is to blame for it.
func (p *Problems) mute(name string) {
	if p.Texts == nil {
		p.Texts = make(map[string]string)
	}
	p.Texts[name] = "muted"
}

// has says whether something is wrong with a setting.
func (p *Problems) has(name string) bool { return p.Texts[name] != "" }

// Err returns all problems as one error, or nil.
func (p *Problems) Err() error {
	if len(p.names) == 0 {
		return nil
	}
	return &Error{p}
}

// Error says that pushd cannot start with these settings.
type Error struct{ *Problems }

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("these settings are not usable:")
	for _, name := range e.names {
		fmt.Fprintf(&b, "\n  %s: %s", name, e.Texts[name])
	}
	return b.String()
}
