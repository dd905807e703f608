package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pushd/internal/wechat"
)

// The domain decides by verdicts and causes: what WeChat's errcodes mean
// stands in internal/wechat alone. Those that the ledger keeps have names, in
// the root package.
func TestErrcodes_StayInWeChat(t *testing.T) {
	files := token.NewFileSet()
	for _, p := range list(t, ".", "./internal/fanout", "./internal/control", "./internal/account", "./internal/compose",
		"./internal/fanout/breaker", "./internal/fanout/deferral", "./internal/doctor", "./internal/housekeeping", "./internal/fanout/listing", "./internal/fanout/pagebuffer") {
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, lit := range errcodes(f, name == "verdict.go") {
				t.Errorf("%s: errcode %s; internal/wechat/verdict.go says what it means, by a Verdict or a Cause", files.Position(lit.Pos()), lit.Value)
			}
		}
	}
}

// errcodes lists the literals of a file that are an errcode, or a text with
// one. Those that constants are named for may be allowed.
func errcodes(f *ast.File, named bool) []*ast.BasicLit {
	var found []*ast.BasicLit
	known := map[string]bool{}
	for _, e := range wechat.Table() {
		known[strconv.Itoa(e.Code)] = e.Code > 0
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			return n.Tok != token.CONST || !named
		case *ast.BasicLit:
			for _, number := range regexp.MustCompile(`\d+`).FindAllString(strings.ReplaceAll(n.Value, "_", ""), -1) {
				if known[number] {
					found = append(found, n)
				}
			}
		}
		return true
	})
	return found
}

func TestErrcodes_Bite(t *testing.T) {
	const source = `package p

const CodeA = 40241

func f(code int) string {
	if code == 43_004 || code == 12345 {
		return "refused (45009)"
	}
	return "40 recipients"
}
`
	f, err := parser.ParseFile(token.NewFileSet(), "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	if all, most := errcodes(f, false), errcodes(f, true); len(all) != 3 || len(most) != 2 {
		t.Errorf("found %d and %d", len(all), len(most))
	}
}
