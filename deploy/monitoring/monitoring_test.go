// Package monitoring_test holds the files of this directory to each other, to the
// metrics that there are, and to docs/operations.md.
package monitoring_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// Debian's package prometheus has promtool; .ci/deps installs it.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "promtool", args...).CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func decode(t *testing.T, name string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, name)), into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// rule is an alert of alerts.yml.
type rule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func rules(t *testing.T) []rule {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	decode(t, "alerts.yml", &file)
	var all []rule
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) < 25 {
		t.Fatalf("%d rules", len(all))
	}
	return all
}

// What fires when, and what does not.
func TestAlerts(t *testing.T) {
	promtool(t, "check", "rules", "alerts.yml")
	promtool(t, "test", "rules", "alerts_test.yml")
	promtool(t, "check", "config", "prometheus.yml")
}

// Each alert says how bad it is, what to do, and where more is said.
func TestAlerts_SayWhatToDo(t *testing.T) {
	operations := read(t, "../../docs/operations.md")
	headings := anchors(operations)
	for _, r := range rules(t) {
		if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) || r.For == "" {
			t.Errorf("%s: severity %q, for %q", r.Alert, r.Labels["severity"], r.For)
		}
		if r.Annotations["summary"] == "" || len(r.Annotations["description"]) < 20 {
			t.Errorf("%s does not say what it is and what to do", r.Alert)
		}
		section, ok := strings.CutPrefix(r.Annotations["runbook"], "docs/operations.md")
		if !ok || !slices.Contains(headings, section) {
			t.Errorf("%s: runbook %q is no section of docs/operations.md", r.Alert, r.Annotations["runbook"])
		}
		if !strings.Contains(operations, "| "+r.Alert) && !strings.Contains(operations, ", "+r.Alert) {
			t.Errorf("docs/operations.md has no line for %s", r.Alert)
		}
	}
}

// anchors are the headings of a text as links name them.
func anchors(text string) (all []string) {
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		all = append(all, "#"+strings.ReplaceAll(name, " ", "-"))
	}
	return all
}

// Each alert has a case in which it fires and one in which it, on its own
// subject, does not.
func TestAlerts_HaveCases(t *testing.T) {
	var file struct {
		Tests []struct {
			Name  string `yaml:"name"`
			Evals []struct {
				Samples []struct {
					Labels string `yaml:"labels"`
				} `yaml:"exp_samples"`
			} `yaml:"promql_expr_test"`
		} `yaml:"tests"`
	}
	decode(t, "alerts_test.yml", &file)
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, c := range file.Tests {
		name, _, _ := strings.Cut(c.Name, ":")
		for _, e := range c.Evals {
			fired := false
			for _, s := range e.Samples {
				fired = fired || s.Labels == `{alertname="`+name+`"}`
			}
			fires[name], silent[name] = fires[name] || fired, silent[name] || !fired
		}
	}
	for _, r := range rules(t) {
		if !fires[r.Alert] || !silent[r.Alert] {
			t.Errorf("%s: a case in which it fires: %v; in which it is silent: %v", r.Alert, fires[r.Alert], silent[r.Alert])
		}
	}
}

// names finds the metrics that an expression uses.
var names = regexp.MustCompile(`\b(?:pushd|process|go)_\w+`)

// known lists pushd's metrics, and those that the client library adds.
func known(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?:desc\("|Name: "pushd_)(\w+)"`).FindAllStringSubmatch(
		read(t, "../../api/metrics.go")+read(t, "../../internal/metrics/collector.go"), -1) {
		all["pushd_"+m[1]] = true
	}
	if len(all) < 30 {
		t.Fatalf("found %d metrics", len(all))
	}
	for _, name := range []string{"process_start_time_seconds", "process_open_fds", "process_max_fds", "process_cpu_seconds_total",
		"process_resident_memory_bytes", "go_goroutines"} {
		all[name] = true
	}
	return all
}

// The alerts and their cases look at metrics that there are.
func TestAlerts_NameMetrics(t *testing.T) {
	there := known(t)
	for _, file := range []string{"alerts.yml", "alerts_test.yml"} {
		text := regexp.MustCompile(`(?m)#.*$|runbook:.*$|description:.*$`).ReplaceAllString(read(t, file), "")
		for _, name := range names.FindAllString(text, -1) {
			if !there[strings.TrimSuffix(name, "_bucket")] {
				t.Errorf("%s: there is no metric %s", file, name)
			}
		}
	}
}

