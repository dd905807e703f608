package api

import (
	"errors"
	"testing"

	"pushd/internal/fanout"
)

func TestServer_Commands(t *testing.T) {
	w := newWorld()
	var got string
	w.control.CommandFunc = func(name string, id fanout.JobID) (fanout.Job, error) {
		got = name + " " + string(id)
		return job(fanout.Paused), nil
	}
	for _, name := range []string{"pause", "resume", "cancel"} {
		// Without a body, as a form of nothing, and as PHP's json_encode([]).
		for contentType, body := range map[string]string{"": "", asForm: "", asJSON: "[]"} {
			rec := w.serve(request("POST", "/v1/jobs/"+theJob+"/"+name, contentType, body))
			if doc := decode[jobDoc](t, rec); rec.Code != 200 || got != name+" "+theJob || doc.State != fanout.Paused {
				t.Errorf("%s: %d %s, told %q", name, rec.Code, rec.Body, got)
			}
		}
	}
}

func TestServer_CommandErrors(t *testing.T) {
	w := newWorld()
	var err error
	w.control.CommandFunc = func(string, fanout.JobID) (fanout.Job, error) { return fanout.Job{}, err }
	err = fanout.ErrNotFound
	wantProblem(t, w.postJSON("/v1/jobs/"+theJob+"/pause", ""), 404, fanout.CodeJobNotFound, "")
	err = &fanout.Problem{Code: fanout.CodeJobEnded, Text: "over"}
	wantProblem(t, w.postJSON("/v1/jobs/"+theJob+"/pause", ""), 409, fanout.CodeJobEnded, "")
	err = errors.New("connection lost")
	wantProblem(t, w.postJSON("/v1/jobs/"+theJob+"/pause", ""), 503, fanout.CodeUnavailable, "")
}

func TestServer_Retry(t *testing.T) {
	w := newWorld()
	var got fanout.RetryRequest
	w.control.RetryFunc = func(_ fanout.JobID, r fanout.RetryRequest) (fanout.Job, error) {
		got = r
		return job(fanout.Queued), nil
	}
	rec := w.serve(request("POST", "/v1/jobs/"+theJob+"/retry", asForm, "acceptDuplicates=true&deadline=1772370000"))
	if want := (fanout.RetryRequest{AcceptDuplicates: true, Deadline: 1772370000}); rec.Code != 202 || got != want {
		t.Errorf("answered %d %s, asked for %+v", rec.Code, rec.Body, got)
	}
	if rec := w.postJSON("/v1/jobs/"+theJob+"/retry", ""); rec.Code != 202 || got != (fanout.RetryRequest{}) {
		t.Errorf("without a body: answered %d, asked for %+v", rec.Code, got)
	}
}

func TestServer_Patch(t *testing.T) {
	w := newWorld()
	var got fanout.Patch
	w.control.PatchFunc = func(_ fanout.JobID, p fanout.Patch) (fanout.Job, error) {
		got = p
		return job(fanout.Running), nil
	}
	patch := func(body string) {
		t.Helper()
		if rec := w.serve(request("PATCH", "/v1/jobs/"+theJob, asJSON, body)); rec.Code != 200 {
			t.Fatalf("%s: answered %d %s", body, rec.Code, rec.Body)
		}
	}
	if patch(`{"rate":0}`); got.Rate == nil || *got.Rate != 0 || got.Deadline != nil {
		t.Errorf("asked for %+v", got)
	}
	if patch(`{"deadline":"1772370000"}`); got.Rate != nil || got.Deadline == nil || *got.Deadline != 1772370000 {
		t.Errorf("asked for %+v", got)
	}
}
