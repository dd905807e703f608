package main

import (
	"fmt"
	"strings"
)

// problems collects what is wrong with the settings, so that all of it is
// reported at once. A setting is reported once, by the first thing found.
type problems struct {
	names []string
	texts map[string]string
}

// add notes what is wrong with a setting, named by its environment variable.
func (p *problems) add(name, format string, args ...any) {
	if p.has(name) {
		return
	}
	if p.texts == nil {
		p.texts = make(map[string]string)
	}
	p.names = append(p.names, name)
	p.texts[name] = fmt.Sprintf(format, args...)
}

// mute keeps a setting out of the report: another one is to blame for it.
func (p *problems) mute(name string) {
	if p.texts == nil {
		p.texts = make(map[string]string)
	}
	p.texts[name] = "muted"
}

// has says whether something is wrong with a setting.
func (p *problems) has(name string) bool { return p.texts[name] != "" }

// err returns all problems as one error, or nil.
func (p *problems) err() error {
	if len(p.names) == 0 {
		return nil
	}
	return &settingsError{p}
}

// settingsError says that pushd cannot start with these settings.
type settingsError struct{ *problems }

func (e *settingsError) Error() string {
	var b strings.Builder
	b.WriteString("these settings are not usable:")
	for _, name := range e.names {
		fmt.Fprintf(&b, "\n  %s: %s", name, e.texts[name])
	}
	return b.String()
}
