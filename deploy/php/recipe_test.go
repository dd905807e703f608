package php_test

import (
	"cmp"
	"os"
	"regexp"
	"strings"
	"testing"

	"pushd/deploy/php/phptest"
)

// route is the token route of a recipe: the indented block that begins with it.
var route = regexp.MustCompile(`(?m)^    Route::get\([^\n]*\n(?:    [^\n]*\n)*`)

// The token routes of the recipes give a token for a key that is configured, and
// for nothing else: not for no key where none is configured, nor for an appid that the
// database takes for the account's.
func TestRecipes_TokenRoute(t *testing.T) {
	for _, name := range []string{"laravel", "thinkphp"} {
		text, err := os.ReadFile("../../docs/recipes-" + name + ".md")
		if err != nil {
			t.Fatal(err)
		}
		code := string(route.Find(text))
		for what, c := range map[string]struct{ configured, given, want, appid string }{
			"right":                 {"secret", "secret", "200 the-token", ""},
			"another spelling":      {"secret", "secret", "404", "WX1"},
			"wrong":                 {"secret", "other", "401", ""},
			"absent":                {"secret", "", "401", ""},
			"new of two":            {"old, new", "new", "200 the-token", ""},
			"both at once":          {"old,new", "old,new", "401", ""},
			"not configured":        {"-", "", "500", ""},
			"empty":                 {"", "", "500", ""},
			"nothing but commas":    {" , ", "", "500", ""},
			"empty beside another":  {"secret,", "", "401", ""},
			"blank beside another":  {"secret, ", " ", "401", ""},
			"not configured, given": {"-", "secret", "500", ""},
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				run := phptest.New(t, nil).Script(t.Context(), t, "testdata/recipe.php", code, c.configured, c.given, cmp.Or(c.appid, "wx1"))
				if got := strings.TrimSpace(run.Stdout); got != c.want {
					t.Errorf("got %q, want %q %s", got, c.want, run.Stderr)
				}
			})
		}
	}
}
