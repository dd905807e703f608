package monitoring_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// nightRule is an alert rule in the form that Nightingale (夜莺) 6 and later
// import: business group → alert rules → import. What is not here has its default.
type nightRule struct {
	Cate          string     `json:"cate"`
	DatasourceIDs []int      `json:"datasource_ids"` // 0: all of the kind
	Name          string     `json:"name"`
	Note          string     `json:"note"`
	Prod          string     `json:"prod"`
	Severity      int        `json:"severity"`
	Severities    []int      `json:"severities"`
	Disabled      int        `json:"disabled"`
	For           int        `json:"prom_for_duration"` // seconds
	Config        nightQuery `json:"rule_config"`
	Every         int        `json:"prom_eval_interval"` // seconds
	EnableFrom    []string   `json:"enable_stimes"`
	EnableUntil   []string   `json:"enable_etimes"`
	EnableDays    [][]string `json:"enable_days_of_weeks"`
	Recovered     int        `json:"notify_recovered"`
	Repeat        int        `json:"notify_repeat_step"` // minutes
	Runbook       string     `json:"runbook_url"`
	Tags          []string   `json:"append_tags"`
	Annotations   any        `json:"annotations"`
}

// nightQuery is what a rule asks.
type nightQuery struct {
	Queries []nightExpr `json:"queries"`
}

// nightExpr is one question.
type nightExpr struct {
	PromQL   string `json:"prom_ql"`
	Severity int    `json:"severity"`
}

// nightingale writes rules as Nightingale imports them. Its severities are 1, the
// worst, to 3.
func nightingale(rules []rule) ([]byte, error) {
	severities := map[string]int{"critical": 1, "warning": 2, "info": 3}
	var all []nightRule
	for _, r := range rules {
		wait, err := time.ParseDuration(r.For)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Alert, err)
		}
		severity := severities[r.Labels["severity"]]
		if severity == 0 {
			return nil, fmt.Errorf("%s: severity %q", r.Alert, r.Labels["severity"])
		}
		all = append(all, nightRule{
			Cate: "prometheus", DatasourceIDs: []int{0}, Name: r.Alert, Note: r.Annotations["description"], Prod: "metric",
			Severity: severity, Severities: []int{severity}, For: int(wait.Seconds()),
			Config: nightQuery{[]nightExpr{{r.Expr, severity}}}, Every: 15,
			EnableFrom: []string{"00:00"}, EnableUntil: []string{"23:59"}, EnableDays: [][]string{{"0", "1", "2", "3", "4", "5", "6"}},
			Recovered: 1, Repeat: 60, Runbook: r.Annotations["runbook"],
			Tags: []string{"alertname=" + r.Alert}, Annotations: r.Annotations,
		})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(all)
	return b.Bytes(), err
}
