package control

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"pushd"
	"pushd/internal/account"
	"pushd/internal/retry"
)

// A continue or a restart that names its job does nothing where the reminder's job is
// another one by now: what was decided was decided about what a person saw.
func TestPost_AboutAJob(t *testing.T) {
	differs := func(t *testing.T, d *desk, req pushd.Request) {
		t.Helper()
		req.ActID, req.AppID = 1, "wx1"
		before := len(d.ledger.ByID)
		_, err := d.Post(t.Context(), req)
		var p *pushd.Problem
		if !errors.As(err, &p) || p.Code != pushd.CodeJobDiffers || p.Field != "job" || len(d.ledger.ByID) != before {
			t.Errorf("%+v: %v, %d jobs", req, err, len(d.ledger.ByID))
		}
	}
	t.Run("restart, again and again", func(t *testing.T) {
		d := newDesk()
		first := d.job(t, pushd.Succeeded)
		restart := pushd.Request{ActID: 1, AppID: "wx1", Restart: true, Job: first}
		out, err := d.Post(t.Context(), restart)
		if err != nil || out.Existing || out.Job.Run != 1 {
			t.Fatalf("%+v, %v", out.Job, err)
		}
		second := out.Job.ID
		if out, err = d.Post(t.Context(), restart); err != nil || !out.Existing || out.Job.ID != second {
			t.Errorf("while it is at work: %+v, %v", out.Job, err)
		}
		for _, state := range []pushd.State{pushd.Succeeded, pushd.Failed, pushd.Canceled} {
			d.ledger.ByID[second].State = state
			differs(t, d, restart)
		}
		differs(t, d, pushd.Request{Continue: true, Job: first})
		if out, err = d.Post(t.Context(), pushd.Request{ActID: 1, AppID: "wx1", Continue: true, Job: second}); err != nil || out.Job.ID != second {
			t.Errorf("the newest one: %+v, %v", out.Job, err)
		}
	})
	t.Run("the start has moved", func(t *testing.T) {
		for _, req := range []pushd.Request{{Continue: true}, {Restart: true}} {
			d := newDesk()
			req.Job = d.job(t, pushd.Canceled)
			d.ch.StartTime += int64(time.Hour / time.Second)
			d.ledger.SetStatus(1, pushd.StatusNotNotified)
			differs(t, d, req)
		}
	})
	t.Run("the start of a job at work has moved", func(t *testing.T) {
		d := newDesk()
		id := d.job(t, pushd.Running)
		d.ch.StartTime += int64(time.Hour / time.Second)
		d.ledger.SetStatus(1, pushd.StatusNotNotified)
		differs(t, d, pushd.Request{Restart: true, Job: id})
		if state := d.ledger.ByID[id].State; state != pushd.Running {
			t.Errorf("the job is %s", state)
		}
	})
	t.Run("a dry run", func(t *testing.T) {
		d := newDesk()
		d.cfg.Account = account.New(&tagging{}, oneToken{}, retry.NewJitter(rand.New(rand.NewPCG(1, 2))))
		first := d.job(t, pushd.Canceled)
		d.ch.StartTime += int64(time.Hour / time.Second)
		for _, c := range []struct {
			job  pushd.JobID
			says bool
		}{{first, true}, {"", false}} {
			est, err := d.Estimate(t.Context(), pushd.Request{ActID: 1, AppID: "wx1", Continue: true, Job: c.job, DryRun: true})
			says := false
			for _, p := range est.Problems {
				says = says || p.Code == pushd.CodeJobDiffers
			}
			if err != nil || says != c.says {
				t.Errorf("%q: %+v, %v", c.job, est.Problems, err)
			}
		}
	})
}

// A start that is not known any more makes no new reminder of one that was sent, or
// that a person has stopped. As where it was never known, a status of 0 does six hours
// after the end.
func TestPost_StartThatIsNotKnownAnyMore(t *testing.T) {
	for state, want := range map[pushd.State]pushd.ProblemCode{pushd.Succeeded: pushd.CodeAlreadyNotified, pushd.Canceled: pushd.CodeJobEnded} {
		d := newDesk()
		id := d.job(t, state)
		d.ch.StartTime = 0
		d.ledger.SetStatus(1, pushd.StatusNotNotified)
		post := func() (pushd.Outcome, error) {
			return d.Post(t.Context(), pushd.Request{ActID: 1, AppID: "wx1"})
		}
		d.ledger.ByID[id].FinishedAt = pushd.Time(time.Now().Add(-5 * time.Hour).UnixMicro())
		var p *pushd.Problem
		if out, err := post(); !errors.As(err, &p) || p.Code != want {
			t.Errorf("%s: %+v, %v", state, out.Job, err)
		}
		d.ledger.ByID[id].FinishedAt = pushd.Time(time.Now().Add(-7 * time.Hour).UnixMicro())
		if out, err := post(); err != nil || out.Job.ID == id {
			t.Errorf("%s, long ago: %+v, %v", state, out.Job, err)
		}
	}
}
