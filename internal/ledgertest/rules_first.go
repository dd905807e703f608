package ledgertest

import (
	"testing"

	"pushd"
)

func firstRules() []rule {
	return []rule{
		{"FirstThenAPerson", firstThenAPerson},
		{"FirstAndOtherPauses", firstAndOtherPauses},
		{"Forced", forced},
		{"ForcedAtWork", forcedAtWork},
	}
}

// first makes a claimed job that waits for a person after its first recipients.
func (f *bench) first(n int) pushd.Job {
	f.t.Helper()
	j, err := f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: start, Deadline: future, First: n})
	f.ok(err)
	j, err = f.Claim(f.ctx, alice, j.ID, term)
	f.ok(err)
	if j.First != n || j.FirstPassed {
		f.t.Errorf("claimed with first %d, passed %v", j.First, j.FirstPassed)
	}
	return j
}

var firstReached = pushd.Parking{Pause: true, Reason: pushd.FirstReached, Detail: "look"}

// A job that has paused itself waits for a person, whose word it remembers.
func firstThenAPerson(t *testing.T, f *bench) {
	j := f.first(3)
	f.ok(f.Park(f.ctx, j.Lease(), firstReached))
	got := f.job(j.ID)
	if got.State != pushd.Paused || got.Reason != pushd.FirstReached || got.Detail != "look" || got.Owner != (pushd.Owner{}) || got.FirstPassed {
		t.Errorf("paused: %+v", got)
	}
	f.want(f.Park(f.ctx, j.Lease(), firstReached), pushd.ErrLost)
	_, err := f.Claim(f.ctx, bob, j.ID, term)
	f.want(err, pushd.ErrLost)
	events, _, err := f.Events(f.ctx, pushd.EventFilter{Job: j.ID, Limit: 100})
	f.ok(err)
	if last := events[len(events)-1]; last.Kind != pushd.EventPaused || last.Reason != pushd.FirstReached {
		t.Errorf("the last event is %+v", last)
	}
	_, err = f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Paused}) // which changes nothing
	f.ok(err)
	got, err = f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, Resume: true})
	f.ok(err)
	if got.State != pushd.Queued || got.Reason != "" || !got.FirstPassed || got.First != 3 {
		t.Errorf("resumed: %+v", got)
	}
	got, err = f.Claim(f.ctx, bob, j.ID, term)
	f.ok(err)
	if !got.FirstPassed {
		t.Error("the next claim does not know that a person has said yes")
	}
}

// Resuming a job that is paused for another reason is no yes.
func firstAndOtherPauses(t *testing.T, f *bench) {
	j := f.first(3)
	_, err := f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Paused})
	f.ok(err)
	f.want(f.Park(f.ctx, j.Lease(), firstReached), pushd.ErrLost) // the command was faster
	f.ok(f.Release(f.ctx, j.Lease()))
	got, err := f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, Resume: true})
	f.ok(err)
	if got.State != pushd.Queued || got.FirstPassed {
		t.Errorf("resumed: %+v", got)
	}
	_, err = f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, Resume: true}) // which is none, either
	f.ok(err)
	j, err = f.Claim(f.ctx, alice, j.ID, term)
	f.ok(err)
	f.ok(f.Park(f.ctx, j.Lease(), pushd.Parking{Reason: pushd.WeChatDown, Until: future}))
	if got, err = f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, Resume: true}); err != nil || got.FirstPassed {
		t.Errorf("a parked job that was resumed: %+v, %v", got, err)
	}
}

// What was asked for in spite of the brakes is kept, and a command may do it later.
func forced(t *testing.T, f *bench) {
	f.channel(43, otherApp)
	j, err := f.Create(f.ctx, pushd.Job{ActID: 43, AppID: otherApp, StartTime: start, Deadline: future, Forced: true})
	f.ok(err)
	if !j.Forced || !f.job(j.ID).Forced {
		t.Error("a job was made by force, and the ledger does not know")
	}
	j = f.claimed(alice)
	f.ok(f.Park(f.ctx, j.Lease(), pushd.Parking{Reason: pushd.InQuietHours, Until: future}))
	if j = f.job(j.ID); j.Forced {
		t.Error("forced by nobody")
	}
	j, err = f.Command(f.ctx, j.ID, pushd.Command{From: []pushd.State{pushd.Parked}, Unpark: true, Force: true})
	f.ok(err)
	if !j.Forced || j.ParkedUntil != 0 {
		t.Errorf("forced: %+v", j)
	}
	if j, err = f.Claim(f.ctx, bob, j.ID, term); err != nil || !j.Forced {
		t.Errorf("claimed: %+v, %v", j, err)
	}
}

// A job that is forced before it has come to a rest does not wait for the end of the
// quiet hours; another wait is as long as it was.
func forcedAtWork(t *testing.T, f *bench) {
	quiet, busy := pushd.Parking{Reason: pushd.InQuietHours, Until: future}, pushd.Parking{Reason: pushd.WeChatDown, Until: future}
	byForce := pushd.Command{From: pushd.ActiveStates, Force: true}
	j := f.claimed(alice)
	got, err := f.Command(f.ctx, j.ID, byForce)
	f.ok(err)
	if got.State != pushd.Running || !got.Forced {
		t.Errorf("forced at work: %+v", got)
	}
	f.ok(f.Park(f.ctx, j.Lease(), quiet))
	if got = f.job(j.ID); got.State != pushd.Parked || got.ParkedUntil != 0 {
		t.Errorf("parked in quiet hours by who has not heard of it: %+v", got)
	}
	j, err = f.Claim(f.ctx, alice, j.ID, term)
	f.ok(err)
	f.ok(f.Park(f.ctx, j.Lease(), busy))
	got, err = f.Command(f.ctx, j.ID, byForce)
	f.ok(err)
	if got.ParkedUntil != future {
		t.Errorf("parked for another reason: %+v", got)
	}
	other := pushd.Job{ActID: 43, AppID: otherApp, StartTime: start, Deadline: future}
	f.channel(43, otherApp)
	j, err = f.Create(f.ctx, other)
	f.ok(err)
	j, err = f.Claim(f.ctx, alice, j.ID, term)
	f.ok(err)
	f.ok(f.Park(f.ctx, j.Lease(), quiet))
	got, err = f.Command(f.ctx, j.ID, byForce)
	f.ok(err)
	if got.ParkedUntil != 0 || !got.Forced {
		t.Errorf("forced in quiet hours: %+v", got)
	}
}
