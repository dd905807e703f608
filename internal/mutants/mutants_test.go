package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// Code moves, and a mistake that can no longer be made is found only by make
// mutants, which takes hours. So the texts are checked here: each is in its
// file exactly once, and what replaces it is still Go.
func TestMutants_CanBeMade(t *testing.T) {
	root := os.DirFS("../..")
	for _, m := range mutants() {
		wrong, err := m.apply(root)
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
		for name, text := range wrong {
			if right, _ := fs.ReadFile(root, name); text == string(right) {
				t.Errorf("%s: %s stays as it is", m.name, name)
			}
			if !strings.HasSuffix(name, ".go") {
				continue
			}
			if _, err := parser.ParseFile(token.NewFileSet(), name, text, 0); err != nil {
				t.Errorf("%s: %v", m.name, err)
			}
		}
	}
}

// A test that is renamed runs as "no tests to run", which is green: the
// mistake would seem to survive.
func TestMutants_NameTestsThatExist(t *testing.T) {
	for _, m := range mutants() {
		if len(m.tests) == 0 {
			t.Errorf("%s: no test should notice it", m.name)
		}
		for _, test := range m.tests {
			pkg, pattern, found := strings.Cut(test, " ")
			if !found {
				t.Errorf("%s: %q is no package and pattern", m.name, test)
				continue
			}
			if !hasTest(t, filepath.Join("../..", pkg), pattern) {
				t.Errorf("%s: %s has no test like %s", m.name, pkg, pattern)
			}
			if scenario, found := strings.CutPrefix(test, crash); found && !hasScenario(t, scenario) {
				t.Errorf("%s: there is no scenario like %s", m.name, scenario)
			}
			if rule, found := strings.CutPrefix(pattern, "TestLedger/./"); found && !hasRule(t, rule) {
				t.Errorf("%s: no rule of a ledger is like %s", m.name, rule)
			}
		}
	}
}

// hasTest says whether a package has a test that go test -run would pick, by
// the part of the pattern in front of its first slash.
func hasTest(t *testing.T, dir, pattern string) bool {
	t.Helper()
	top, _, _ := strings.Cut(pattern, "/")
	re, err := regexp.Compile(top)
	if err != nil {
		t.Errorf("%s: %v", pattern, err)
		return false
	}
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range declared.FindAllSubmatch(text, -1) {
			if re.Match(d[1]) {
				return true
			}
		}
	}
	return false
}

// hasScenario says whether the crash harness has a scenario of which go test
// -run would find the name. Some names are made of several: what stands for %s
// in them, or behind a blank at the end, is not known here.
func hasScenario(t *testing.T, pattern string) bool {
	t.Helper()
	files, err := filepath.Glob("../crashtest/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`scenario\{name: fmt\.Sprintf\("([^"]+)"|\{name: "([^"]+)"`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range name.FindAllStringSubmatch(string(text), -1) {
			known := strings.NewReplacer(" ", "_", "%%", "%").Replace(m[1] + m[2])
			if regexp.MustCompile(pattern).MatchString(known) || strings.HasSuffix(known, "_") && strings.HasPrefix(pattern, known) {
				return true
			}
		}
	}
	return false
}

// hasRule says whether every ledger is tried on a rule of which go test -run
// would find the name.
func hasRule(t *testing.T, pattern string) bool {
	t.Helper()
	files, err := filepath.Glob("../ledgertest/rules_*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^\t\t\{"(\w+)", \w+(?:\(\w+\))?\},$`).FindAllStringSubmatch(string(text), -1) {
			if regexp.MustCompile(pattern).MatchString(m[1]) {
				return true
			}
		}
	}
	return false
}

func TestMutant_Apply(t *testing.T) {
	tree := fstest.MapFS{"a.go": {Data: []byte("one two two")}}
	for _, c := range []struct {
		name  string
		edits []edit
		want  string // "" is an error
	}{
		{"once", []edit{{"a.go", "one", "1"}}, "1 two two"},
		{"one after the other", []edit{{"a.go", "one", "1"}, {"a.go", "1 two", "2"}}, "2 two"},
		{"twice", []edit{{"a.go", "two", "2"}}, ""},
		{"moved", []edit{{"a.go", "three", "3"}}, ""},
		{"no such file", []edit{{"b.go", "one", "1"}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			wrong, err := mutant{edits: c.edits}.apply(tree)
			if wrong["a.go"] != c.want || (err == nil) != (c.want != "") {
				t.Errorf("got %q, %v", wrong["a.go"], err)
			}
		})
	}
	if hasTest(t, ".", "TestNoSuch") || !hasTest(t, ".", "TestMutant_Apply/sub") {
		t.Error("tests are not found by their names")
	}
	if hasScenario(t, "no_such_scenario") || !hasScenario(t, "SIGTERM_at_(random|no)_moments") {
		t.Error("scenarios are not found by their names")
	}
	if hasRule(t, "NoSuchRule") || !hasRule(t, "(NoSuch|TakeBack)") {
		t.Error("rules of a ledger are not found by their names")
	}
}
