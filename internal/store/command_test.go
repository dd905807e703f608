package store_test

import (
	"fmt"
	"strings"
	"testing"

	"pushd/internal/fanout"
)

func TestStore_CommandMovesOnlyFromItsStates(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		j := f.claimed(alice)
		id := j.ID
		pause := fanout.Command{From: []fanout.State{fanout.Queued, fanout.Running}, To: fanout.Paused}
		got, err := f.Command(f.ctx, id, pause)
		f.ok(err)
		if got.State != fanout.Paused || got.Owner != alice {
			t.Fatalf("paused: %+v", got)
		}
		_, err = f.Command(f.ctx, id, pause)
		f.want(err, fanout.ErrLost)
		_, err = f.Command(f.ctx, "nosuchjob", pause)
		f.want(err, fanout.ErrNotFound)

		orders, err := f.Orders(f.ctx, alice)
		f.ok(err)
		if len(orders) != 1 || orders[0].State != fanout.Paused || orders[0].Lease != j.Lease() {
			t.Errorf("orders %+v", orders)
		}
		other := f.create(43, appID) // the account is free while the job is paused
		_, err = f.Claim(f.ctx, bob, other.ID, term)
		f.ok(err)

		if due, err := f.Due(f.ctx, term, 10); err != nil || len(due) != 0 {
			t.Errorf("due while paused: %v %v", due, err)
		}
		f.set(`UPDATE pushd_job SET lease_until = 0 WHERE id = ?`, id)
		_, err = f.Claim(f.ctx, bob, id, term) // a paused job is nobody's to take
		f.want(err, fanout.ErrLost)
	})
}

func TestStore_CommandLeavesTheStateIfAsked(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		id := f.claimed(alice).ID
		rate := 250
		got, err := f.Command(f.ctx, id, fanout.Command{From: fanout.ActiveStates, Rate: &rate, Deadline: future + 1})
		f.ok(err)
		if got.State != fanout.Running || got.Rate != 250 || got.Deadline != future+1 || !got.DeadlineAsked {
			t.Errorf("patched %+v", got)
		}
		waiting := f.create(43, appID).ID
		if _, err := f.Claim(f.ctx, bob, waiting, term); err != fanout.ErrAccountBusy {
			t.Errorf("the account is free after a patch: %v", err)
		}
		if j, err := f.Job(f.ctx, waiting); err != nil || j.Reason != fanout.AccountBusy {
			t.Errorf("the waiting job says %q, %v", j.Reason, err)
		}
		f.ok(f.Release(f.ctx, fanout.Lease{Job: id, Epoch: got.Epoch}))
		if j, err := f.Job(f.ctx, waiting); err != nil || j.Reason != "" {
			t.Errorf("nobody is in its way, but it says %q, %v", j.Reason, err)
		}
		got, err = f.Command(f.ctx, id, fanout.Command{From: fanout.ActiveStates})
		f.ok(err)
		if got.Rate != 250 || got.Deadline != future+1 {
			t.Errorf("an empty command changed %+v", got)
		}
	})
}

// What was in flight when a person canceled is recorded after, and counted.
func TestStore_CancelThenInFlightThenRelease(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		j := f.walked([]fanout.OpenID{"oA", "oB"})
		l := j.Lease()
		f.record(l, 1, sent, fanout.Person{})
		three := 3
		got, err := f.Command(f.ctx, l.Job, fanout.Command{From: fanout.ActiveStates, To: fanout.Canceled, Reason: fanout.CanceledByUser, Status: &three})
		f.ok(err)
		if got.Counts.Sent != 1 || got.FinishedAt == 0 || f.status(actID) != 3 {
			t.Errorf("canceled: %+v, status %d", got, f.status(actID))
		}
		f.record(l, 1, sent, sent)
		if got := f.job(l.Job); got.Counts.Sent != 2 {
			t.Errorf("%d sent while the worker holds on, want 2", got.Counts.Sent)
		}
		_, err = f.Reopen(f.ctx, l.Job, true)
		f.want(err, fanout.ErrLost) // its worker still writes
		f.ok(f.Release(f.ctx, l))
		got = f.job(l.Job)
		if got.State != fanout.Canceled || got.Counts.Sent != 2 || got.Owner != (fanout.Owner{}) {
			t.Errorf("released: %+v", got)
		}
		if n := f.number(`SELECT sent FROM pushd_job`); n != 2 {
			t.Errorf("the row says %d sent", n)
		}
	})
}

func TestStore_CancelOfAJobNobodyHolds(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		j := f.walked([]fanout.OpenID{"oA", "oB"})
		f.record(j.Lease(), 1, sent, failed)
		f.ok(f.Park(f.ctx, j.Lease(), fanout.Parking{Reason: fanout.QuotaExhausted, Until: future}))
		_, err := f.Command(f.ctx, j.ID, fanout.Command{From: fanout.ActiveStates, To: fanout.Canceled})
		f.ok(err)
		if got := f.job(j.ID); got.Counts.Sent != 1 || got.Counts.Failed != 1 || got.ParkedUntil != 0 {
			t.Errorf("canceled: %+v", got)
		}
		if n := f.number(`SELECT sent + failed FROM pushd_job`); n != 2 {
			t.Errorf("the row says %d", n)
		}
	})
}

