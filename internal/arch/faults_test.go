package arch

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each test that the track record names must exist: a fault whose test is gone
// can come back unseen.
func TestFaults_NameTestsThatExist(t *testing.T) {
	text, err := os.ReadFile("../../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	named := namedTests(string(text), "## Faults found\n")
	if len(named) < 30 {
		t.Fatalf("the track record names %d tests; is it still there?", len(named))
	}
	known := testsBelow(t, "../..")
	for _, name := range named {
		if !known[name] {
			t.Errorf("docs/reliability.md names %s, and there is no such test", name)
		}
	}
}

// namedTests lists the tests that a section names, up to the next section.
func namedTests(text, heading string) []string {
	_, section, found := strings.Cut(text, heading)
	if !found {
		return nil
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var names []string
	for _, m := range regexp.MustCompile("`(Test[A-Za-z0-9_]+)").FindAllStringSubmatch(section, -1) {
		names = append(names, m[1])
	}
	return names
}

// testsBelow finds the names of all tests below a directory.
func testsBelow(t *testing.T, root string) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9_]+)\(`)
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(text, -1) {
			known[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return known
}

func TestNamedTests_Bite(t *testing.T) {
	got := namedTests("`TestA`\n## Faults found\n| x | `TestB` `TestC/sub` |\n## More\n`TestD`\n", "## Faults found\n")
	if strings.Join(got, " ") != "TestB TestC" {
		t.Errorf("named: %v", got)
	}
	if testsBelow(t, ".")["TestNoSuchTest"] || !testsBelow(t, ".")["TestNamedTests_Bite"] {
		t.Error("tests are not found by their names")
	}
}
