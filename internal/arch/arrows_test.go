// Package arch holds the rules of this repository that a reader could break
// without noticing: which package may know which, what the production binary
// may link, and what must be documented.
package arch

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// module is how the import paths of this repository start.
const module = "pushd/"

// root is the package of the nouns.
const root = "pushd"

// arrows lists, for each package, which packages of this repository it may
// import. "*" is all of them. A package below one named here (store/sqlite)
// may also import that one, and be imported where it may, unless it has a line
// of its own (api/client).
var arrows = map[string][]string{
	"cmd/pushd":                    {"*"},
	"cmd/demo":                     {"*"},
	"internal/rig":                 {"*"},
	"internal/crashtest":           {"*"},
	"internal/clustertest":         {"*"},
	"internal/bench":               {"*"},
	"internal/mutants":             {},
	"internal/daemon":              {"pushd", "api", "internal/alarm", "internal/console", "internal/control", "internal/fanout", "internal/meter", "internal/metrics", "internal/migrate", "internal/receipts", "internal/store", "internal/tokenclient", "internal/wechat"},
	"api":                          {"pushd", "internal/compose", "internal/control", "internal/loopback", "internal/metrics"},
	"internal/alarm":               {"pushd", "internal/textline"},
	"api/client":                   {"pushd"},
	"internal/console":             {"pushd", "api/client", "internal/wechat"},
	"internal/store":               {"pushd", "internal/migrate", "internal/mysqlconn", "internal/platform", "internal/sqldb", "internal/store/eventlog", "internal/store/outbox"},
	"internal/store/eventlog":      {"pushd", "internal/sqldb"},
	"internal/store/outbox":        {"pushd", "internal/sqldb"},
	"internal/sqldb":               {"internal/migrate", "internal/mysqlconn"},
	"internal/migrate":             {"internal/mysqlconn"},
	"internal/platform":            {"pushd", "internal/mysqlconn"},
	"internal/mysqlconn":           {},
	"internal/wechat":              {"pushd", "internal/httpconn", "internal/loopback", "internal/textline"},
	"internal/httpconn":            {},
	"internal/tokenclient":         {"pushd", "internal/loopback", "internal/textline"},
	"internal/ledgertest":          {"pushd"},
	"internal/fanout":              {"pushd", "internal/account", "internal/audience", "internal/compose", "internal/fanout/accountstate", "internal/fanout/allowance", "internal/fanout/breaker", "internal/fanout/channelcheck", "internal/fanout/dedup", "internal/fanout/deferral", "internal/fanout/earlier", "internal/fanout/frontier", "internal/fanout/intake", "internal/fanout/listing", "internal/fanout/outage", "internal/fanout/pagebuffer", "internal/fanout/readback", "internal/fanout/refusal", "internal/fanout/sendtoken", "internal/health", "internal/housekeeping", "internal/lease", "internal/meter", "internal/pace", "internal/retry"},
	"internal/fanout/accountstate": {"pushd", "internal/fanout/deferral", "internal/fanout/earlier", "internal/fanout/outage", "internal/pace"},
	"internal/fanout/allowance":    {"pushd"},
	"internal/fanout/breaker":      {"pushd"},
	"internal/fanout/channelcheck": {"pushd", "internal/lease", "internal/retry"},
	"internal/fanout/dedup":        {"pushd", "internal/retry"},
	"internal/fanout/deferral":     {"pushd"},
	"internal/fanout/earlier":      {"pushd", "internal/fanout/deferral", "internal/fanout/pagebuffer"},
	"internal/fanout/frontier":     {"pushd"},
	"internal/fanout/intake":       {"pushd"},
	"internal/fanout/listing":      {"pushd"},
	"internal/fanout/outage":       {"pushd"},
	"internal/fanout/pagebuffer":   {"pushd", "internal/fanout/deferral", "internal/fanout/outage"},
	"internal/fanout/readback":     {"pushd", "internal/retry"},
	"internal/fanout/refusal":      {"pushd", "internal/retry"},
	"internal/fanout/sendtoken":    {"pushd"},
	"internal/audience":            {"pushd", "internal/account", "internal/retry"},
	"internal/control":             {"pushd", "internal/account", "internal/audience", "internal/compose", "internal/retry"},
	"internal/compose":             {"pushd", "internal/account", "internal/retry"},
	"internal/account":             {"pushd", "internal/retry"},
	"pushd":                        {},
	"internal/pace":                {},
	"internal/health":              {"pushd"},
	"internal/housekeeping":        {"pushd", "internal/lease"},
	"internal/lease":               {"pushd"},
	"internal/loopback":            {},
	"internal/meter":               {"pushd"},
	"internal/metrics":             {"pushd"},
	"internal/receipts":            {"pushd"},
	"internal/retry":               {"pushd"},
	"internal/systemd":             {},
	"internal/textline":            {},
	"internal/wechatsim":           {},
	"internal/mariadb":             {},
	"internal/chromium":            {},
	"internal/progress":            {"pushd", "api/client"},
	"internal/program":             {},
	"internal/doctor":              {"pushd", "internal/account", "internal/alarm", "internal/daemon", "internal/mysqlconn", "internal/platform", "internal/progress", "internal/settings", "internal/store", "internal/tokenclient", "internal/wechat"},
	"internal/settings":            {"pushd", "internal/alarm", "internal/daemon", "internal/fanout", "internal/loopback", "internal/mysqlconn", "internal/platform"},
	"internal/chain":               {}, // tests of the whole
	"internal/arch":                {},
	"deploy/php":                   {}, // tests of the PHP files
	"deploy/monitoring":            {}, // tests of the alerts
	"deploy/nginx":                 {}, // tests of the files for nginx
}

