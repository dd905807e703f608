package store_test

import (
	"slices"
	"testing"

	"pushd"
)

// A start that moves and comes back: the reminder that goes on is older than the
// one in between, and the column is its own all the same.
func TestStore_ColumnOfTheStartThatCameBack(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		const later = start + 3600
		back := f.claimed(alice)
		between, err := f.Create(f.ctx, pushd.Job{ActID: 77, AppID: "wx7", StartTime: later, Deadline: future})
		f.ok(err)
		f.set(`UPDATE pushd_job SET actid = ?, active_actid = NULL, state = 'canceled', finished_at = ? WHERE id = ?`, actID, future, between.ID)
		f.set(`UPDATE activity_detail SET live_notify_status = 1 WHERE act_id = ?`, actID)

		jobs, err := f.Standing(f.ctx, future, "", 10)
		f.ok(err)
		if !slices.ContainsFunc(jobs, func(j pushd.Job) bool { return j.ID == back.ID }) {
			t.Errorf("the reconciler does not look after the job of the channel's start: %d jobs", len(jobs))
		}
		if done, err := f.MendStatus(f.ctx, f.job(between.ID), start, 3); err != nil || done || f.status(actID) != 1 {
			t.Errorf("the job of another start wrote the column: %v, %v, status %d", done, err, f.status(actID))
		}
		f.ok(f.StorePage(f.ctx, back.Lease(), pushd.Page{No: 1, OpenIDs: []pushd.OpenID{"oA"}}, pushd.Walk{Pages: 1, Walked: 1, Complete: true}))
		f.record(back.Lease(), 1, sent)
		f.ok(f.Finish(f.ctx, back.Lease(), pushd.Ending{State: pushd.Succeeded}))
		if got := f.status(actID); got != 2 {
			t.Errorf("status %d after the reminder of the channel's start was sent", got)
		}
	})
}

// The newest job of a channel is the one that was made last, also where the
// database's clock was set back in between.
func TestStore_NewestWhateverTheClockSays(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		first := f.create(actID, appID)
		f.set(`UPDATE pushd_job SET created_at = ?, active_actid = NULL, state = 'canceled' WHERE id = ?`, future*2, first.ID)
		second, err := f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: start + 60, Deadline: future})
		f.ok(err)
		if last, err := f.Last(f.ctx, actID); err != nil || last.ID != second.ID {
			t.Errorf("the newest job is %s of %s, %v; it was made at %d, and the one before at %d", last.ID, second.ID, err, second.CreatedAt, future*2)
		}
		other := f.create(43, "wx2")
		if other.CreatedAt >= future*2 {
			t.Errorf("another channel's job was made at %d", other.CreatedAt)
		}
	})
}

// A record that was given up, of a page on a list that was forgotten since,
// can't land on the page that has its number now.
func TestStore_LateRecordOfAForgottenList(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		j := f.walked([]pushd.OpenID{"oA", "oB"})
		f.record(j.Lease(), 1, sent, failed)
		rev := f.number(`SELECT rev FROM pushd_progress`)
		f.ok(f.StartOver(f.ctx, j.Lease(), f.job(j.ID).Walk.PassAt))
		f.ok(f.StorePage(f.ctx, j.Lease(), pushd.Page{No: 1, OpenIDs: []pushd.OpenID{"oC", "oD"}}, pushd.Walk{Pages: 1, Walked: 2}))
		if now := f.number(`SELECT rev FROM pushd_progress`); now <= rev {
			t.Errorf("the new page takes records from %d on, the last one of the old list was %d", now, rev)
		}
	})
}

// Progress says under which claim it may be written, so that a read which is
// older than the claim is known for one.
func TestStore_ProgressTellsItsEpoch(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		j := f.walked([]pushd.OpenID{"oA"})
		f.ok(f.Release(f.ctx, j.Lease()))
		again, err := f.Claim(f.ctx, bob, j.ID, term)
		f.ok(err)
		rows, err := f.Progress(f.ctx, j.ID, 1, 1)
		f.ok(err)
		if len(rows) != 1 || rows[0].Epoch != again.Epoch || again.Epoch == j.Epoch {
			t.Errorf("rows %+v, claimed under %d", rows, again.Epoch)
		}
	})
}

// A deadline that was moved while the worker let its last sends come to their
// end counts: the job goes on.
func TestStore_FinishOfAMovedDeadline(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		j := f.claimed(alice)
		now, err := f.Now(f.ctx)
		f.ok(err)
		expired := pushd.Ending{State: pushd.Expired, Reason: pushd.DeadlinePassed}
		f.want(f.Finish(f.ctx, j.Lease(), expired), pushd.ErrLost)
		if got := f.job(j.ID); got.State != pushd.Running {
			t.Errorf("a job whose deadline is %s away is %s", got.Deadline.Sub(now), got.State)
		}
		f.set(`UPDATE pushd_job SET deadline = ?`, now)
		f.ok(f.Finish(f.ctx, j.Lease(), expired))
	})
}
