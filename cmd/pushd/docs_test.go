package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pushd/internal/settings"
)

const operations = "docs/operations.md"

// rows are the lines of a table of settings, made from their tags.
func rows(of any) string {
	var b strings.Builder
	for f, flag := range settings.Fields(reflect.TypeOf(of)) {
		name := "`" + settings.EnvName(flag) + "`"
		if _, secret := f.Tag.Lookup("secret"); secret {
			name += ", `…_FILE`"
		}
		value := f.Tag.Get("default")
		if value == "" && f.Type.Kind() == reflect.Bool {
			value = "false"
		}
		if value != "" {
			value = "`" + value + "`"
		}
		allow := strings.TrimPrefix(settings.Allowed(f.Tag.Get), "; allowed: ")
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, value, allow, f.Tag.Get("help"))
	}
	return b.String()
}

// docs/operations.md has every setting, its default and its meaning.
func TestOperations_Settings(t *testing.T) {
	text := readFile(t, operations)
	for _, s := range []any{settings.Settings{}, settings.MigrateDatabase{}, settings.Remote{}} {
		for line := range strings.Lines(rows(s)) {
			if !strings.Contains(text, line) {
				t.Errorf("%s has no line\n%s", operations, line)
			}
		}
	}
	for _, name := range regexp.MustCompile(`PUSHD_[A-Z_]+[A-Z]`).FindAllString(text, -1) {
		if base := strings.TrimSuffix(name, "_FILE"); settings.All()[base].Flag == "" {
			t.Errorf("%s names %s, which is no setting", operations, name)
		}
	}
}

// It gives the rights that the store's test finds to be enough, and no other.
func TestOperations_Grants(t *testing.T) {
	grants := func(name string) []string {
		var found []string
		for _, m := range regexp.MustCompile(`GRANT (.+) ON live\.(\S+) TO (?:pushd_)?(migrate|pushd)@`).FindAllStringSubmatch(readFile(t, name), -1) {
			found = append(found, strings.Join(m[1:], " "))
		}
		slices.Sort(found)
		return found
	}
	want := grants("internal/store/migrate_test.go")
	if got := grants(operations); len(want) < 5 || !slices.Equal(got, want) {
		t.Errorf("%s grants\n%q\nthe store needs\n%q", operations, got, want)
	}
	want = append(want, "SELECT host_subscriber pushd") // for the audience query of deploy/compose.yaml
	slices.Sort(want)
	compose := slices.Concat(grants("deploy/compose/users.sh"), grants("deploy/compose/grants.sh"))
	slices.Sort(compose)
	if !slices.Equal(compose, want) {
		t.Errorf("deploy/compose grants\n%q\nthe store needs\n%q", compose, want)
	}
}

// It has every code that a program may meet, every reason of a job, every
// metric and every alert.
func TestOperations_Words(t *testing.T) {
	text := readFile(t, operations)
	for _, c := range []struct{ file, pattern string }{
		{"problem.go", `ProblemCode += "(\w+)"`},
		{"api/problem.go", `ProblemCode += "(\w+)"`},
		{"job.go", `Reason += "(\w+)"`},
		{"internal/metrics/collector.go", `desc\("(\w+)"`},
		{"api/metrics.go", `Name: "pushd_(\w+)"`},
		{"deploy/monitoring/alerts.yml", `alert: (\w+)`},
	} {
		found := regexp.MustCompile(c.pattern).FindAllStringSubmatch(readFile(t, c.file), -1)
		if len(found) < 2 {
			t.Errorf("%s: %q finds %d", c.file, c.pattern, len(found))
		}
		for _, m := range found {
			if !strings.Contains(text, m[1]) {
				t.Errorf("%s says nothing of %s (%s)", operations, m[1], c.file)
			}
		}
	}
}

// Links between the files of the repository lead somewhere, and nobody has to
// read more than 200 lines to begin.
func TestDocs_Links(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#: ]*)(#[^)]*)?\)`)
	checked := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".md" {
			return err
		}
		b, err := os.ReadFile(path)
		if n := strings.Count(string(b), "\n"); strings.HasPrefix(d.Name(), "README") && n > 200 {
			t.Errorf("%s has %d lines", path, n)
		}
		for _, m := range link.FindAllStringSubmatch(string(b), -1) {
			target, to := path, string(b)
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(path), m[1])
				other, err := os.ReadFile(target)
				if info, serr := os.Stat(target); serr != nil || err != nil && !info.IsDir() {
					t.Errorf("%s: %s leads nowhere", path, m[1])
				}
				to = string(other)
			}
			if m[2] != "" && !slices.Contains(anchors(to), m[2]) {
				t.Errorf("%s: %s has no heading %s", path, target, m[2])
			}
			checked++
		}
		return err
	})
	if err != nil || checked < 20 {
		t.Errorf("checked %d links, %v", checked, err)
	}
}

// anchors are the headings of a text as links name them.
func anchors(text string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		all = append(all, "#"+strings.ReplaceAll(name, " ", "-"))
	}
	return all
}
