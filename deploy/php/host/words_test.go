package host_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pushd/deploy/php/phptest"
)

// constants reads the constants of a type of text out of a file of Go.
func constants(t *testing.T, file, kind string) (all []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		name := ""
		switch typ := spec.Type.(type) {
		case *ast.Ident:
			name = typ.Name
		case *ast.SelectorExpr:
			name = typ.Sel.Name
		}
		if value, ok := spec.Values[0].(*ast.BasicLit); ok && name == kind {
			text, _ := strconv.Unquote(value.Value)
			all = append(all, text)
		}
		return true
	})
	if len(all) < 5 {
		t.Fatalf("%s has only %v of type %s", file, all, kind)
	}
	return all
}

// found are the first groups of all matches in a file.
func found(t *testing.T, file, pattern string) (all []string) {
	t.Helper()
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(read(t, file), -1) {
		all = append(all, m[1])
	}
	if len(all) == 0 {
		t.Fatalf("%s has no %s", file, pattern)
	}
	return all
}

// Whatever pushd may say, owners read it in Chinese: each code of a refusal, each
// reason with its parameters, each reason of a job, each warning.
func TestWords_AllThatPushdSays(t *testing.T) {
	const root = "../../../"
	type problem = map[string]any
	var problems []problem
	say := func(word string, params map[string]string) {
		problems = append(problems, problem{"reason": word, "params": params})
	}
	for _, word := range constants(t, root+"why.go", "WhyWord") {
		switch word {
		case "malformed", "unfit", "channel_lacks", "channel_invisible", "wechat": // below, for each of its parameters
		default:
			say(word, map[string]string{"limit": "20", "low": "1", "high": "9", "found": "{{x}}", "fields": "thing1", "key": "thing1", "label": "课程"})
		}
	}
	say("too_long", map[string]string{"limit": "20", "have": "21", "type": "thing"})
	for _, typ := range found(t, root+"internal/compose/fit.go", `(?m)^\t"(\w+)":\s+"`) {
		say("unfit", map[string]string{"type": typ})
	}
	for _, what := range []string{"title", "startTime", "minutes", "url"} {
		say("channel_lacks", map[string]string{"what": what})
		say("channel_invisible", map[string]string{"what": what})
	}
	for _, want := range []string{"link", "path", "name", "text", "object", "field names"} { // of what owners fill in
		say("malformed", map[string]string{"want": want})
	}
	for _, code := range []string{"40037", "43004", "43101", "47003", "48001", "45009", "-1", "99999"} {
		say("wechat", map[string]string{"errcode": code})
	}
	asked, err := json.Marshal(map[string]any{
		"codes":    append(constants(t, root+"problem.go", "ProblemCode"), append(constants(t, root+"api/problem.go", "ProblemCode"), "quota_short", "audience_odd", "held", "wechat_down")...),
		"problems": problems,
		"reasons":  constants(t, root+"job.go", "Reason"),
		"warnings": []string{"value_cut", "value_cleaned", "line_dropped"},
	})
	if err != nil {
		t.Fatal(err)
	}
	run := phptest.New(t, nil).Script(t.Context(), t, "testdata/words.php", string(asked))
	var said map[string]string
	if err := json.Unmarshal([]byte(run.Stdout), &said); run.Code != 0 || err != nil {
		t.Fatalf("%+v %v", run, err)
	}
	// Names that are the same in Chinese.
	names := regexp.MustCompile(`\{\{.*?\}\}|https?://|access_token|AppSecret|AppID|IP|ID|pages/live/index\?id=1|thing1`)
	english := regexp.MustCompile(`[A-Za-z]{3,}`)
	var bad []string
	for what, text := range said {
		if text == "" || strings.Contains(text, "推送服务拒绝了请求（") || english.MatchString(names.ReplaceAllString(text, "")) {
			bad = append(bad, what+": "+text)
		}
	}
	slices.Sort(bad)
	if len(bad) > 0 || len(said) < 80 {
		t.Errorf("%d texts, of which owners would read in English or nothing:\n%s", len(said), strings.Join(bad, "\n"))
	}
}

// What owners and viewers read has one word for one thing: a stream is 直播, and who
// wants its reminder subscribes, 订阅. 频道 and 预约 are words of docs for developers.
func TestWords_OneForOneThing(t *testing.T) {
	files := []string{"../../../docs/owners.zh-CN.md"}
	for _, pattern := range []string{"views/*.php", "assets/*.js", "app/*.php"} {
		more, err := filepath.Glob(pattern)
		if err != nil || len(more) < 5 {
			t.Fatal(more, err)
		}
		files = append(files, more...)
	}
	others := regexp.MustCompile(`频道|活动|预约`)
	labels := regexp.MustCompile(`/[^/\n]*/\.test\(label\)`) // words of WeChat's templates, which are recognised
	for _, file := range files {
		for i, line := range strings.Split(labels.ReplaceAllString(read(t, file), ""), "\n") {
			if word := others.FindString(line); word != "" {
				t.Errorf("%s:%d: %s: %s", file, i+1, word, strings.TrimSpace(line))
			}
		}
	}
}
