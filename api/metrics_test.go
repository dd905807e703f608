package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pushd"
	"pushd/internal/metrics"
)

func TestServer_Metrics(t *testing.T) {
	w := newWorld()
	w.health.Parts = []pushd.HealthPart{{Name: "wechat", Status: pushd.Degraded, Text: "x"}}
	w.stats = pushd.Stats{
		Answers: map[pushd.Verdict]uint64{pushd.Sent: 90, pushd.Skip: 3}, Retries: 4, RefusedBefore: 21, NotOnList: 22, Pages: 2, People: 12000,
		SendSeconds: pushd.Histogram{Bounds: []float64{0.1, 1}, Counts: []uint64{80, 92}, Count: 93, Sum: 12.5},
		InFlight:    5, Concurrency: 64, Jobs: map[pushd.State]int{pushd.Running: 2},
		JobsEnded: map[pushd.State]uint64{pushd.Succeeded: 1}, StatusCorrected: 6,
	}
	w.options.Tokens = func() metrics.TokenStats {
		return metrics.TokenStats{Asks: 7, Failures: 1, Refusals: 2, Failing: 3, Life: 90 * time.Second, InUse: true}
	}
	w.stats.JobsAtRisk, w.stats.LastWrite, w.stats.LedgerBytes = 3, noon.Std(), 12345
	w.options.OnlyOpenIDs = 2
	w.options.Webhook = func() (uint64, uint64, bool) { return 11, 12, true }
	w.options.CertificateEnd = noon.Std
	w.options.Overview = func() (pushd.Overview, bool) {
		return pushd.Overview{Now: noon, HostSeen: noon, NewestJob: noon.Add(-10e9), Queued: pushd.Group{Jobs: 2, Since: noon.Add(-90e9)}, Tried: pushd.Group{Jobs: 3, Since: noon.Add(-60e9)}, TriedDeadline: noon.Add(600e9),
			Running: pushd.Group{Jobs: 4, Since: noon.Add(-40e9)}, Held: pushd.Group{Jobs: 1, Since: noon.Add(1e9)}, Holds: 9, Late: 5, Short: 6, Shortfall: 700, Ended: map[pushd.State]int{pushd.Failed: 8}}, true
	}
	w.options.Overdue = func() (pushd.Overdue, bool) { return pushd.Overdue{Missed: 4, Braked: 3}, true }
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
		`pushd_token_failing_accounts 3`,
		`pushd_token_life_seconds 90`,
		`pushd_jobs_at_risk 3`,
		`pushd_ledger_last_write_timestamp_seconds 1.7723664e+09`,
		`pushd_ledger_bytes 12345`,
		`pushd_only_openids 2`,
		`pushd_webhook_messages_total{outcome="sent"} 11`,
		`pushd_webhook_messages_total{outcome="failed"} 12`,
		`pushd_tls_certificate_end_timestamp_seconds 1.7723664e+09`,
		`pushd_ledger_jobs{state="queued"} 2`,
		`pushd_ledger_jobs{state="running"} 4`,
		`pushd_ledger_jobs{state="parked"} 0`,
		`pushd_ledger_jobs{state="held"} 1`,
		`pushd_ledger_wait_seconds{state="queued"} 90`,
		`pushd_ledger_wait_seconds{state="paused"} 0`,
		`pushd_ledger_wait_seconds{state="held"} 0`,
		`pushd_ledger_jobs{state="first_reached"} 3`,
		`pushd_ledger_wait_seconds{state="first_reached"} 60`,
		`pushd_first_reached_deadline_timestamp_seconds 1.772367e+09`,
		`pushd_skipped_unasked_total{why="refused_before"} 21`,
		`pushd_skipped_unasked_total{why="not_on_list"} 22`,
		`pushd_holds 9`,
		`pushd_ledger_jobs_late 5`,
		`pushd_ledger_jobs_short 6`,
		`pushd_ledger_shortfall_recipients 700`,
		`pushd_ledger_jobs_ended{state="failed"} 8`,
		`pushd_ledger_jobs_ended{state="succeeded"} 0`,
		`pushd_last_post_timestamp_seconds 1.77236639e+09`,
		`pushd_posts_total{code="accepted"} 0`,
		`pushd_posts_total{code="unauthorized"} 0`,
		`pushd_host_last_seen_timestamp_seconds 1.7723664e+09`,
		`pushd_reminders_overdue 4`,
		`pushd_reminders_braked 3`,
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
		for _, name := range []string{"pushd_host_last_seen_timestamp_seconds", "pushd_reminders_overdue", "pushd_reminders_braked", "pushd_last_post_timestamp_seconds", "pushd_first_reached_deadline_timestamp_seconds",
			"pushd_token_life_seconds", "pushd_webhook_messages_total", "pushd_tls_certificate_end_timestamp_seconds", "pushd_ledger_bytes", "pushd_ledger_last_write_timestamp_seconds"} {
			if strings.Contains(rec.Body.String(), "\n"+name) {
				t.Errorf("%s is there", name)
			}
		}
	}
}

// Every POST of a job is counted by what came of it, and nothing else is.
func TestServer_MetricsCountPosts(t *testing.T) {
	w := newWorld()
	s := New(w.options)
	w.control.PostFunc = func(r pushd.Request) (pushd.Outcome, error) {
		switch r.ActID {
		case 1:
			return pushd.Outcome{Job: job(pushd.Queued)}, nil
		case 2:
			return pushd.Outcome{Job: job(pushd.Running), Existing: true}, nil
		case 3:
			return pushd.Outcome{}, problem(pushd.CodeAlreadyNotified, "it was sent")
		}
		return pushd.Outcome{}, errors.New("connection lost")
	}
	post := func(body string) *http.Request { return request("POST", jobsPath, asJSON, body) }
	for _, act := range []string{"1", "1", "2", "3", "4"} {
		record(s, post(`{"actid":`+act+`,"appid":"wx01"}`))
	}
	record(s, post(`{"actid":1,"appid":"wx01","dryRun":true}`))
	record(s, post(`{"actid":`))
	bad := post(`{"actid":1,"appid":"wx01"}`)
	bad.Header.Set("Authorization", "Bearer wrong")
	record(s, bad)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	record(s, post(`{"actid":5,"appid":"wx01"}`).WithContext(ctx))
	record(s, request("GET", jobsPath+"?limit=x", "", ""))
	record(s, request("POST", jobsPath+"/"+theJob+"/pause", "", ""))
	text := record(s, request("GET", "/metrics", "", "")).Body.String()
	counted := 0
	for code, n := range map[string]int{"accepted": 2, "existing": 1, "already_notified": 1, "unavailable": 1, "dry_run": 1, "malformed_body": 1, "unauthorized": 1, "client_gone": 1} {
		if line := fmt.Sprintf("\npushd_posts_total{code=%q} %d\n", code, n); !strings.Contains(text, line) {
			t.Errorf("no line %s", line)
		}
		counted += n
	}
	sum := 0
	for _, m := range regexp.MustCompile(`(?m)^pushd_posts_total\{.*\} (\d+)$`).FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[1])
		sum += n
	}
	if sum != counted {
		t.Errorf("%d counted, %d posts", sum, counted)
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
