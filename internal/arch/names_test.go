package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// foreign are names that documents give to what is not in this repository, and
// why they may.
var foreign = map[string]string{
	"config.php":                            "made of config.sample.php where PHP is installed",
	"deploy/php/config.php":                 "the same",
	"app/Console/Kernel.php":                "Laravel's",
	"routes/api.php":                        "Laravel's",
	"routes/console.php":                    "Laravel's",
	"withoutOverlapping":                    "Laravel's",
	"VerifyCsrfToken":                       "Laravel's",
	"route/app.php":                         "ThinkPHP's",
	"app/command/PushdCron.php":             "the reader makes it, in ThinkPHP's tree",
	"pushd_failure":                         "a table of the design that was not built; the decision says why",
	"/token.php":                            "the path of a URL",
	"/usr/lib/systemd/system/pushd.service": "where a package puts it",
	"/etc/systemd/system/pushd.service":     "where an administrator puts it",
	"deploy/compose/secrets":                "drawn by secrets.sh where it is wanted",
	"/v1/openapi.yaml":                      "the path of a URL",
	".sql":                                  "an ending",
	"a.go":                                  "an example",
}

// Whatever a document or a package comment names by its name must exist: a
// file, a directory, a test, a function, an exported name of a package. Of other
// comments files and tests are looked for. Code that moves must take its
// documents along.
func TestDocuments_NameWhatExists(t *testing.T) {
	repo := readTree(t, "../..")
	documents := repo.documents()
	if len(documents) < 25 {
		t.Fatalf("found %d documents", len(documents))
	}
	for _, name := range documents {
		for _, fault := range repo.unknown(name, spans(repo.text(t, name))) {
			t.Errorf("%s names %s, which does not exist", name, fault)
		}
		for _, fault := range repo.moved(t, repo.text(t, name)) {
			t.Errorf("%s says that %s, which is not so", name, fault)
		}
	}
	for name, comment := range repo.comments {
		for _, span := range comment {
			// A name without a directory is a neighbour's.
			if strings.HasSuffix(span, ".go") && !strings.Contains(span, "/") && !repo.files[path.Join(path.Dir(name), span)] && foreign[span] == "" {
				t.Errorf("a comment in %s names %s, which is not beside it; write its package, too", name, span)
			}
		}
		for _, fault := range repo.unknown(name, comment) {
			t.Errorf("a comment in %s names %s, which does not exist", name, fault)
		}
	}
	if len(repo.comments) < 50 {
		t.Errorf("found %d files whose comments name something", len(repo.comments))
	}
}

// tree is what a name can stand for.
type tree struct {
	root     string
	files    map[string]bool            // files and directories, from the root
	ends     map[string]bool            // the same from any directory on, as in "fanout/run.go"
	words    map[string]bool            // of all sources that are no documents
	funcs    map[string]bool            // of Go and PHP, tests included, whatever their receiver
	exported map[string]map[string]bool // package name, then what it declares
	comments map[string][]string        // what the comments of a file could name
}

// What is found in the text of a source.
var (
	declaresPHP = regexp.MustCompile(`(?m)^\s*(?:\w+ )*function (\w+)\(`)
	metric      = regexp.MustCompile(`\bdesc\("(\w+)"`) // internal/metrics names them without pushd_
	word        = regexp.MustCompile(`\w+`)
)

// readTree reads the repository.
func readTree(t *testing.T, root string) *tree {
	t.Helper()
	r := &tree{
		root: root, files: map[string]bool{}, ends: map[string]bool{}, words: map[string]bool{},
		funcs: map[string]bool{}, exported: map[string]map[string]bool{}, comments: map[string][]string{},
	}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || name == ".":
			return err
		case d.IsDir() && slices.Contains([]string{".git", "bin", "node_modules", "vendor"}, d.Name()):
			return fs.SkipDir
		}
		r.files[name] = true
		for end := name; ; {
			r.ends[end] = true
			_, rest, more := strings.Cut(end, "/")
			if !more {
				break
			}
			end = rest
		}
		if !d.Type().IsRegular() {
			return nil
		}
		return r.read(name)
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sources are the endings of files whose words are names.
var sources = []string{".go", ".php", ".yaml", ".yml", ".sql", ".pml", ".sh", ".js", ".mod", ".service", ".example"}

