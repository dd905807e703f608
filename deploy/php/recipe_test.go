package php_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pushd/deploy/php/phptest"
)

// recipes are the texts for frameworks, in docs.
var recipes = []string{"recipes-laravel.md", "recipes-thinkphp.md"}

// recipeBlocks writes the PHP of a recipe into files, one a block.
func recipeBlocks(t *testing.T, recipe string) (files []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + recipe)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for i, m := range regexp.MustCompile("(?s)```php\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		file := filepath.Join(dir, fmt.Sprintf("%d.php", i))
		write(t, file, "<?php\n"+m[1])
		files = append(files, file)
	}
	if outside := regexp.MustCompile(`(?m)^    .*(\$\w+ =|->|::)`).FindString(regexp.MustCompile("(?s)```.*?```").ReplaceAllString(string(text), "")); outside != "" {
		t.Errorf("%s has PHP outside its blocks, which no test runs: %s", recipe, outside)
	}
	return files
}

// blockWith is the one block of a recipe that holds a text.
func blockWith(t *testing.T, recipe, text string) (found string) {
	t.Helper()
	for _, file := range recipeBlocks(t, recipe) {
		block, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(block), text) {
			if found != "" {
				t.Errorf("%s has two blocks with %q", recipe, text)
			}
			found = file
		}
	}
	if found == "" {
		t.Fatalf("%s has no block with %q", recipe, text)
	}
	return found
}

func TestRecipes_Syntax(t *testing.T) {
	for _, recipe := range recipes {
		files := recipeBlocks(t, recipe)
		if len(files) != 3 {
			t.Errorf("%s has %d blocks of PHP", recipe, len(files))
		}
		for _, file := range files {
			if out, err := exec.Command(phptest.PHP(t), "-l", file).CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s", recipe, err, out)
			}
		}
		if run := phptest.New(t, nil).Script(t.Context(), t, "testdata/lint72.php", files...); run.Code != 0 {
			t.Errorf("%s: %s%s", recipe, run.Stdout, run.Stderr)
		}
	}
}

// tokenRoute holds a route to what token.php does: no key at all opens nothing, two
// keys are both good, and every answer is JSON.
func tokenRoute(t *testing.T, e *endpoint, serve func(keys string) string, token string) {
	with := func(name, value string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Del("X-Pushd-Key")
			if name != "" {
				r.Header.Set(name, value)
			}
		}
	}
	for _, keys := range []string{"", " ", ",", " , "} {
		base := serve(keys)
		for _, try := range []func(*http.Request){with("", ""), with("X-Pushd-Key", ""), with("X-Pushd-Key", keys), with("Authorization", "Bearer ,")} {
			if a := askAt(t, base, "appid=wx1", try); a.Status != 500 || a.AccessToken != "" || !strings.Contains(a.Msg, "token_key") {
				t.Errorf("with the keys %q: %d %s", keys, a.Status, a.Text)
			}
		}
	}
	base := serve("next-key, " + tokenKey + ", ,")
	for _, c := range []struct {
		name, value string
		want        int
	}{
		{"X-Pushd-Key", tokenKey, 200}, {"X-Pushd-Key", "next-key", 200}, {"Authorization", "Bearer next-key", 200},
		{"", "", 401}, {"X-Pushd-Key", "", 401}, {"X-Pushd-Key", "next-key, " + tokenKey, 401}, {"X-Pushd-Key", ",", 401}, {"X-Pushd-Key", " ", 401}, {"Authorization", "Bearer  ", 401},
		{"X-Pushd-Key", "next", 401}, {"Authorization", "Bearer", 401}, {"Authorization", "Basic next-key", 401},
	} {
		a := askAt(t, base, "appid=wx1", with(c.name, c.value))
		if a.Status != c.want || (a.AccessToken == token) != (c.want == 200) {
			t.Errorf("%s: %q: %d %s", c.name, c.value, a.Status, a.Text)
		}
	}
	for query, want := range map[string]int{
		"appid=wx1&actid=42": 200, "appid=wx2": 404, "appid=WX1": 404, "appid=wx1%20": 400, "appid[]=wx1": 400, "": 400,
		"appid=wx1&rejected=0123456789abcdef": 200, "appid=wx1&rejected=xyz": 400, "appid=wx1&rejected[]=1": 400,
	} {
		if a := askAt(t, base, query); a.Status != want || (a.AccessToken == token) != (want == 200) {
			t.Errorf("%s: %d %s", query, a.Status, a.Text)
		}
	}
	if a := askAt(t, base, "appid=wx1&rejected="+fingerprint(token)); a.Status != 200 || a.AccessToken == token || a.AccessToken == "" {
		t.Errorf("the refused token again: %d %s", a.Status, a.Text)
	}
	if a := askAt(t, base, "appid=wx1", func(r *http.Request) { r.Method = "POST" }); a.Status != 405 || a.Header.Get("Allow") != "GET" {
		t.Errorf("POST: %d %s", a.Status, a.Text)
	}
}
