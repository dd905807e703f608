// Command vet holds rules that go vet does not have, in the form that go vet
// runs and whose results it keeps:
//
//	go build -C tools -o ../bin/vet ./vet && go vet -vettool=bin/vet ./...
//
// It is a part of make lint.
package main

import (
	"slices"
	"strings"

	"github.com/kisielk/errcheck/errcheck"
	"github.com/polyfloyd/go-errorlint/errorlint"
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/nilness"
	"golang.org/x/tools/go/analysis/passes/unusedwrite"
	"golang.org/x/tools/go/analysis/unitchecker"
)

func main() {
	errcheck.DefaultExcludedSymbols = append(errcheck.DefaultExcludedSymbols, ignored...)
	unitchecker.Main(
		// An error that somebody wraps later must still be recognised.
		outsideTests(errorlint.NewAnalyzer()),
		// An error that is dropped without a sign is a message that nobody
		// accounts for. Where it is meant, "_ =" and a comment say so.
		outsideTests(product(errcheck.Analyzer)),
		// A nil that is used where it was just found to be nil.
		nilness.Analyzer,
		// A field that is set and never read: mostly a copy in place of what
		// was meant.
		unusedwrite.Analyzer,
	)
}

// ignored are functions whose errors nobody can act upon.
var ignored = []string{
	// Whoever reads standard output or the terminal is gone.
	"fmt.Fprint", "fmt.Fprintf", "fmt.Fprintln", "(*os.File).WriteString", "(*text/tabwriter.Writer).Flush",
	// Nothing was written there that a close could lose: files are read, and
	// the one that is written (internal/daemon) checks it.
	"(io.Closer).Close", "(io.ReadCloser).Close", "(*os.File).Close",
	// A connection that can't be closed is gone; so is one whose deadline
	// can't be set.
	"(net.Conn).Close", "(net.Conn).SetDeadline", "(net.Listener).Close",
	"(*database/sql.DB).Close", "(*database/sql.Conn).Close", "(database/sql/driver.Conn).Close",
	"(*github.com/jmoiron/sqlx.DB).Close", "(*pushd/internal/store.Store).Close",
	// The error of the rows is asked for by Err.
	"(*database/sql.Rows).Close", "(*github.com/jmoiron/sqlx.Rows).Close",
	// What made it necessary is the error that counts.
	"(*database/sql.Tx).Rollback", "(*github.com/jmoiron/sqlx.Tx).Rollback",
	// The bytes are in the buffer, as a Peek has shown.
	"(*bufio.Reader).Discard",
	// Where it fails the driver closes the connection, and the next has the
	// usual values.
	"(*pushd/internal/platform.Tables).setLocks",
}

// surroundings are no part of the product. An error that they drop shows in
// what they judge or measure.
var surroundings = []string{
	"pushd/cmd/demo", "pushd/deploy", "pushd/internal/arch", "pushd/internal/bench", "pushd/internal/chain", "pushd/internal/crashtest",
	"pushd/internal/mariadb", "pushd/internal/mutants", "pushd/internal/program", "pushd/internal/rig", "pushd/internal/wechatsim",
}

// product lets a rule look only at what goes into pushd.
func product(a *analysis.Analyzer) *analysis.Analyzer {
	return filtered(a, func(pass *analysis.Pass, _ analysis.Diagnostic) bool {
		return !slices.ContainsFunc(surroundings, func(s string) bool {
			return pass.Pkg.Path() == s || strings.HasPrefix(pass.Pkg.Path(), s+"/")
		})
	})
}

// outsideTests leaves the tests out: they compare an error with the very one
// that is wanted, and one that they drop fails what comes next.
func outsideTests(a *analysis.Analyzer) *analysis.Analyzer {
	return filtered(a, func(pass *analysis.Pass, d analysis.Diagnostic) bool {
		return !strings.HasSuffix(pass.Fset.Position(d.Pos).Filename, "_test.go")
	})
}

// filtered reports only what keep wants.
func filtered(a *analysis.Analyzer, keep func(*analysis.Pass, analysis.Diagnostic) bool) *analysis.Analyzer {
	b := *a
	b.Run = func(pass *analysis.Pass) (any, error) {
		p := *pass
		p.Report = func(d analysis.Diagnostic) {
			if keep(pass, d) {
				pass.Report(d)
			}
		}
		return a.Run(&p)
	}
	return &b
}
