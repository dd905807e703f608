package api

import (
	"errors"
	"testing"

	"pushd"
)

func TestServer_Commands(t *testing.T) {
	w := newWorld()
	var got string
	w.control.CommandFunc = func(name string, id pushd.JobID) (pushd.Job, error) {
		got = name + " " + string(id)
		return job(pushd.Paused), nil
	}
	for _, name := range []string{"pause", "resume", "cancel"} {
		// Without a body, as a form of nothing, and as PHP's json_encode([]).
		for contentType, body := range map[string]string{"": "", asForm: "", asJSON: "[]"} {
			rec := w.serve(request("POST", "/v1/jobs/"+theJob+"/"+name, contentType, body))
			if doc := decode[jobDoc](t, rec); rec.Code != 200 || got != name+" "+theJob || doc.State != pushd.Paused {
				t.Errorf("%s: %d %s, told %q", name, rec.Code, rec.Body, got)
			}
		}
	}
}

func TestServer_CommandErrors(t *testing.T) {
	w := newWorld()
	var err error
	w.control.CommandFunc = func(string, pushd.JobID) (pushd.Job, error) { return pushd.Job{}, err }
	err = pushd.ErrNotFound
	wantProblem(t, w.postJSON("/v1/jobs/"+theJob+"/pause", ""), 404, pushd.CodeJobNotFound, "")
	err = &pushd.Problem{Code: pushd.CodeJobEnded, Text: "over"}
	wantProblem(t, w.postJSON("/v1/jobs/"+theJob+"/pause", ""), 409, pushd.CodeJobEnded, "")
	err = errors.New("connection lost")
	wantProblem(t, w.postJSON("/v1/jobs/"+theJob+"/pause", ""), 503, pushd.CodeUnavailable, "")
}

func TestServer_Retry(t *testing.T) {
	w := newWorld()
	var got pushd.RetryRequest
	w.control.RetryFunc = func(_ pushd.JobID, r pushd.RetryRequest) (pushd.Job, error) {
		got = r
		return job(pushd.Queued), nil
	}
	rec := w.serve(request("POST", "/v1/jobs/"+theJob+"/retry", asForm, "acceptDuplicates=true&deadline=1772370000"))
	if want := (pushd.RetryRequest{AcceptDuplicates: true, Deadline: 1772370000}); rec.Code != 202 || got != want {
		t.Errorf("answered %d %s, asked for %+v", rec.Code, rec.Body, got)
	}
	if rec := w.postJSON("/v1/jobs/"+theJob+"/retry", ""); rec.Code != 202 || got != (pushd.RetryRequest{}) {
		t.Errorf("without a body: answered %d, asked for %+v", rec.Code, got)
	}
}

func TestServer_Patch(t *testing.T) {
	w := newWorld()
	var got pushd.Patch
	w.control.PatchFunc = func(_ pushd.JobID, p pushd.Patch) (pushd.Job, error) {
		got = p
		return job(pushd.Running), nil
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
