package rig_test

import (
	"strings"
	"testing"
	"time"

	"pushd"
	"pushd/api/client"
	"pushd/internal/rig"
)

// recipients reads one of a job's lists.
func recipients(t *testing.T, r *rig.Rig, id, outcome string) map[string]int {
	t.Helper()
	list := map[string]int{}
	for recipient, err := range r.API().Recipients(t.Context(), id, outcome) {
		if err != nil {
			t.Fatal(err)
		}
		list[recipient.OpenID] = recipient.Version
	}
	return list
}

// A text is put right in the middle of a job: everybody hears it once, those
// after the correction the right one, and the list says who got which.
func TestRig_TheTextIsWrong(t *testing.T) {
	r, acct, job := small(t, 400, "", nil)
	patch := func(p client.Patch) error {
		_, err := r.API().Patch(t.Context(), job.ID, p)
		return err
	}
	if err := patch(client.Patch{Rate: new(100)}); err != nil {
		t.Fatal(err)
	}
	await(t, r, job.ID, func(j client.Job) bool { return j.Sent >= 20 })
	right := map[string]*string{"thing1": new("对的标题")}
	if err := patch(client.Patch{Data: right}); client.Code(err) != pushd.CodeJobNotPaused {
		t.Fatalf("while it runs: %v", err)
	}
	if _, err := r.API().Command(t.Context(), job.ID, client.Pause); err != nil {
		t.Fatal(err)
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
	if err := patch(client.Patch{Data: map[string]*string{"thing1": new("🙂")}}); client.Code(err) != pushd.CodeMessageInvalid {
		t.Fatalf("an empty field: %v", err)
	}
	if err := patch(client.Patch{Data: right, Rate: new(0)}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.API().Command(t.Context(), job.ID, client.Resume); err != nil {
		t.Fatal(err)
	}
	if job = await(t, r, job.ID, client.Job.Ended); job.State != "succeeded" || job.Sent != 400 {
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