// strangers are libraries that a package must not know, not even through
// others: the domain speaks neither HTTP nor SQL, and production carries
// neither a simulator nor a database.
var strangers = map[string][]string{
	"internal/control": outside,
	"internal/fanout":  outside,
	"cmd/pushd": {
		"pushd/internal/wechatsim", "pushd/internal/mariadb", "pushd/internal/chromium", "pushd/internal/ledgertest", "pushd/internal/program", "pushd/internal/rig", "pushd/internal/store/sqlite",
		"modernc.org/sqlite", "testing", "net/http/httptest", "net/http/pprof",
	},
}

// outside is what the domain knows only by interfaces.
var outside = []string{
	"github.com/labstack/echo", "github.com/jmoiron/sqlx", "github.com/go-resty/resty", "github.com/go-sql-driver",
	"github.com/prometheus", "database/sql", "net/http",
}

// pkg is what go list tells of a package.
type pkg struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
	Deps       []string
	Error      *struct{ Err string }
}

// list asks the Go command about packages of this repository.
func list(t *testing.T, patterns ...string) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-e", "-json=ImportPath,Dir,GoFiles,Imports,Deps,Error"}, patterns...)...)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		all = append(all, p)
	}
}

func TestArrows(t *testing.T) {
	for _, p := range list(t, "./...") {
		if p.Error != nil && len(p.GoFiles) > 0 {
			t.Errorf("%s: %s", p.ImportPath, p.Error.Err)
		}
		for _, fault := range crossed(p) {
			t.Error(fault)
		}
	}
}

// crossed lists the imports of a package that no arrow allows.
func crossed(p pkg) []string {
	from := strings.TrimPrefix(p.ImportPath, module)
	home, known := owner(from)
	if !known {
		return []string{p.ImportPath + " has no line in arrows (docs/architecture.md says who may know whom)"}
	}
	var faults []string
	for _, imported := range p.Imports {
		to, ours := strings.CutPrefix(imported, module)
		if imported == root {
			to, ours = root, true
		}
		if !ours {
			continue
		}
		target, _ := owner(to)
		if target != home && !slices.Contains(arrows[home], target) && !slices.Contains(arrows[home], "*") {
			faults = append(faults, from+" imports "+to)
		}
	}
	return faults
}

// owner finds the line of arrows that a package falls under: its own, or that of
// the nearest package above it.
func owner(name string) (string, bool) {
	for known := name; known != "."; known = path.Dir(known) {
		if _, ok := arrows[known]; ok {
			return known, true
		}
	}
	return name, false
}

func TestStrangers(t *testing.T) {
	for name, banned := range strangers {
		for _, p := range list(t, "./"+name) {
			for _, dep := range met(p, banned) {
				t.Errorf("%s links %s", name, dep)
			}
		}
	}
}

// met lists the dependencies of a package that are banned, or below one that is.
func met(p pkg, banned []string) []string {
	var found []string
	for _, dep := range p.Deps {
		for _, b := range banned {
			if dep == b || strings.HasPrefix(dep, b+"/") {
				found = append(found, dep)
			}
		}
	}
	return found
}

// The rules must be able to fail.
func TestRules_Bite(t *testing.T) {
	if f := crossed(pkg{ImportPath: "pushd/api", Imports: []string{"fmt", "pushd/internal/store/sqlite"}}); len(f) != 1 {
		t.Errorf("api may import store: %v", f)
	}
	if f := crossed(pkg{ImportPath: "pushd/internal/store/sqlite", Imports: []string{"pushd/internal/store", "pushd"}}); f != nil {
		t.Errorf("store/sqlite may not import store: %v", f)
	}
	if f := crossed(pkg{ImportPath: "pushd/api/client", Imports: []string{"pushd", "pushd/api", "pushd/internal/fanout"}}); len(f) != 2 {
		t.Errorf("api/client may import what api is made of: %v", f)
	}
	if f := crossed(pkg{ImportPath: "pushd/internal/store", Imports: []string{"pushd/api/client"}}); len(f) != 1 {
		t.Errorf("store may call the API: %v", f)
	}
	if f := crossed(pkg{ImportPath: "pushd/internal/util"}); len(f) != 1 {
		t.Errorf("a new package passed: %v", f)
	}
	if f := met(pkg{Deps: []string{"testing/iotest", "testingx", "modernc.org/sqlite"}}, strangers["cmd/pushd"]); len(f) != 2 {
		t.Errorf("strangers met: %v", f)
	}
}
