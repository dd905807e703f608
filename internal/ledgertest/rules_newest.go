package ledgertest

import (
	"slices"
	"testing"

	"pushd"
)

func newestRules() []rule {
	return []rule{
		{"ColumnOfTheStartThatCameBack", columnOfTheStartThatCameBack},
		{"ProgressTellsItsEpoch", progressTellsItsEpoch},
		{"FinishOfAMovedDeadline", finishOfAMovedDeadline},
	}
}

// A start that moves and comes back: the reminder that goes on is older than the
// one in between, and the column is its own all the same.
func columnOfTheStartThatCameBack(t *testing.T, f *bench) {
	const later = start + 3600
	back := f.create(actID, appID)
	f.cancel(back.ID)
	between, err := f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: later, Deadline: future})
	f.ok(err)
	f.cancel(between.ID)
	_, err = f.Command(f.ctx, back.ID, pushd.Command{From: pushd.EndedStates, To: pushd.Queued})
	f.ok(err)
	back, err = f.Claim(f.ctx, alice, back.ID, term)
	f.ok(err)

	if jobs := f.working(10); !slices.Contains(jobs, back.ID) {
		t.Errorf("the reconciler does not look after the job of the channel's start: %d jobs", len(jobs))
	}
	if done, err := f.CorrectStatus(f.ctx, f.job(between.ID), start, 3); err != nil || done || f.status(actID) != 1 {
		t.Errorf("the job of another start wrote the column: %v, %v, status %d", done, err, f.status(actID))
	}
	f.ok(f.StorePage(f.ctx, back.Lease(), pushd.Page{No: 1, OpenIDs: []pushd.OpenID{"oA"}}, pushd.Walk{Pages: 1, Walked: 1, Complete: true}))
	f.record(back.Lease(), 1, sent)
	f.ok(f.Finish(f.ctx, back.Lease(), pushd.Ending{State: pushd.Succeeded}))
	if got := f.status(actID); got != 2 {
		t.Errorf("status %d after the reminder of the channel's start was sent", got)
	}
}

// Progress says under which claim it may be written, so that a read which is
// older than the claim is known for one.
func progressTellsItsEpoch(t *testing.T, f *bench) {
	j := f.walked([]pushd.OpenID{"oA"})
	f.ok(f.Release(f.ctx, j.Lease()))
	again, err := f.Claim(f.ctx, bob, j.ID, term)
	f.ok(err)
	rows, err := f.Progress(f.ctx, j.ID, 1, 1)
	f.ok(err)
	if len(rows) != 1 || rows[0].Epoch != again.Epoch || again.Epoch == j.Epoch {
		t.Errorf("rows %+v, claimed under %d", rows, again.Epoch)
	}
}

// A deadline that was moved while the worker let its last sends come to their
// end counts: the job goes on.
func finishOfAMovedDeadline(t *testing.T, f *bench) {
	j := f.claimed(alice)
	now, err := f.Now(f.ctx)
	f.ok(err)
	expired := pushd.Ending{State: pushd.Expired, Reason: pushd.DeadlinePassed}
	f.want(f.Finish(f.ctx, j.Lease(), expired), pushd.ErrLost)
	if got := f.job(j.ID); got.State != pushd.Running {
		t.Errorf("a job whose deadline is %s away is %s", got.Deadline.Sub(now), got.State)
	}
	f.due(j.ID, now)
	f.ok(f.Finish(f.ctx, j.Lease(), expired))
}
