package api

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"pushd"
)

func TestServer_Metrics(t *testing.T) {
	w := newWorld()
	w.health.Parts = []pushd.HealthPart{{Name: "wechat", Status: pushd.Degraded, Text: "x"}}
	w.stats = pushd.Stats{
		Answers: map[pushd.Verdict]uint64{pushd.Sent: 90, pushd.Skip: 3}, Retries: 4, Pages: 2, People: 12000,
		SendSeconds: pushd.Histogram{Bounds: []float64{0.1, 1}, Counts: []uint64{80, 92}, Count: 93, Sum: 12.5},
		InFlight:    5, Concurrency: 64, Jobs: map[pushd.State]int{pushd.Running: 2},
		JobsEnded: map[pushd.State]uint64{pushd.Succeeded: 1}, StatusMended: 6,
	}
	w.options.Tokens = func() TokenStats { return TokenStats{Asks: 7, Failures: 1, Refusals: 2} }
	w.options.Overview = func() (pushd.Overview, bool) { return pushd.Overview{Now: noon, HostSeen: noon}, true }
	w.options.Overdue = func() (int64, bool) { return 4, true }
	rec := w.probe("GET", "/metrics", "")
	if rec.Code != 200 {
		t.Fatalf("answered %d", rec.Code)
	}
	for _, line := range []string{
		`pushd_answers_total{verdict="sent"} 90`,
		`pushd_answers_total{verdict="fatal_if_repeated"} 0`,
		`pushd_retries_total 4`,
		`pushd_pages_total 2`,
		`pushd_people_total 12000`,
		`pushd_send_seconds_bucket{le="0.1"} 80`,
		`pushd_send_seconds_bucket{le="+Inf"} 93`,
		`pushd_send_seconds_sum 12.5`,
		`pushd_ledger_write_seconds_count 0`,
		`pushd_sends_in_flight 5`,
		`pushd_concurrency 64`,
		`pushd_jobs{state="running"} 2`,
		`pushd_jobs{state="parked"} 0`,
		`pushd_jobs_ended_total{state="succeeded"} 1`,
		`pushd_status_mended_total 6`,
		`pushd_token_asks_total 7`,
		`pushd_token_failures_total 1`,
		`pushd_token_refusals_total 2`,
		`pushd_host_last_seen_timestamp_seconds 1.7723664e+09`,
		`pushd_reminders_overdue 4`,
		`pushd_health{part="all"} 0`,
		`pushd_health{part="wechat"} 1`,
		`pushd_build_info{version="1.2.3"} 1`,
	} {
		if !strings.Contains(rec.Body.String(), "\n"+line+"\n") {
			t.Errorf("no line %q", line)
		}
	}
	for _, own := range []string{"go_goroutines ", "process_open_fds "} {
		if !strings.Contains(rec.Body.String(), "\n"+own) {
			t.Errorf("no %s", own)
		}
	}
}

// What is not known is not there: no 0 that would be an answer.
func TestServer_MetricsOfTheUnknown(t *testing.T) {
	w := newWorld()
	for _, known := range []bool{false, true} {
		w.options.Overview = func() (pushd.Overview, bool) { return pushd.Overview{}, known }
		rec := w.probe("GET", "/metrics", "")
		for _, name := range []string{"pushd_host_last_seen_timestamp_seconds", "pushd_reminders_overdue"} {
			if strings.Contains(rec.Body.String(), "\n"+name) {
				t.Errorf("%s is there", name)
			}
		}
	}
}

func TestServer_MetricsCountAnswers(t *testing.T) {
	w := newWorld()
	s := New(w.options)
	for _, path := range []string{"/v1/jobs", "/v1/jobs?limit=x", "/metrics"} {
		rec := record(s, request("GET", path, "", ""))
		if path == "/metrics" {
			for _, line := range []string{`pushd_http_answers_total{class="2xx"} 1`, `pushd_http_answers_total{class="4xx"} 1`} {
				if !strings.Contains(rec.Body.String(), line) {
					t.Errorf("no line %q", line)
				}
			}
		}
	}
}

// Names and labels are as documented, and the stats cover every field.
func TestCollector_Names(t *testing.T) {
	source, err := os.ReadFile("collector.go")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`desc\("(\w+)"`).FindAllStringSubmatch(string(source), -1)
	if len(names) < 15 {
		t.Fatalf("found only %v", names)
	}
	gauges := map[string]bool{"sends_in_flight": true, "concurrency": true, "jobs": true, "health": true, "reminders_overdue": true}
	for _, n := range names {
		if !strings.HasSuffix(n[1], "_total") && !strings.HasSuffix(n[1], "_seconds") && !gauges[n[1]] {
			t.Errorf("pushd_%s has no unit", n[1])
		}
	}
}
