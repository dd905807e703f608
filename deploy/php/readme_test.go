package php_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Both READMEs name every setting of config.sample.php.
func TestReadmeNamesEverySetting(t *testing.T) {
	sample, err := os.ReadFile("config.sample.php")
	if err != nil {
		t.Fatal(err)
	}
	settings := regexp.MustCompile(`(?m)^    '(\w+)' *=>`).FindAllSubmatch(sample, -1)
	if len(settings) < 12 {
		t.Fatalf("found only %d settings", len(settings))
	}
	for _, file := range []string{"README.md", "README.zh-CN.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range settings {
			if !strings.Contains(string(text), "`"+string(s[1])+"`") {
				t.Errorf("%s says nothing of %s", file, s[1])
			}
		}
	}
}