// A reminder is unique, and a channel has one active job.
func TestStore_CreateAndFind(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		_, err := f.Active(f.ctx, actID)
		f.want(err, fanout.ErrNotFound)
		_, err = f.Newest(f.ctx, actID, start)
		f.want(err, fanout.ErrNotFound)
		asked := fanout.Asked{TemplateID: "t", URL: "https://x.example/?a=1&b=<2>", Data: map[string]string{"thing1": "it's \\ \"quoted\" 🙂"}, MiniProgram: &fanout.MiniProgram{AppID: "wxm", PagePath: "p"}}
		first, err := f.Create(f.ctx, fanout.Job{ActID: actID, AppID: appID, StartTime: start, Asked: asked, Rate: 9, Deadline: future, DeadlineAsked: true})
		f.ok(err)
		if got := f.job(first.ID); fmt.Sprintf("%+v", got.Asked.Data) != fmt.Sprintf("%+v", asked.Data) || got.Asked.URL != asked.URL || *got.Asked.MiniProgram != *asked.MiniProgram ||
			got.Rate != 9 || got.Deadline != future || !got.DeadlineAsked || got.Walk.Total != nil {
			t.Errorf("created %+v", got)
		}
		_, err = f.Create(f.ctx, fanout.Job{ActID: actID, AppID: appID, StartTime: start + 60, Deadline: future})
		f.want(err, fanout.ErrExists) // the channel is active

		_, err = f.Command(f.ctx, first.ID, fanout.Command{From: fanout.ActiveStates, To: fanout.Canceled})
		f.ok(err)
		_, err = f.Create(f.ctx, fanout.Job{ActID: actID, AppID: appID, StartTime: start, Deadline: future})
		f.want(err, fanout.ErrExists) // the reminder is taken
		if f.status(actID) != 1 {
			t.Errorf("status %d", f.status(actID))
		}
		second, err := f.Create(f.ctx, fanout.Job{ActID: actID, AppID: appID, StartTime: start, Run: 1, Deadline: future})
		f.ok(err)
		if got, err := f.Newest(f.ctx, actID, start); err != nil || got.ID != second.ID {
			t.Errorf("newest %v %v, want %v", got.ID, err, second.ID)
		}
		if got, err := f.Active(f.ctx, actID); err != nil || got.ID != second.ID {
			t.Errorf("active %v %v, want %v", got.ID, err, second.ID)
		}
		_, err = f.Command(f.ctx, first.ID, fanout.Command{From: fanout.EndedStates, To: fanout.Queued})
		f.want(err, fanout.ErrExists) // two active jobs of one channel
		for _, id := range []fanout.JobID{"", "é", "\xff", "no'; --", fanout.JobID(strings.Repeat("x", 300))} {
			_, err := f.Job(f.ctx, id)
			f.want(err, fanout.ErrNotFound)
		}
	})
}

// If the status cannot be written there is no job, and no finish.
func TestStore_StatusAndJobChangeTogether(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		j := f.walked([]fanout.OpenID{"oA"})
		f.record(j.Lease(), 1, sent)
		queued := f.create(43, "wx2")
		f.set(`ALTER TABLE activity_detail RENAME TO elsewhere`)
		if err := f.Finish(f.ctx, j.Lease(), fanout.Ending{State: fanout.Succeeded}); err == nil {
			t.Error("finished without a status")
		}
		if _, err := f.Create(f.ctx, fanout.Job{ActID: 44, AppID: appID, Deadline: future}); err == nil {
			t.Error("created without a status")
		}
		three := 3
		if _, err := f.Command(f.ctx, queued.ID, fanout.Command{From: fanout.ActiveStates, To: fanout.Canceled, Status: &three}); err == nil {
			t.Error("canceled without a status")
		}
		f.set(`ALTER TABLE elsewhere RENAME TO activity_detail`)
		if got := f.job(j.ID); got.State != fanout.Running || got.Notified {
			t.Errorf("after a finish that failed: %+v", got)
		}
		if got := f.job(queued.ID); got.State != fanout.Queued {
			t.Errorf("after a cancel that failed: %s", got.State)
		}
		if n := f.number(`SELECT COUNT(*) FROM pushd_job`); n != 2 {
			t.Errorf("%d jobs, want 2", n)
		}
		f.ok(f.Finish(f.ctx, j.Lease(), fanout.Ending{State: fanout.Succeeded}))
		if f.status(actID) != 2 {
			t.Errorf("status %d", f.status(actID))
		}
	})
}

// A start that moves takes the job along: the new start's reminder is this job.
func TestStore_SaveMessageFollowsTheStart(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		old := f.create(actID, appID)
		_, err := f.Command(f.ctx, old.ID, fanout.Command{From: fanout.ActiveStates, To: fanout.Canceled})
		f.ok(err)
		j, err := f.Create(f.ctx, fanout.Job{ActID: actID, AppID: appID, StartTime: start + 60, Deadline: future})
		f.ok(err)
		j, err = f.Claim(f.ctx, alice, j.ID, term)
		f.ok(err)
		m := fanout.Prepared{Message: &fanout.Message{TemplateID: "t"}, StartTime: start, Deadline: future + 7}
		f.ok(f.SaveMessage(f.ctx, j.Lease(), m)) // the start of the canceled one
		got := f.job(j.ID)
		if got.StartTime != start || got.Run != 1 || got.Deadline != future+7 || got.Prepared.StartTime != start || got.Prepared.Deadline != future+7 {
			t.Errorf("moved: %+v", got)
		}
		if n, err := f.Newest(f.ctx, actID, start); err != nil || n.ID != j.ID {
			t.Errorf("newest %v %v", n.ID, err)
		}
		f.ok(f.SaveMessage(f.ctx, j.Lease(), m)) // again changes nothing
		if got := f.job(j.ID); got.Run != 1 {
			t.Errorf("run %d after the same message again", got.Run)
		}
		_, err = f.Command(f.ctx, j.ID, fanout.Command{From: fanout.ActiveStates, Deadline: future + 100})
		f.ok(err)
		f.ok(f.SaveMessage(f.ctx, j.Lease(), m))
		if got := f.job(j.ID); got.Deadline != future+100 {
			t.Errorf("a deadline that a person set was moved to %d", got.Deadline)
		}
	})
}
