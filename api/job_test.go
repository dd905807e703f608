package api

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pushd"
)

// The exact bytes that PHP and monitoring are written against.
func TestServer_JobDocument(t *testing.T) {
	w := newWorld()
	remain := int64(90_000)
	j := job(pushd.Running)
	j.Prepared.Message = &pushd.Message{TemplateID: "T1", URL: "https://a/?b=1&c=2", Data: map[string]string{"thing1": "播"}}
	j.Asked.TemplateID, j.StartedAt, j.QuotaRemain, j.SendRate = "T0", noon.Add(1e9), &remain, 12.349
	j.Counts.Skipped, j.Counts.Failed, j.Counts.Retries, j.Rate = 2, 1, 7, 500
	j.Owner = pushd.Owner{Instance: "web1", Boot: "b"}
	w.jobs.JobFunc = func(pushd.JobID) (pushd.Job, error) { return j, nil }
	const want = `{"id":"k3v9x0a1b2c3d4e5f6g7","clientMsgId":"c3fdpwfcbpjxvd4o7rca","actid":42,"appid":"wx01","audience":"followers","templateId":"T1",` +
		`"message":{"templateId":"T1","url":"https://a/?b=1&c=2","data":{"thing1":"播"}},` +
		`"messageVersion":null,"state":"running","reason":null,"detail":null,"total":1000,"walked":800,"sent":400,"skipped":2,"failed":1,"unknown":0,"untold":null,` +
		`"inDoubt":0,"retries":7,"errors":{"43004":2,"timeout":1},"receipts":{"delivered":0,"blocked":0,"undelivered":0,"undeliveredBy":{}},"rate":12.3,"rateLimit":500,"eta":"2026-03-01T12:01:48Z",` +
		`"quotaRemain":90000,"shortfall":null,"queuePosition":null,"first":null,"owner":"web1","startTime":"2026-03-01T12:30:00Z",` +
		`"createdAt":"2026-03-01T12:00:00Z","startedAt":"2026-03-01T12:00:01Z","lastSentAt":null,"finishedAt":null,"parkedUntil":null,` +
		`"deadline":"2026-03-01T13:00:00Z"}` + "\n"
	if got := w.get("/v1/jobs/" + theJob).Body.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestServer_JobBeforeAnythingIsKnown(t *testing.T) {
	w := newWorld()
	w.jobs.JobFunc = func(pushd.JobID) (pushd.Job, error) {
		return pushd.Job{ID: theJob, State: pushd.Queued, Reason: pushd.AccountBusy}, nil
	}
	var doc map[string]any
	rec := w.get("/v1/jobs/" + theJob)
	if err := json.Unmarshal(rec.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"templateId", "message", "total", "eta", "quotaRemain", "shortfall", "startTime", "startedAt", "finishedAt", "deadline"} {
		if v, there := doc[field]; !there || v != nil {
			t.Errorf("%s is %v, want null", field, v)
		}
	}
	if doc["queuePosition"] != 3.0 || doc["reason"] != "account_busy" || doc["rate"] != 0.0 {
		t.Errorf("got %s", rec.Body)
	}
}

func TestServer_Rate(t *testing.T) {
	w := newWorld()
	live, here := 99.0, true
	w.options.Live = func(pushd.JobID) (float64, bool) { return live, here }
	s := New(w.options)
	j := job(pushd.Running)
	j.SendRate = 12
	if got := s.rate(j); got != 99 {
		t.Errorf("a job of this process: %v", got)
	}
	if here = false; s.rate(j) != 12 {
		t.Errorf("a job of another process: %v", s.rate(j))
	}
	if j.Leased = j.Now - 1; s.rate(j) != 0 {
		t.Errorf("a job whose owner is gone: %v", s.rate(j))
	}
	if live, here = math.NaN(), true; s.rate(j) != 0 {
		t.Errorf("no number: %v", s.rate(j))
	}
	if live, j.State = 99, pushd.Paused; s.rate(j) != 0 {
		t.Errorf("a paused job: %v", s.rate(j))
	}
}

func TestETA(t *testing.T) {
	running := job(pushd.Running) // 600 of 1000 left
	walked, over, paused := running, running, running
	walked.Walk.Complete = true // 400 of 800 left
	over.Counts.Sent = 1200
	paused.State = pushd.Paused
	cases := []struct {
		name string
		job  pushd.Job
		rate float64
		want time.Duration // from now; 0 = unknown
	}{
		{"WalkGoesOn", running, 10, 60 * time.Second},
		{"Walked", walked, 10, 40 * time.Second},
		{"NobodyLeft", over, 10, 0},
		{"NoRate", running, 0, 0},
		{"Paused", paused, 10, 0},
		{"NextYear", running, 0.00001, 0},
		{"NoClock", pushd.Job{State: pushd.Running, Walk: running.Walk}, 10, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := moment(c.job.ETA(c.rate))
			if c.want == 0 {
				if got != nil {
					t.Errorf("got %v, want null", got)
				}
			} else if want := c.job.Now.Add(c.want).Std(); got == nil || !got.Equal(want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestServer_List(t *testing.T) {
	w := newWorld()
	var got pushd.Filter
	w.jobs.JobsFunc = func(f pushd.Filter) ([]pushd.Job, string, error) {
		got = f
		return []pushd.Job{job(pushd.Running), job(pushd.Queued)}, "next", nil
	}
	rec := w.get("/v1/jobs?state=running,parked&actid=42&appid=wx01&since=2026-03-01T20:00:00%2B08:00&limit=200&cursor=c-1")
	doc := decode[listDoc](t, rec)
	if rec.Code != 200 || len(doc.Items) != 2 || doc.NextCursor == nil || *doc.NextCursor != "next" || doc.Items[1].QueuePosition == nil {
		t.Fatalf("answered %d %s", rec.Code, rec.Body)
	}
	if !slices.Equal(got.States, []pushd.State{pushd.Running, pushd.Parked}) || got.ActID != 42 || got.AppID != "wx01" ||
		got.Since != noon || got.Limit != 200 || got.Cursor != "c-1" {
		t.Errorf("asked for %+v", got)
	}
	if w.get("/v1/jobs?since=1772366400&state="); got.Since != noon || got.Limit != 50 || got.States != nil || got.ActID != 0 {
		t.Errorf("asked for %+v", got)
	}
}

func TestServer_ListFromAnInventedCursor(t *testing.T) {
	w := newWorld()
	w.jobs.JobsFunc = func(pushd.Filter) ([]pushd.Job, string, error) {
		return nil, "", fmt.Errorf("list jobs: %w", pushd.ErrCursor)
	}
	wantProblem(t, w.get("/v1/jobs?cursor=abc"), 422, pushd.CodeInvalid, "cursor")
}