// dashboard is what is looked at of grafana/pushd.json.
type dashboard struct {
	Panels []struct {
		ID      int    `json:"id"`
		Type    string `json:"type"`
		Title   string `json:"title"`
		Targets []struct {
			Expr string `json:"expr"`
		} `json:"targets"`
		GridPos struct{ X, Y, W, H int } `json:"gridPos"`
	} `json:"panels"`
	Annotations struct {
		List []struct {
			Expr string `json:"expr"`
		} `json:"list"`
	} `json:"annotations"`
}

// Each panel of the dashboard asks what Prometheus understands, of metrics that
// there are.
func TestDashboard(t *testing.T) {
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, "grafana/pushd.json")), &d); err != nil {
		t.Fatal(err)
	}
	var provisioning struct {
		APIVersion int `yaml:"apiVersion"`
		Providers  []map[string]any
	}
	if decode(t, "grafana/provisioning.yml", &provisioning); provisioning.APIVersion != 1 || len(provisioning.Providers) != 1 {
		t.Errorf("%+v", provisioning)
	}
	var exprs []string
	ids := map[int]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" || p.GridPos.W == 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d %q: its number is another's, it has no title or no place", p.ID, p.Title)
		}
		ids[p.ID] = true
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		for _, q := range p.Targets {
			exprs = append(exprs, q.Expr)
		}
	}
	for _, a := range d.Annotations.List {
		exprs = append(exprs, a.Expr)
	}
	if len(exprs) < 40 {
		t.Fatalf("%d expressions", len(exprs))
	}
	there := known(t)
	type record struct {
		Record string `json:"record"`
		Expr   string `json:"expr"`
	}
	var records []record
	for _, e := range exprs {
		for _, name := range names.FindAllString(e, -1) {
			if !there[strings.TrimSuffix(name, "_bucket")] {
				t.Errorf("there is no metric %s", name)
			}
		}
		records = append(records, record{"x", e})
	}
	// Expressions that can't be parsed are no rules.
	b, err := json.Marshal(map[string]any{"groups": []any{map[string]any{"name": "panels", "rules": records}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "panels.yml")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", "--lint=none", file)
}

// The example's routes lead to receivers that there are, and its inhibitions
// name alerts that there are.
func TestAlertmanagerExample(t *testing.T) {
	type route struct {
		Receiver string  `yaml:"receiver"`
		Routes   []route `yaml:"routes"`
	}
	var file struct {
		Route   route `yaml:"route"`
		Inhibit []struct {
			Source []string `yaml:"source_matchers"`
			Target []string `yaml:"target_matchers"`
		} `yaml:"inhibit_rules"`
		Receivers []struct {
			Name string `yaml:"name"`
		} `yaml:"receivers"`
	}
	decode(t, "alertmanager.yml", &file)
	var receivers, alerts []string
	for _, r := range file.Receivers {
		receivers = append(receivers, r.Name)
	}
	for _, r := range rules(t) {
		alerts = append(alerts, r.Alert)
	}
	for _, r := range append(file.Route.Routes, file.Route) {
		if !slices.Contains(receivers, r.Receiver) {
			t.Errorf("no receiver %q", r.Receiver)
		}
	}
	for _, i := range file.Inhibit {
		for _, m := range slices.Concat(i.Source, i.Target) {
			for _, name := range regexp.MustCompile(`Pushd\w+`).FindAllString(m, -1) {
				if !slices.Contains(alerts, name) {
					t.Errorf("%s names no alert", m)
				}
			}
		}
	}
	if len(file.Inhibit) == 0 {
		t.Error("inhibits nothing")
	}
}

var update = flag.Bool("update", false, "write nightingale.json from alerts.yml")

// Nightingale's rules are those of alerts.yml.
func TestNightingale(t *testing.T) {
	want, err := nightingale(rules(t))
	if err != nil {
		t.Fatal(err)
	}
	const file = "nightingale.json"
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, file); got != string(want) {
		t.Errorf("%s is not what alerts.yml says; run go test ./deploy/monitoring -update", file)
	}
}
