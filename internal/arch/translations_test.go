package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A translation has a row for whatever the original has a row for: settings,
// answers, metrics, alerts, reasons.
func TestTranslations_AreComplete(t *testing.T) {
	translations, err := filepath.Glob("../../docs/*.zh-CN.md")
	if err != nil || len(translations) == 0 {
		t.Fatal("no translations were found", err)
	}
	for _, file := range translations {
		original, err := os.ReadFile(strings.TrimSuffix(file, ".zh-CN.md") + ".md")
		if os.IsNotExist(err) {
			continue // written in Chinese in the first place
		}
		text, err2 := os.ReadFile(file)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		for _, name := range rowNames(string(original)) {
			if !strings.Contains(string(text), name) {
				t.Errorf("%s does not name %s, for which the original has a row", file, name)
			}
		}
	}
}

var (
	ticked    = regexp.MustCompile("`([^`]+)`")
	alertName = regexp.MustCompile(`\bPushd[A-Z]\w+`)
)

// rowNames are the names in the first cells of a page's tables.
func rowNames(text string) (names []string) {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cell, _, _ := strings.Cut(line[1:], " | ")
		for _, m := range ticked.FindAllStringSubmatch(cell, -1) {
			names = append(names, m[1])
		}
		names = append(names, alertName.FindAllString(cell, -1)...)
	}
	return names
}

func TestRowNames(t *testing.T) {
	if got := strings.Join(rowNames("| `A`, `B` | `c` |\n| PushdDown | x |\n`D`\n"), " "); got != "A B PushdDown" {
		t.Errorf("names are %s", got)
	}
}
