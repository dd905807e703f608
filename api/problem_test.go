package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"pushd"
)

// What nobody knows the meaning of is a fault, and no reason to wait; 503 is
// only for a database that is away.
func TestServer_UnknownErrorsAreFaults(t *testing.T) {
	for text, c := range map[string]struct {
		err    error
		status int
		code   pushd.ProblemCode
	}{
		"a column":      {errors.New("sql: Scan error on column index 8: secret"), 500, codeInternal},
		"a syntax":      {errors.New("Error 1064 (42000): secret"), 500, codeInternal},
		"a stray word":  {pushd.ErrLost, 500, codeInternal},
		"down":          {errors.New("connection lost: secret"), 503, pushd.CodeUnavailable},
		"hangs":         {fmt.Errorf("create job: %w: secret", context.DeadlineExceeded), 503, pushd.CodeUnavailable},
		"its own words": {fmt.Errorf("x: %w", &pushd.Problem{Code: pushd.CodeChannelInvalid, Field: "title", Text: "is odd"}), 422, pushd.CodeChannelInvalid},
	} {
		w := newWorld()
		w.control.PostFunc = func(pushd.Request) (pushd.Outcome, error) { return pushd.Outcome{}, c.err }
		rec := w.postJSON("/v1/jobs", `{"actid":42,"appid":"wx01"}`)
		field := ""
		if c.status == 422 {
			field = "title"
		}
		d := wantProblem(t, rec, c.status, c.code, field)
		if strings.Contains(rec.Body.String(), "secret") || c.status != 422 && !strings.Contains(w.log.String(), `"error":"`+c.err.Error()) {
			t.Errorf("%s: answered %s, logged %s", text, rec.Body, w.log.String())
		}
		id := strings.TrimPrefix(d.Instance, "urn:pushd:request:")
		if c.status == 500 && (id == "" || strings.Count(w.log.String(), id) < 2) {
			t.Errorf("%s: %s does not lead to the log", text, d.Instance)
		}
		if (rec.Header().Get("Retry-After") != "") != (c.status == 503) {
			t.Errorf("%s: Retry-After %q", text, rec.Header().Get("Retry-After"))
		}
	}
}

// A client that goes away is nobody's mistake.
func TestServer_AClientThatWentAway(t *testing.T) {
	w := newWorld()
	ctx, leave := context.WithCancel(t.Context())
	w.control.PostFunc = func(pushd.Request) (pushd.Outcome, error) {
		leave()
		return pushd.Outcome{}, fmt.Errorf("read channel 42: %w", context.Canceled)
	}
	w.serve(request("POST", "/v1/jobs", asJSON, `{"actid":42,"appid":"wx01"}`).WithContext(ctx))
	if log := w.log.String(); strings.Contains(log, "ERROR") || strings.Contains(log, "WARN") || !strings.Contains(log, `"status":499`) {
		t.Error(log)
	}
}

// An answer that can't be encoded is no 200, and one odd row is no reason to
// show none.
func TestServer_WhatCannotBeEncoded(t *testing.T) {
	w := newWorld()
	odd := job(pushd.Running)
	odd.StartTime, odd.Deadline, odd.CreatedAt = 1796040015000, pushd.Time(1796040015000)*1e6, -1<<62
	w.options.Live = func(pushd.JobID) (float64, bool) { return math.Inf(1), true }
	w.jobs.JobFunc = func(pushd.JobID) (pushd.Job, error) { return odd, nil }
	w.jobs.JobsFunc = func(pushd.Filter) ([]pushd.Job, string, error) {
		return []pushd.Job{odd, job(pushd.Queued)}, "", nil
	}
	w.control.PostFunc = func(pushd.Request) (pushd.Outcome, error) { return pushd.Outcome{Job: odd}, nil }
	if doc := decode[jobDoc](t, w.get("/v1/jobs/"+theJob)); doc.ID != theJob || doc.Deadline != nil || doc.StartTime != nil || doc.Rate != 0 {
		t.Errorf("%+v", doc)
	}
	if doc := decode[listDoc](t, w.get("/v1/jobs")); len(doc.Items) != 2 {
		t.Errorf("%+v", doc)
	}
	if rec := w.postJSON("/v1/jobs", `{"actid":42,"appid":"wx01"}`); rec.Code != 202 || rec.Body.Len() < 10 {
		t.Errorf("%d %q", rec.Code, rec.Body)
	}
	s := New(w.options)
	s.echo.GET("/v1/broken", func(c echo.Context) error { return answer(c, 200, math.NaN()) })
	wantProblem(t, record(s, request("GET", "/v1/broken", "", "")), 500, codeInternal, "")
	if !strings.Contains(w.log.String(), "encode the answer") {
		t.Error(w.log.String())
	}
}

// On tables of another version nothing is changed, and the answer says why;
// looking is allowed, and fails with the same reason if it fails.
func TestServer_TablesOfAnotherVersion(t *testing.T) {
	w := newWorld()
	const why = "the tables have version 99, this program knows 2: it is too old"
	w.options.Unready = func() string { return why }
	for _, r := range []struct{ method, path string }{
		{"POST", "/v1/jobs"}, {"POST", "/v1/jobs/" + theJob + "/pause"}, {"POST", "/v1/jobs/" + theJob + "/resume"},
		{"POST", "/v1/jobs/" + theJob + "/cancel"}, {"POST", "/v1/jobs/" + theJob + "/retry"}, {"PATCH", "/v1/jobs/" + theJob},
		{"PUT", "/v1/accounts/wx01/templates/t1"},
	} {
		rec := w.serve(request(r.method, r.path, asJSON, `{"actid":42,"appid":"wx01"}`))
		if d := wantProblem(t, rec, 503, pushd.CodeUnavailable, ""); !strings.Contains(d.Detail, why) || rec.Header().Get("Retry-After") == "" {
			t.Errorf("%s %s: %s", r.method, r.path, rec.Body)
		}
	}
	if rec := w.get("/v1/jobs"); rec.Code != 200 {
		t.Errorf("list: %d", rec.Code)
	}
	w.jobs.JobsFunc = func(pushd.Filter) ([]pushd.Job, string, error) { return nil, "", errors.New("no such table") }
	if d := wantProblem(t, w.get("/v1/jobs"), 503, pushd.CodeUnavailable, ""); !strings.Contains(d.Detail, why) {
		t.Errorf("%+v", d)
	}
}
