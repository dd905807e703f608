package ledgertest

import (
	"errors"
	"testing"
	"time"

	"pushd"
)

func holdRules() []rule {
	return []rule{
		{"HoldEverything", holdEverything},
		{"HoldAccount", holdAccount},
		{"HoldOnce", holdOnce},
		{"HoldAndClaimAtOnce", holdAndClaim},
		{"HoldAtTheEnd", holdAtTheEnd},
		{"HoldExpires", holdExpires},
		{"LastSent", lastSent},
	}
}

const otherApp = pushd.AppID("wx0000000000000002")

// wantHeld says whether a job waits under a hold, and can't be claimed then.
func (f *bench) wantHeld(id pushd.JobID, held bool) {
	f.t.Helper()
	due, err := f.Due(f.ctx, 10)
	f.ok(err)
	listed := false
	for _, d := range due {
		listed = listed || d == id
	}
	j := f.job(id)
	if listed == held || (j.Reason == pushd.OnHold) != held || held && j.Detail == "" {
		f.t.Errorf("job %s is %s (%s: %s), due %v; held should be %v", id, j.State, j.Reason, j.Detail, listed, held)
	}
	if held {
		_, err := f.Claim(f.ctx, bob, id, term)
		f.want(err, pushd.ErrLost)
	}
}

// Under a hold of everything nobody gets a job, whoever has one hears of it, and
// what is made meanwhile waits. Lifted, everything is as it was.
func holdEverything(t *testing.T, f *bench) {
	before := f.create(43, otherApp)
	running := f.walked(openids("a"))
	f.ok(f.SaveSent(f.ctx, running.Lease(), 777))
	h, existed, err := f.SetHold(f.ctx, pushd.Hold{Reason: "a drill", By: "ops"})
	f.ok(err)
	if existed || h.AppID != "" || h.Reason != "a drill" || h.By != "ops" || h.Code != 0 || h.Stopped != 1 || h.Since == 0 {
		t.Errorf("set: %+v, existed %v", h, existed)
	}
	after := f.create(44, "wx0000000000000003")
	f.wantHeld(before.ID, true)
	f.wantHeld(after.ID, true)
	if orders, err := f.Orders(f.ctx, alice); err != nil || len(orders) != 1 || !orders[0].OnHold || orders[0].State != pushd.Running {
		t.Errorf("orders %+v, %v", orders, err)
	}
	if s, err := f.Standstill(f.ctx, "", h.Since); err != nil || s != (pushd.Standstill{Stopping: 1, Waiting: 2, LastSent: 777}) {
		t.Errorf("before the worker has let go: %+v, %v", s, err)
	}
	f.ok(f.Release(f.ctx, running.Lease()))
	f.wantHeld(running.ID, true)
	if s, err := f.Standstill(f.ctx, "", h.Since); err != nil || s != (pushd.Standstill{Waiting: 3, LastSent: 777}) {
		t.Errorf("after it: %+v, %v", s, err)
	}
	if all, err := f.Again().Holds(f.ctx); err != nil || len(all) != 1 || all[0] != h {
		t.Errorf("another process sees %+v, %v", all, err)
	}
	// Commands go on, and do not lift it.
	_, err = f.Command(f.ctx, before.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Paused})
	f.ok(err)
	if j := f.job(before.ID); j.State != pushd.Paused || j.Reason == pushd.OnHold {
		t.Errorf("paused under a hold: %s (%s)", j.State, j.Reason)
	}
	_, err = f.Command(f.ctx, before.ID, pushd.Command{From: pushd.ActiveStates, Resume: true})
	f.ok(err)
	f.wantHeld(before.ID, true)

	if lifted, err := f.LiftHold(f.ctx, ""); err != nil || lifted != h {
		t.Errorf("lifted %+v, %v", lifted, err)
	}
	_, err = f.LiftHold(f.ctx, "")
	f.want(err, pushd.ErrNotFound)
	for _, id := range []pushd.JobID{before.ID, running.ID, after.ID} {
		f.wantHeld(id, false)
		_, err := f.Claim(f.ctx, bob, id, term)
		f.ok(err)
	}
}

