package settings

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

// EnvName names the environment variable of a flag: send-timeout is
// PUSHD_SEND_TIMEOUT.
func EnvName(flag string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Setting is what a setting's field says about it.
type Setting struct {
	Flag   string
	Secret bool
}

// All lists all settings of all commands, by environment variable.
func All() map[string]Setting {
	all := make(map[string]Setting)
	for _, s := range []any{Settings{}, MigrateDatabase{}, Remote{}} {
		for f, name := range Fields(reflect.TypeOf(s)) {
			_, secret := f.Tag.Lookup("secret")
			all[EnvName(name)] = Setting{name, secret}
		}
	}
	return all
}

// Environment gives kong the settings that are environment variables, or
// files named by some.
type Environment struct {
	vars     map[string]string
	Known    map[string]Setting
	Problems *Problems
	// Again says that the files have been read before. A pipe is empty then, and
	// would be waited for.
	Again bool
	// Warnings are about settings that are usable all the same.
	Warnings []string
}

// NewEnvironment takes the settings out of environ, and tells p what is wrong
// with them.
func NewEnvironment(environ []string, p *Problems) *Environment {
	e := &Environment{vars: make(map[string]string), Known: All(), Problems: p}
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
func (e *Environment) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	name := EnvName(flag.Name)
	known, ok := e.Known[name]
	if !ok {
		return nil, nil
	}
	value, set := e.vars[name]
	file, fileSet := e.vars[name+"_FILE"]
	switch {
	case known.Secret && set && fileSet:
		e.Problems.Add(name, "is set twice, also as %s_FILE; unset one", name)
	case known.Secret && fileSet:
		if text, ok := e.read(name+"_FILE", file); ok {
			return text, nil
		}
		e.Problems.mute(name)
	case set:
		return value, nil
	}
	return nil, nil
}

// read reads a secret from a file, without its last line break.
func (e *Environment) read(name, path string) (string, bool) {
	if path == "" {
		e.Problems.Add(name, "is set but empty; name a file or unset it")
		return "", false
	}
	info, err := os.Stat(path)
	pipe := err == nil && info.Mode().Type() == fs.ModeNamedPipe
	if pipe && e.Again {
		e.Problems.Add(name, "is a pipe, %s, which can be read only once; restart pushd", path)
		return "", false
	}
	text, err := os.ReadFile(path)
	if err != nil {
		e.Problems.Add(name, "cannot be read: %v", err)
		return "", false
	}
	if info != nil && info.Mode().Perm()&0o004 != 0 && !pipe {
		e.Warnings = append(e.Warnings, fmt.Sprintf("%s: everyone on this machine can read %s", name, path))
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if secret == "" {
		e.Problems.Add(name, "names an empty file, %s", path)
		return "", false
	}
	return secret, true
}

// Validate implements kong.Resolver: a PUSHD_ variable that nothing reads is a
// mistake, and one that would go unnoticed.
func (e *Environment) Validate(*kong.Application) error {
	for _, name := range slices.Sorted(maps.Keys(e.vars)) {
		base, file := strings.CutSuffix(name, "_FILE")
		known, ok := e.Known[base]
		switch {
		case e.Known[name].Flag != "" || file && known.Secret || e.serviceLink(name):
		case file && ok:
			e.Problems.Add(name, "does not exist, for it is no secret; set %s itself", base)
		default:
			e.Problems.Add(name, "there is no such setting%s", e.nearest(name))
		}
	}
	return nil
}

// serviceLink says whether Kubernetes made the variable: it gives every pod
// the addresses of the services beside it, and one may be named pushd.
func (e *Environment) serviceLink(name string) bool {
	if _, ok := e.vars["PUSHD_SERVICE_HOST"]; !ok {
		return false
	}
	return strings.HasPrefix(name, "PUSHD_SERVICE_") || name == "PUSHD_PORT" || strings.HasPrefix(name, "PUSHD_PORT_")
}

// nearest suggests a setting whose name is at most a few letters away.
func (e *Environment) nearest(name string) string {
	best, least := "", len(name)/3
	for _, known := range slices.Sorted(maps.Keys(e.Known)) {
		candidates := []string{known}
		if e.Known[known].Secret {
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

// Warn logs what is usable but not wise.
func (e *Environment) Warn(log *slog.Logger) {
	for _, w := range e.Warnings {
		log.Warn(w)
	}
}
