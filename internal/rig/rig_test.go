package rig_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"pushd/api/client"
	"pushd/internal/rig"
	"pushd/internal/wechatsim"
)

// A job of four fields goes from the POST to status 2, and the ledger at
// WeChat's side has everyone once.
func TestRig_FourFields(t *testing.T) {
	r, err := rig.New(t.Context(), rig.Options{Seed: 1, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	acct := r.Sim.Account("wxrig", wechatsim.AccountOptions{Followers: 12_345, Unsubscribed: 0.01})
	c := rig.Channel{ActID: 7, AppID: "wxrig"}
	if err := r.AddChannel(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	job, err := r.Post(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	job, err = r.Await(ctx, job.ID, client.Job.Ended)
	if err != nil {
		t.Fatal(err)
	}
	report := acct.Report(job.MsgID)
	t.Logf("job %+v", job)
	t.Logf("report %+v", report)
	if job.State != "succeeded" || job.Walked != 12_345 || job.Sent+job.Skipped != job.Walked {
		t.Errorf("job ended %s: %s", job.State, job.Detail)
	}
	if !report.Complete() || report.More > 0 || report.Needless() > 0 {
		t.Errorf("ledger: %+v", report)
	}
	if status, err := r.Status(t.Context(), 7); err != nil || status != 2 {
		t.Errorf("status %d, %v", status, err)
	}
}
