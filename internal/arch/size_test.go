package arch

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mostLines is how many lines of Go a package of the product may have, tests left
// out: some 3,700. What grows beyond holds more than one thing; a part of it that
// needs to know nothing of the rest gets a package of its own below it.
const mostLines = 3_800

func TestPackages_AreSmall(t *testing.T) {
	deps := list(t, "./cmd/pushd")[0].Deps
	found := 0
	for _, p := range list(t, "./...") {
		if !slices.Contains(deps, p.ImportPath) {
			continue // the tests' surroundings
		}
		found++
		lines := 0
		for _, name := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			lines += bytes.Count(text, []byte("\n"))
		}
		if fault := tooLarge(strings.TrimPrefix(p.ImportPath, module), lines); fault != "" {
			t.Error(fault)
		}
	}
	if found < 30 {
		t.Errorf("looked at %d packages", found)
	}
}

// tooLarge says what is wrong with a package of so many lines.
func tooLarge(name string, lines int) string {
	if lines <= mostLines {
		return ""
	}
	return fmt.Sprintf("%s has %d lines; move what need not know of the rest into a package of its own", name, lines)
}

func TestPackages_Bite(t *testing.T) {
	if tooLarge("internal/x", mostLines) != "" || tooLarge("internal/x", mostLines+1) == "" {
		t.Errorf("%d lines are judged wrong", mostLines)
	}
}
