package rig_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"pushd/api/client"
	"pushd/internal/rig"
	"pushd/internal/wechatsim"
)

// small sets up an account with few followers, and posts its job.
func small(t *testing.T, followers int, template string, prepare func(*rig.Rig)) (*rig.Rig, *wechatsim.Account, client.Job) {
	t.Helper()
	r, err := rig.New(t.Context(), rig.Options{Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	acct := r.Sim.Account("wxsmall", wechatsim.AccountOptions{Followers: followers})
	c := rig.Channel{ActID: 7, AppID: "wxsmall", TemplateID: template}
	if err := r.AddChannel(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if prepare != nil {
		prepare(r)
	}
	job, err := r.Post(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r, acct, job
}

func await(t *testing.T, r *rig.Rig, id string, done func(client.Job) bool) client.Job {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	job, err := r.Await(ctx, id, done)
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// A template that is banned ends the job; once another one is chosen, continue
// sends with that, to everyone who was not told.
func TestRig_ContinueWithAnotherTemplate(t *testing.T) {
	r, acct, job := small(t, 40, "", func(r *rig.Rig) {
		r.Sim.Find("wxsmall").SetTemplateCode(wechatsim.TemplateID("wxsmall", 1), 43116)
	})
	if job = await(t, r, job.ID, client.Job.Ended); job.State != "failed" || job.Sent != 0 {
		t.Fatalf("with a banned template: %+v", job)
	}
	held, err := r.API().Hold(t.Context(), "wxsmall")
	if err != nil || !held.Held || held.ErrCode != 43116 || held.By != "rig" || !strings.Contains(held.Reason, "43116") {
		t.Fatalf("after a banned template the account's hold is %+v, %v", held, err)
	}
	data := map[string]string{"thing2": "课", "time5": "2026年03月01日 20:00", "thing8": "老师"}
	continued, err := r.API().Post(t.Context(), client.Order{
		ActID: 7, AppID: "wxsmall", Continue: true, TemplateID: wechatsim.TemplateID("wxsmall", 2), Data: data,
	})
	if err != nil || continued.Existing {
		t.Fatalf("continue: %+v, %v", continued, err)
	}
	// It waits, and so does another channel's job, until a person lifts the hold.
	other := rig.Channel{ActID: 8, AppID: "wxsmall", TemplateID: wechatsim.TemplateID("wxsmall", 2)}
	if err := r.AddChannel(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	second, err := r.API().Post(t.Context(), client.Order{ActID: 8, AppID: "wxsmall", TemplateID: wechatsim.TemplateID("wxsmall", 2), Data: data})
	if err != nil || second.Standing() != "queued (held)" || !strings.Contains(second.Detail, "43116") {
		t.Fatalf("posted to an account that is held: %+v, %v", second, err)
	}
	if continued.Standing() != "queued (held)" {
		t.Errorf("continued: %s", continued.Standing())
	}
	health, err := r.API().Health(t.Context())
	for err == nil && health.Parts["hold"].Text == "" { // it is read every second
		health, err = r.API().Health(t.Context())
	}
	if err != nil || health.Status != "degraded" || !strings.Contains(health.Parts["hold"].Text, "wxsmall") {
		t.Errorf("health %+v, %v", health, err)
	}
	sends := acct.Stats().Sends
	if lifted, err := r.API().LiftHold(t.Context(), "wxsmall"); err != nil || lifted.Held || lifted.Waiting != 2 || acct.Stats().Sends != sends {
		t.Errorf("lifted %+v, %v, %d sends before", lifted, err, acct.Stats().Sends-sends)
	}
	if job = await(t, r, job.ID, client.Job.Ended); job.State != "succeeded" || job.Sent != 40 {
		t.Errorf("continued: %+v", job)
	}
	second = await(t, r, second.ID, client.Job.Ended)
	for _, j := range []client.Job{job, second} {
		if report := acct.Report(j.MsgID); j.State != "succeeded" || !report.Complete() || report.More > 0 {
			t.Errorf("%s: ledger %+v", j.Standing(), report)
		}
	}
}

// However few the followers: with a wrong template nobody counts as skipped.
func TestRig_FewFollowersAndAWrongTemplate(t *testing.T) {
	r, _, job := small(t, 12, "", func(r *rig.Rig) {
		r.Sim.Find("wxsmall").SetTemplateCode(wechatsim.TemplateID("wxsmall", 1), 40037)
	})
	parked := func(j client.Job) bool { return j.State == "parked" || j.Ended() }
	if job = await(t, r, job.ID, parked); job.Reason != "account_mismatch" || job.Skipped != 0 {
		t.Fatalf("with a wrong template: %+v", job)
	}
	r.Sim.Find("wxsmall").SetTemplateCode(wechatsim.TemplateID("wxsmall", 1), 0)
	if _, err := r.API().Command(t.Context(), job.ID, client.Resume); err != nil {
		t.Fatal(err)
	}
	if job = await(t, r, job.ID, client.Job.Ended); job.State != "succeeded" || job.Sent != 12 {
		t.Errorf("resumed: %+v", job)
	}
}

// WeChat that is down is waited for, also by a job of three people.
func TestRig_FewFollowersAndWeChatDown(t *testing.T) {
	fault := ""
	r, acct, job := small(t, 3, "", func(r *rig.Rig) {
		fault = r.Sim.Faults.Add(wechatsim.Fault{Path: wechatsim.PathSend, Action: wechatsim.ActReset})
	})
	parked := func(j client.Job) bool { return j.State == "parked" || j.Ended() }
	if job = await(t, r, job.ID, parked); job.Reason != "wechat_down" {
		t.Fatalf("while WeChat is down: %+v", job)
	}
	r.Sim.Faults.Clear(fault)
	if job = await(t, r, job.ID, client.Job.Ended); job.State != "succeeded" || job.Sent != 3 {
		t.Errorf("afterwards: %+v", job)
	}
	if report := acct.Report(job.MsgID); !report.Complete() || report.More > 0 {
		t.Errorf("ledger %+v", report)
	}
}