// A hold on one account leaves the others alone, and is not lifted with that on
// everything.
func holdAccount(t *testing.T, f *bench) {
	mine, other := f.create(actID, appID), f.create(43, otherApp)
	account, _, err := f.SetHold(f.ctx, pushd.Hold{AppID: appID, Reason: "blocked", By: "alice", Code: 48004})
	f.ok(err)
	f.wantHeld(mine.ID, true)
	f.wantHeld(other.ID, false)
	if s, err := f.Standstill(f.ctx, appID, account.Since); err != nil || s != (pushd.Standstill{Waiting: 1}) {
		t.Errorf("standstill of the account: %+v, %v", s, err)
	}
	all, _, err := f.SetHold(f.ctx, pushd.Hold{})
	f.ok(err)
	f.wantHeld(other.ID, true)
	if got, err := f.Holds(f.ctx); err != nil || len(got) != 2 || got[0] != all || got[1] != account || account.Code != 48004 {
		t.Errorf("holds %+v, %v", got, err)
	}
	_, err = f.LiftHold(f.ctx, "")
	f.ok(err)
	f.wantHeld(mine.ID, true)
	f.wantHeld(other.ID, false)
	// One that has parked is on hold once it is due.
	_, err = f.LiftHold(f.ctx, appID)
	f.ok(err)
	j, err := f.Claim(f.ctx, alice, mine.ID, term)
	f.ok(err)
	now, err := f.Now(f.ctx)
	f.ok(err)
	f.ok(f.Park(f.ctx, j.Lease(), pushd.Parking{Reason: pushd.WeChatDown, Detail: "busy", Until: now.Add(time.Hour)}))
	_, _, err = f.SetHold(f.ctx, pushd.Hold{AppID: appID})
	f.ok(err)
	if j := f.job(mine.ID); j.State != pushd.Parked || j.Reason != pushd.WeChatDown || j.Detail != "busy" {
		t.Errorf("parked for long: %s (%s: %s)", j.State, j.Reason, j.Detail)
	}
	_, err = f.Command(f.ctx, mine.ID, pushd.Command{From: pushd.ActiveStates, Resume: true})
	f.ok(err)
	f.wantHeld(mine.ID, true)
}

