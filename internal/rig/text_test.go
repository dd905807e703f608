package rig_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"pushd/internal/rig"
)

// recipients reads one of a job's lists.
func recipients(t *testing.T, r *rig.Rig, id, outcome string) map[string]int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL+"/v1/jobs/"+id+"/recipients?outcome="+outcome, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.Key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	list := map[string]int{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		var line struct {
			OpenID  string
			Version int `json:"messageVersion"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		list[line.OpenID] = line.Version
	}
	return list
}

// A text is put right in the middle of a job: everybody hears it once, those
// after the correction the right one, and the list says who got which.
func TestRig_TheTextIsWrong(t *testing.T) {
	r, acct, job := small(t, 400, "", nil)
	patch := func(body map[string]any) (int, rig.Job) {
		t.Helper()
		status, j, err := r.Call(t.Context(), http.MethodPatch, "/v1/jobs/"+job.ID, body)
		if err != nil {
			t.Fatal(err)
		}
		return status, j
	}
	patch(map[string]any{"rate": 100})
	await(t, r, job.ID, func(j rig.Job) bool { return j.Sent >= 20 })
	if status, j := patch(map[string]any{"data": map[string]any{"thing1": "对的标题"}}); status != http.StatusConflict || j.Code != "job_not_paused" {
		t.Fatalf("while it runs: %d %+v", status, j)
	}
	if status, _, err := r.Call(t.Context(), http.MethodPost, "/v1/jobs/"+job.ID+"/pause", nil); err != nil || status != http.StatusOK {
		t.Fatalf("pause: %d %v", status, err)
	}
	quiet := func() int64 {
		for before := int64(-1); ; time.Sleep(1100 * time.Millisecond) {
			n := acct.Report(job.MsgID).Requests
			if n == before {
				return n
			}
			before = n
		}
	}
	first := int(quiet())
	if status, j := patch(map[string]any{"data": map[string]any{"thing1": "🙂"}}); status != http.StatusUnprocessableEntity || j.Code != "message_invalid" {
		t.Fatalf("an empty field: %d %+v", status, j)
	}
	if status, j := patch(map[string]any{"data": map[string]any{"thing1": "对的标题"}, "rate": 0}); status != http.StatusOK {
		t.Fatalf("correct: %d %+v", status, j)
	}
	if status, _, err := r.Call(t.Context(), http.MethodPost, "/v1/jobs/"+job.ID+"/resume", nil); err != nil || status != http.StatusOK {
		t.Fatalf("resume: %d %v", status, err)
	}
	if job = await(t, r, job.ID, rig.Job.Ended); job.State != "succeeded" || job.Sent != 400 {
		t.Fatalf("%+v", job)
	}
	report := acct.Report(job.MsgID)
	if !report.Complete() || report.More > 0 {
		t.Errorf("ledger %+v", report)
	}
	by := map[int]int{}
	for openid, version := range recipients(t, r, job.ID, "sent") {
		by[version]++
		m, _ := acct.MessageTo(job.MsgID, openid)
		if right := strings.Contains(m.Raw, "对的标题"); right != (version == 2) {
			t.Errorf("%s got %s, the list says version %d", openid, m.Raw, version)
		}
	}
	if by[1] != first || by[1]+by[2] != 400 {
		t.Errorf("by version %v, %d were told before the correction", by, first)
	}
}