// read takes the names of one file.
func (r *tree) read(name string) error {
	if !slices.Contains(sources, path.Ext(name)) && path.Dir(name) != ".ci" && name != "Makefile" {
		return nil
	}
	b, err := os.ReadFile(filepath.Join(r.root, name))
	if err != nil {
		return err
	}
	if path.Dir(name) != "internal/arch" { // whose words are examples of what does not exist
		for _, w := range word.FindAllString(string(b), -1) {
			r.words[w] = true
		}
	}
	for _, m := range metric.FindAllStringSubmatch(string(b), -1) {
		r.words["pushd_"+m[1]] = true
	}
	for _, m := range declaresPHP.FindAllStringSubmatch(string(b), -1) {
		r.funcs[m[1]] = true
	}
	if path.Ext(name) != ".go" {
		return nil
	}
	f, err := parser.ParseFile(token.NewFileSet(), name, b, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, c := range f.Comments {
		for _, span := range strings.Fields(c.Text()) {
			if span = bare(span); c == f.Doc || isPath(span) || testForm.MatchString(span) {
				r.comments[name] = append(r.comments[name], span)
			}
		}
	}
	r.declare(f)
	return nil
}

// declare takes the names that a Go file declares.
func (r *tree) declare(f *ast.File) {
	known := r.exported[f.Name.Name]
	if known == nil {
		known = map[string]bool{}
		r.exported[f.Name.Name] = known
	}
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			r.funcs[d.Name.Name], known[d.Name.Name] = true, true
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					known[s.Name.Name] = true
				case *ast.ValueSpec:
					for _, n := range s.Names {
						known[n.Name] = true
					}
				}
			}
		}
	}
}