// Of many that set a hold at once the first counts, and setting it again changes
// nothing.
func holdOnce(t *testing.T, f *bench) {
	holds := make([]pushd.Hold, 8)
	fresh := make([]bool, len(holds))
	atOnce(len(holds), func(i int) {
		h, existed, err := f.Again().SetHold(f.ctx, pushd.Hold{Reason: string(rune('a' + i))})
		if err != nil {
			t.Error(err)
		}
		holds[i], fresh[i] = h, !existed
	})
	n := 0
	for i, h := range holds {
		if h != holds[0] {
			t.Errorf("%+v beside %+v", h, holds[0])
		}
		if fresh[i] {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d of them were the first", n)
	}
	f.tick()
	if h, existed, err := f.SetHold(f.ctx, pushd.Hold{Reason: "again", By: "somebody"}); err != nil || !existed || h != holds[0] {
		t.Errorf("set again: %+v, existed %v, %v", h, existed, err)
	}
}

// Whoever claims while a hold is set either gets nothing or is counted as at
// work, and hears of the hold.
func holdAndClaim(t *testing.T, f *bench) {
	for round := range 15 {
		act, app := pushd.ActID(1000+round), pushd.AppID("wx-race")
		id := f.create(act, app).ID
		var job pushd.Job
		var hold pushd.Hold
		var claimed bool
		atOnce(2, func(i int) {
			var err error
			if i == 0 {
				hold, _, err = f.SetHold(f.ctx, pushd.Hold{AppID: app})
			} else if job, err = f.Again().Claim(f.ctx, alice, id, term); err == nil {
				claimed = true
			} else if errors.Is(err, pushd.ErrLost) {
				err = nil
			}
			if err != nil {
				t.Error(err)
			}
		})
		if claimed != (hold.Stopped == 1) {
			t.Fatalf("round %d: claimed %v, and %d jobs were at work when the hold was set", round, claimed, hold.Stopped)
		}
		if claimed {
			if orders, err := f.Orders(f.ctx, alice); err != nil || len(orders) != 1 || !orders[0].OnHold {
				t.Fatalf("round %d: orders %+v, %v", round, orders, err)
			}
			f.ok(f.Release(f.ctx, job.Lease()))
		}
		f.wantHeld(id, true)
		f.cancel(id)
		_, err := f.LiftHold(f.ctx, app)
		f.ok(err)
	}
}

// The end of a job can bring a hold with it, unless the end is refused; and one
// that is there stays.
func holdAtTheEnd(t *testing.T, f *bench) {
	j := f.walked(openids("a"))
	end := pushd.Ending{State: pushd.Failed, Reason: pushd.WeChatRefused, Detail: "48004",
		Hold: &pushd.Hold{AppID: appID, Reason: "48004 api banned", By: "alice", Code: 48004}}
	f.want(f.Finish(f.ctx, pushd.Lease{Job: j.ID, Epoch: j.Epoch - 1}, end), pushd.ErrLost)
	if all, err := f.Holds(f.ctx); err != nil || len(all) != 0 {
		t.Errorf("a refused end has set %+v, %v", all, err)
	}
	f.ok(f.Finish(f.ctx, j.Lease(), end))
	all, err := f.Holds(f.ctx)
	f.ok(err)
	if len(all) != 1 || all[0].AppID != appID || all[0].Code != 48004 || all[0].By != "alice" || all[0].Since == 0 {
		t.Fatalf("holds %+v", all)
	}
	if got := f.job(j.ID); got.State != pushd.Failed || got.Reason != pushd.WeChatRefused {
		t.Errorf("the job is %s (%s)", got.State, got.Reason)
	}
	_, err = f.Command(f.ctx, j.ID, pushd.Command{From: pushd.EndedStates, To: pushd.Queued})
	f.ok(err)
	f.wantHeld(j.ID, true)
	_, err = f.LiftHold(f.ctx, appID)
	f.ok(err)
	j, err = f.Claim(f.ctx, bob, j.ID, term)
	f.ok(err)
	first, _, err := f.SetHold(f.ctx, pushd.Hold{AppID: appID, Reason: "a person was faster"})
	f.ok(err)
	f.ok(f.Finish(f.ctx, j.Lease(), end))
	if all, err := f.Holds(f.ctx); err != nil || len(all) != 1 || all[0] != first {
		t.Errorf("holds %+v, %v", all, err)
	}
}

// A job on hold ends at its deadline as others do.
func holdExpires(t *testing.T, f *bench) {
	j := f.create(actID, appID)
	_, _, err := f.SetHold(f.ctx, pushd.Hold{})
	f.ok(err)
	now, err := f.Now(f.ctx)
	f.ok(err)
	f.due(j.ID, now)
	f.tick()
	if ids, err := f.Expire(f.ctx, 10); err != nil || len(ids) != 1 || f.job(j.ID).Reason != pushd.DeadlinePassed {
		t.Errorf("expired %v, %v: %+v", ids, err, f.job(j.ID))
	}
}

// When a job sent last rises and never falls, and is its owner's to say.
func lastSent(t *testing.T, f *bench) {
	j := f.claimed(alice)
	told := func(want pushd.Time) {
		t.Helper()
		if got := f.job(j.ID).LastSent; got != want {
			t.Errorf("last sent at %d, want %d", got, want)
		}
	}
	told(0)
	_, err := f.Renew(f.ctx, alice, term, []pushd.Held{{Lease: j.Lease(), LastSent: 500}})
	f.ok(err)
	told(500)
	_, err = f.Renew(f.ctx, alice, term, []pushd.Held{{Lease: j.Lease()}})
	f.ok(err)
	f.ok(f.SaveSent(f.ctx, j.Lease(), 400))
	told(500)
	f.ok(f.SaveSent(f.ctx, pushd.Lease{Job: j.ID, Epoch: j.Epoch - 1}, 600))
	told(500)
	f.cancel(j.ID) // its worker has not let go
	f.ok(f.SaveSent(f.ctx, j.Lease(), 700))
	f.ok(f.Release(f.ctx, j.Lease()))
	f.ok(f.SaveSent(f.ctx, j.Lease(), 800))
	told(700)
	if s, err := f.Standstill(f.ctx, appID, f.job(j.ID).FinishedAt); err != nil || s != (pushd.Standstill{LastSent: 700}) {
		t.Errorf("standstill %+v, %v", s, err)
	}
	if s, err := f.Standstill(f.ctx, "", f.job(j.ID).FinishedAt+1); err != nil || s != (pushd.Standstill{}) {
		t.Errorf("standstill later %+v, %v", s, err)
	}
}
