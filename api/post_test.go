package api

import (
	"errors"
	"strings"
	"testing"

	"pushd"
)

const good = `{"actid":42,"appid":"wx01"}`

func TestServer_Post(t *testing.T) {
	t.Run("Made", func(t *testing.T) {
		rec := newWorld().postJSON("/v1/jobs", good)
		if rec.Code != 202 || rec.Header().Get("Location") != "/v1/jobs/"+theJob {
			t.Errorf("answered %d, Location %q", rec.Code, rec.Header().Get("Location"))
		}
		if strings.Contains(rec.Body.String(), "existing") {
			t.Errorf("a new job says existing: %s", rec.Body)
		}
	})
	t.Run("Existing", func(t *testing.T) {
		w := newWorld()
		w.control.PostFunc = func(pushd.Request) (pushd.Outcome, error) {
			return pushd.Outcome{Job: job(pushd.Running), Existing: true}, nil
		}
		rec := w.postJSON("/v1/jobs", good)
		if doc := decode[jobDoc](t, rec); rec.Code != 200 || !doc.Existing || doc.ID != theJob {
			t.Errorf("answered %d %s", rec.Code, rec.Body)
		}
	})
	t.Run("PositionUnknown", func(t *testing.T) {
		w := newWorld()
		w.jobs.PositionFunc = func(pushd.JobID) (int, error) { return 0, errors.New("gone") }
		rec := w.postJSON("/v1/jobs", good)
		if doc := decode[jobDoc](t, rec); rec.Code != 202 || doc.QueuePosition != nil {
			t.Errorf("an accepted job is answered with %d %s", rec.Code, rec.Body)
		}
	})
	t.Run("Draining", func(t *testing.T) {
		w := newWorld()
		w.options.Draining = func() bool { return true }
		for _, path := range []string{"/v1/jobs", "/v1/jobs/" + theJob + "/retry"} {
			rec := w.postJSON(path, good)
			wantProblem(t, rec, 503, pushd.CodeUnavailable, "")
			if rec.Header().Get("Retry-After") == "" {
				t.Errorf("%s: no Retry-After", path)
			}
		}
		if rec := w.postJSON("/v1/jobs/"+theJob+"/cancel", ""); rec.Code != 200 {
			t.Errorf("cancel while draining: %d", rec.Code)
		}
	})
	t.Run("DatabaseDown", func(t *testing.T) {
		w := newWorld()
		w.control.PostFunc = func(pushd.Request) (pushd.Outcome, error) {
			return pushd.Outcome{}, errors.New("insert job: dial tcp 10.1.2.3:3306: connection lost")
		}
		rec := w.postJSON("/v1/jobs", good)
		wantProblem(t, rec, 503, pushd.CodeUnavailable, "")
		if rec.Header().Get("Retry-After") == "" || strings.Contains(rec.Body.String(), "10.1.2.3") {
			t.Errorf("answered %v %s", rec.Header(), rec.Body)
		}
		if !strings.Contains(w.log.String(), "10.1.2.3") {
			t.Errorf("the log does not say why: %s", w.log.String())
		}
	})
}

func TestServer_DryRun(t *testing.T) {
	w := newWorld()
	w.control.PostFunc = nil
	var asked pushd.Request
	w.control.EstimateFunc = func(r pushd.Request) (pushd.Estimate, error) {
		asked = r
		total, seconds := int64(1000), int64(20)
		j := job(pushd.Succeeded)
		return pushd.Estimate{
			Audience: pushd.TagAudience(101), Total: &total, EstimateSeconds: &seconds,
			Message:  &pushd.Message{TemplateID: "t", URL: "https://a/?b=1&c=2", Data: map[string]string{"thing1": "播"}},
			Problems: []pushd.Problem{{Code: pushd.CodeAlreadyNotified, Text: "told", Job: &j}},
		}, nil
	}
	rec := w.postJSON("/v1/jobs", `{"actid":42,"appid":"wx01","dryRun":1}`)
	const want = `{"audience":"tag:101","total":1000,"message":{"templateId":"t","url":"https://a/?b=1&c=2","data":{"thing1":"播"}},"quotaRemain":null,` +
		`"estimateSeconds":20,"problems":[{"code":"already_notified","detail":"told","jobId":"` + theJob + `"}]}` + "\n"
	if rec.Code != 200 || rec.Body.String() != want || !asked.DryRun {
		t.Errorf("answered %d %s\nwant %s", rec.Code, rec.Body, want)
	}
}

// Every code that the domain gives, with and without a job in the way.
func TestServer_Refusals(t *testing.T) {
	ended := job(pushd.Failed)
	ended.Reason = pushd.WalkIncomplete
	for code, r := range refusals {
		w := newWorld()
		w.control.PostFunc = func(pushd.Request) (pushd.Outcome, error) {
			return pushd.Outcome{}, &pushd.Problem{Code: code, Text: "no", Field: "f"}
		}
		d := wantProblem(t, w.postJSON("/v1/jobs", good), r.status, code, "f")
		if d.JobID != "" || !strings.HasSuffix(d.Type, string(code)) {
			t.Errorf("%s: %+v", code, d)
		}
	}
	w := newWorld()
	for code, status := range map[pushd.ProblemCode]int{pushd.CodeAppIDMismatch: 409, pushd.CodeJobEnded: 409} {
		w.control.PostFunc = func(pushd.Request) (pushd.Outcome, error) {
			return pushd.Outcome{}, &pushd.Problem{Code: code, Text: "no", Job: &ended}
		}
		d := wantProblem(t, w.postJSON("/v1/jobs", good), status, code, "")
		if d.JobID != theJob || d.JobState != pushd.Failed || d.JobReason != pushd.WalkIncomplete {
			t.Errorf("%s does not name the job in the way: %+v", code, d)
		}
	}
}