// documents lists the files that people read. The changelog is history and may
// name what is gone.
func (r *tree) documents() []string {
	var all []string
	for name := range r.files {
		if path.Ext(name) == ".md" && name != "CHANGELOG.md" {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

func (r *tree) text(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(r.root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// fence is a block of commands or code.
var fence = regexp.MustCompile("(?ms)^ *```.*?^ *```")

// spans are what a document writes in backticks within a line.
func spans(text string) []string {
	var all []string
	for _, m := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		all = append(all, m[1])
	}
	return all
}

// The forms in which something is named.
var (
	testForm = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark|Example)[A-Z]\w*`)
	ruleForm = regexp.MustCompile(`^TestLedger/\w+/([A-Z])(\w+)$`) // a test of internal/ledgertest
	setting  = regexp.MustCompile(`\bPUSHD_[A-Z_]*[A-Z]`)
	fileForm = regexp.MustCompile(`^\.?[\w.*-]*(?:/[\w.*-]+)*/?$`)
	sourceOf = regexp.MustCompile(`\.(?:go|php|md|yaml|yml|sql|sh|pml|service|example|mod)$`)
	callForm = regexp.MustCompile(`^(?:[\w.]+\.)?(\w+)\(\)$`)
	nameForm = regexp.MustCompile(`^([a-z]+)\.([A-Z]\w*)$`)
	oneWord  = regexp.MustCompile(`^(?:[a-z]+[A-Z]\w*|[A-Z]+[a-z]+[A-Z]\w*|pushd_\w+)$`) // mayAsk, TakeBack, pushd_job
)

// tops are the directories at the root; what begins with one is a path.
var tops = []string{".ci", "api", "cmd", "deploy", "docs", "internal", "tools"}

// unknown lists the names among some spans of a document that stand for
// nothing.
func (r *tree) unknown(document string, spans []string) []string {
	var all []string
	for _, span := range spans {
		span = bare(span)
		if foreign[span] == "" && !r.known(path.Dir(document), span) {
			all = append(all, span)
		}
	}
	return all
}

// bare is a span without the marks of the sentence around it.
func bare(span string) string { return strings.TrimSuffix(strings.Trim(span, "`,;:()\"'"), ".") }

// known says whether a span names something that exists, or nothing at all.
func (r *tree) known(dir, span string) bool {
	for _, test := range testForm.FindAllString(span, -1) {
		// In a command it is a pattern.
		if !r.funcs[test] && !(strings.Contains(span, "-run ") && r.anyFunc(test)) {
			return false
		}
	}
	if m := ruleForm.FindStringSubmatch(span); m != nil && !r.funcs[strings.ToLower(m[1])+m[2]] {
		return false
	}
	for _, name := range setting.FindAllString(span, -1) {
		if !r.words[strings.TrimSuffix(name, "_FILE")] {
			return false
		}
	}
	if name := strings.TrimPrefix(span, "./"); isPath(name) {
		name = strings.TrimSuffix(name, "/")
		return r.files[name] || r.files[path.Join(dir, name)] || r.ends[name]
	}
	if m := callForm.FindStringSubmatch(span); m != nil {
		return r.funcs[m[1]]
	}
	if m := nameForm.FindStringSubmatch(span); m != nil && r.exported[m[1]] != nil {
		return r.exported[m[1]][m[2]]
	}
	return !oneWord.MatchString(span) || r.words[span] || r.funcs[span]
}

// isPath says whether a span names a file or directory of this repository.
func isPath(span string) bool {
	top, _, below := strings.Cut(span, "/")
	return fileForm.MatchString(span) && (sourceOf.MatchString(span) || below && slices.Contains(tops, top))
}

// holds finds a file and what the document says is in it: `a.go` (`b`, `c`).
var holds = regexp.MustCompile("`([^`\n]+\\.(?:go|php|sql))` \\(((?:`\\w+`(?:, | and )?)+)")

// moved lists what a document looks for in the wrong file. Files that it names
// by their last name alone could be several.
func (r *tree) moved(t *testing.T, text string) []string {
	t.Helper()
	var all []string
	for _, m := range holds.FindAllStringSubmatch(text, -1) {
		if !r.files[m[1]] {
			continue
		}
		in := r.text(t, m[1])
		for _, name := range spans(m[2]) {
			if !regexp.MustCompile(`\b` + name + `\b`).MatchString(in) {
				all = append(all, m[1]+" holds "+name)
			}
		}
	}
	return all
}

func (r *tree) anyFunc(prefix string) bool {
	for name := range r.funcs {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// The rule must be able to fail.
func TestDocuments_Bite(t *testing.T) {
	r := readTree(t, "../..")
	text := "`TestNoSuch` `TestArrows` `internal/arch/` `internal/nowhere` `fanout/nowhere.go` `wechat/client.go` " +
		"`noSuchFunction()` `wx_token()` `fanout.NoSuchName` `http.Transport` `noSuchName` `client_msg_id` " +
		"`pushd_nowhere` `pushd_job` `go test ./api -run TestServer_` `go test ./api -run TestNowhere` " +
		"`PUSHD_NOWHERE` `PUSHD_API_KEY_FILE` `[TestNoSuch]` `TestLedger/mariadb/NoSuch` `TestLedger/mariadb/TakeBack`\n```\n`TestInAFence`\n```\n"
	got := strings.Join(r.unknown("docs/x.md", spans(text)), " ")
	want := "TestNoSuch internal/nowhere fanout/nowhere.go noSuchFunction fanout.NoSuchName noSuchName pushd_nowhere " +
		"go test ./api -run TestNowhere PUSHD_NOWHERE [TestNoSuch] TestLedger/mariadb/NoSuch"
	if got != want {
		t.Errorf("unknown are\n%s\nwant\n%s", got, want)
	}
	moved := strings.Join(r.moved(t, "see `internal/arch/names_test.go` (`readTree`, `word`) and `names_test.go` (`b`)"), " ")
	if moved != "" {
		t.Errorf("moved is %s", moved)
	}
	moved = strings.Join(r.moved(t, "see `go.mod` (`a`), `internal/arch/arrows_test.go` (`arrows`, `readTree`)"), " ")
	if moved != "internal/arch/arrows_test.go holds readTree" {
		t.Errorf("moved is %s", moved)
	}
	for name, why := range foreign {
		if why == "" || r.known("docs", name) {
			t.Errorf("%s is known, or has no reason to be unknown", name)
		}
	}
}
