package main

import (
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// prefix is how the names of pushd's environment variables start.
const prefix = "PUSHD_"

// envName names the environment variable of a flag: send-timeout is
// PUSHD_SEND_TIMEOUT.
func envName(flag string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// setting is what a setting's field says about it.
type setting struct {
	flag   string
	secret bool
}

// settings lists all settings of all commands, by environment variable.
func settings() map[string]setting {
	all := make(map[string]setting)
	for _, s := range []any{Settings{}, MigrateDatabase{}, Remote{}} {
		for f, name := range fields(reflect.TypeOf(s)) {
			_, secret := f.Tag.Lookup("secret")
			all[envName(name)] = setting{name, secret}
		}
	}
	return all
}

// environment gives kong the settings that are environment variables, or
// files named by some.
type environment struct {
	vars     map[string]string
	known    map[string]setting
	problems *problems
	// warnings are about settings that are usable all the same.
	warnings []string
}

func newEnvironment(environ []string, p *problems) *environment {
	e := &environment{vars: make(map[string]string), known: settings(), problems: p}
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok && strings.HasPrefix(name, prefix) {
			e.vars[name] = value
		}
	}
	if _, set := e.vars["PUSHD_STATE_DIR"]; !set {
		if dir := stateDirectory(environ); dir != "" {
			e.vars["PUSHD_STATE_DIR"] = dir
		}
	}
	return e
}

// stateDirectory is the directory that systemd has made for a unit with
// StateDirectory=, the first if there are several; "" if there is none.
func stateDirectory(environ []string) string {
	for _, pair := range environ {
		if list, ok := strings.CutPrefix(pair, "STATE_DIRECTORY="); ok {
			dir, _, _ := strings.Cut(list, ":")
			return dir
		}
	}
	return ""
}

// Resolve implements kong.Resolver.
func (e *environment) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	name := envName(flag.Name)
	known, ok := e.known[name]
	if !ok {
		return nil, nil
	}
	value, set := e.vars[name]
	file, fileSet := e.vars[name+"_FILE"]
	switch {
	case known.secret && set && fileSet:
		e.problems.add(name, "is set twice, also as %s_FILE; unset one", name)
	case known.secret && fileSet:
		if text, ok := e.read(name+"_FILE", file); ok {
			return text, nil
		}
		e.problems.mute(name)
	case set:
		return value, nil
	}
	return nil, nil
}

// read reads a secret from a file, without its last line break.
func (e *environment) read(name, path string) (string, bool) {
	if path == "" {
		e.problems.add(name, "is set but empty; name a file or unset it")
		return "", false
	}
	text, err := os.ReadFile(path)
	if err != nil {
		e.problems.add(name, "cannot be read: %v", err)
		return "", false
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o004 != 0 && info.Mode().Type() != fs.ModeNamedPipe {
		e.warnings = append(e.warnings, fmt.Sprintf("%s: everyone on this machine can read %s", name, path))
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if secret == "" {
		e.problems.add(name, "names an empty file, %s", path)
		return "", false
	}
	return secret, true
}

// Validate implements kong.Resolver: a PUSHD_ variable that nobody reads is a
// mistake, and one that would go unnoticed.
func (e *environment) Validate(*kong.Application) error {
	for _, name := range slices.Sorted(maps.Keys(e.vars)) {
		base, file := strings.CutSuffix(name, "_FILE")
		known, ok := e.known[base]
		switch {
		case e.known[name].flag != "" || file && known.secret || e.serviceLink(name):
		case file && ok:
			e.problems.add(name, "does not exist, for it is no secret; set %s itself", base)
		default:
			e.problems.add(name, "there is no such setting%s", e.nearest(name))
		}
	}
	return nil
}

// serviceLink says whether Kubernetes made the variable: it gives every pod
// the addresses of the services beside it, and one may be named pushd.
func (e *environment) serviceLink(name string) bool {
	if _, ok := e.vars["PUSHD_SERVICE_HOST"]; !ok {
		return false
	}
	return strings.HasPrefix(name, "PUSHD_SERVICE_") || name == "PUSHD_PORT" || strings.HasPrefix(name, "PUSHD_PORT_")
}

// nearest suggests a setting whose name is at most a few letters away.
func (e *environment) nearest(name string) string {
	best, least := "", len(name)/3
	for _, known := range slices.Sorted(maps.Keys(e.known)) {
		candidates := []string{known}
		if e.known[known].secret {
			candidates = append(candidates, known+"_FILE")
		}
		for _, c := range candidates {
			if d := distance(name[len(prefix):], c[len(prefix):]); d < least {
				best, least = c, d
			}
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance is how many letters must be added, dropped or changed to make b
// of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := corner
			if a[i] != b[j] {
				change++
			}
			corner = row[j+1]
			row[j+1] = min(change, row[j]+1, corner+1)
		}
	}
	return row[len(b)]
}

// warn logs what is usable but not wise.
func (e *environment) warn(log *slog.Logger) {
	for _, w := range e.warnings {
		log.Warn(w)
	}
}
