package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// kinds are names that say what a package is made of in place of what it
// gives.
var kinds = []string{"util", "utils", "common", "helper", "helpers", "model", "models", "types", "service", "manager", "handler", "misc"}

func TestSources(t *testing.T) {
	files := token.NewFileSet()
	for _, p := range list(t, "./...") {
		if slices.Contains(kinds, path.Base(p.ImportPath)) {
			t.Errorf("%s is named for a kind", p.ImportPath)
		}
		comments := 0
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Errorf("%v", err)
				continue
			}
			if f.Doc != nil {
				comments++
			}
			for _, fault := range faults(files, f) {
				t.Error(fault)
			}
		}
		if len(p.GoFiles) > 0 && comments != 1 {
			t.Errorf("%s has %d package comments; it wants one, in one file", p.ImportPath, comments)
		}
	}
}

// faults lists what a file lacks or has too much of: exported names without a
// comment, work at import time, variables that something could change.
func faults(files *token.FileSet, f *ast.File) []string {
	var all []string
	add := func(n ast.Node, format string, args ...any) {
		all = append(all, fmt.Sprintf("%s: %s", files.Position(n.Pos()), fmt.Sprintf(format, args...)))
	}
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.Name == "init" {
				add(d, "func init does work at import time")
			}
			if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) && !obvious(d) {
				add(d, "%s has no comment", d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if name := undocumented(d, spec); name != "" {
					add(spec, "%s has no comment", name)
				}
				if v, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.VAR && !fixed(v) && d.Doc == nil && v.Doc == nil {
					add(v, "variable %s could be changed, and no comment says why it is not a field", v.Names[0].Name)
				}
			}
		}
	}
	return all
}

// exportedReceiver says whether a method can be called from elsewhere; a
// plain function can.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	expr := d.Recv.List[0].Type
	if star, ok := expr.(*ast.StarExpr); ok {
		expr = star.X
	}
	switch e := expr.(type) {
	case *ast.Ident:
		return e.IsExported()
	case *ast.IndexExpr:
		return ast.IsExported(e.X.(*ast.Ident).Name)
	}
	return true
}

// obvious says whether everybody knows what a method does.
func obvious(d *ast.FuncDecl) bool {
	return d.Recv != nil && slices.Contains([]string{"Error", "String", "Unwrap"}, d.Name.Name)
}

// undocumented names what a declaration exports without a comment. In a group
// the comment may stand above the group, above the name or behind it.
func undocumented(d *ast.GenDecl, spec ast.Spec) string {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
			return s.Name.Name
		}
	case *ast.ValueSpec:
		if s.Names[0].IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
			return s.Names[0].Name
		}
	}
	return ""
}

// fixed says whether a variable is one in name only: an error, a table, a
// pattern, a check that a type has its methods, something embedded.
func fixed(v *ast.ValueSpec) bool {
	if v.Names[0].Name == "_" || len(v.Values) == 0 {
		return v.Names[0].Name == "_" || v.Doc != nil
	}
	switch e := v.Values[0].(type) {
	case *ast.CompositeLit:
		return true
	case *ast.CallExpr:
		if _, bytes := e.Fun.(*ast.ArrayType); bytes { // []byte("text")
			return true
		}
		name := called(e)
		return slices.Contains([]string{"errors.New", "fmt.Errorf", "regexp.MustCompile", "strings.NewReplacer", "desc"}, name) ||
			strings.HasPrefix(name, "reflect.Type")
	}
	return false
}

// called names the function of a call as it is written.
func called(e *ast.CallExpr) string {
	switch f := e.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			return x.Name + "." + f.Sel.Name
		}
	}
	return ""
}

// The rules must be able to fail.
func TestFaults(t *testing.T) {
	const source = `package p

import "errors"

var ErrGood = errors.New("x") // good
var table = []int{1}

// why it is here
var explained int

var counter int

func init() {}

type Bare struct{}

func (Bare) Do() {}

func (Bare) String() string { return "" }

func Free() {}

const Loose = 1
`
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, "p.go", source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(faults(files, f), "\n")
	for _, want := range []string{"variable counter", "func init", "Bare has", "Do has", "Free has", "Loose has"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not found", want)
		}
	}
	if n := strings.Count(got, "\n") + 1; n != 6 {
		t.Errorf("found %d faults:\n%s", n, got)
	}
}
