package console

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pushd"
)

// both reads the catalogue.
func both(t *testing.T) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	for _, code := range languages {
		raw, err := os.ReadFile("words/" + code + ".json")
		if err != nil {
			t.Fatal(err)
		}
		words := map[string]string{}
		if err := json.Unmarshal(raw, &words); err != nil {
			t.Fatal(err)
		}
		all[code] = words
	}
	return all
}

var verb = regexp.MustCompile(`%(?:\[\d\])?[sd]`)

// Both languages say the same things, of the same figures.
func TestWords_AreInBothLanguages(t *testing.T) {
	all := both(t)
	for key, en := range all["en"] {
		zh, ok := all["zh"][key]
		if !ok || strings.TrimSpace(zh) == "" || strings.TrimSpace(en) == "" {
			t.Errorf("%s is not in both languages", key)
		}
		if a, b := len(verb.FindAllString(en, -1)), len(verb.FindAllString(zh, -1)); a != b {
			t.Errorf("%s has %d figures in English and %d in Chinese", key, a, b)
		}
	}
	for key := range all["zh"] {
		if _, ok := all["en"][key]; !ok {
			t.Errorf("%s is in Chinese only", key)
		}
	}
}

var (
	wanted = regexp.MustCompile(`\bt "([a-z._]+)"|\bt\("([a-z._]+)"|(?:Title|Problem|key): ?"([a-z._]+)"|key :?= "([a-z._]+)"|Problem = "([a-z._]+)"|sorry\(v, [^,]+, "([a-z._]+)"|invalid\("[a-z]+", "([a-z._]+)"|failed\(v, "([a-z._]+)"|"((?:now|account)\.[a-z.]+)"|"(time\.ago)"`)
	// made are beginnings of keys whose end is a word of the API's or a name.
	made = []string{
		"advice.", "alarm.", "audience.", "stop.done.", "ask.", "code.", "command.", "done.", "errcode.", "event.", "events.", "figure.", "lang", "language.", "level.", "nav.", "receipt.",
		"outcome.", "part.", "reason.", "state.", "verdict.",
	}
)

// Whatever a page says is in the catalogue, and the catalogue has nothing that no
// page says.
func TestWords_AreSaid(t *testing.T) {
	said := map[string]bool{}
	files, _ := filepath.Glob("views/*.html")
	sources, _ := filepath.Glob("*.go")
	for _, name := range append(files, sources...) {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, m := range wanted.FindAllStringSubmatch(string(raw), -1) {
			said[strings.Join(m[1:], "")] = true
		}
	}
	words := both(t)["en"]
	for key := range said {
		if words[key] == "" && !slices.ContainsFunc(made, func(begin string) bool { return key == begin }) {
			t.Errorf("the catalogue lacks %s", key)
		}
	}
	for key := range words {
		if !said[key] && !slices.ContainsFunc(made, func(begin string) bool { return strings.HasPrefix(key, begin) }) {
			t.Errorf("no page says %s", key)
		}
	}
}

// Every word that the API may say of a job is explained.
func TestWords_KnowTheAPI(t *testing.T) {
	words := both(t)["en"]
	want := func(kind string, all ...string) {
		t.Helper()
		if len(all) < 3 {
			t.Fatalf("%d words of %s", len(all), kind)
		}
		for _, word := range all {
			if words[kind+"."+word] == "" {
				t.Errorf("%s.%s is not in the catalogue", kind, word)
			}
		}
	}
	source, err := os.ReadFile("../../job.go")
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, m := range regexp.MustCompile(`Reason += "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		reasons = append(reasons, m[1])
	}
	want("reason", reasons...)
	var states, verdicts, own []string
	for _, s := range slices.Concat(pushd.ActiveStates, pushd.EndedStates) {
		states = append(states, string(s))
	}
	for _, v := range pushd.Verdicts() {
		verdicts = append(verdicts, v.String())
	}
	for code := range 20 {
		if name := pushd.CodeName(-10000 - code); name != "" {
			own = append(own, name)
		}
	}
	want("state", states...)
	want("verdict", verdicts...)
	want("errcode", own...)
	want("done", commandNames()...)
	want("outcome", outcomes...)
	said := slices.Clone(receipts)
	for _, r := range pushd.AllReceipts {
		said = append(said, r.String())
	}
	want("receipt", said...)
	want("figure", counted...)
	source, err = os.ReadFile("../../event.go")
	if err != nil {
		t.Fatal(err)
	}
	var events []string
	for _, m := range regexp.MustCompile(`EventKind += "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		events = append(events, m[1])
	}
	want("event", events...)
}

// Figures are exact and have separators; a share is never rounded to all or
// nothing.
func TestFigures(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -12345: "−12,345"} {
		if got := number(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	if got := number((*int64)(nil)); got != "–" {
		t.Errorf("unknown: %s", got)
	}
	for want, of := range map[string][2]int64{"<0.1 %": {1, 5_000_000}, ">99.9 %": {4_999_999, 5_000_000}, "100 %": {3, 3}, "0 %": {0, 7}, "33.3 %": {1, 3}, "–": {0, 0}} {
		if got := share(of[0], of[1]); got != want {
			t.Errorf("%d of %d: %s", of[0], of[1], got)
		}
	}
	if got := mask("oAbcdefghijklmnop"); got != "oAbc…mnop" {
		t.Errorf("masked %s", got)
	}
}

// Where somebody is led after the log-in is below the console.
func TestLocal(t *testing.T) {
	for path, want := range map[string]string{
		"": Root, "/console/jobs?state=failed": "/console/jobs?state=failed", "https://evil.example/": Root,
		"//evil.example/console/": Root, "/console//evil.example": Root, `/console/\evil`: Root, "/v1/jobs": Root,
	} {
		if got := local(path); got != want {
			t.Errorf("%q leads to %q", path, got)
		}
	}
}
