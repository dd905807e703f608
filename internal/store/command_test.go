package store_test

import (
	"testing"

	"pushd"
)

// The platform's table is not pushd's: where the status can't be written, jobs
// are made, end and are canceled all the same.
func TestStore_StatusCannotBeWritten(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		j := f.walked([]pushd.OpenID{"oA"})
		f.record(j.Lease(), 1, sent)
		queued, late := f.create(43, "wx2"), f.create(45, "wx3")
		f.set(`UPDATE pushd_job SET deadline = 1 WHERE id = ?`, late.ID)
		f.set(`ALTER TABLE activity_detail RENAME TO elsewhere`)
		f.ok(f.Finish(f.ctx, j.Lease(), pushd.Ending{State: pushd.Succeeded}))
		made, err := f.Create(f.ctx, pushd.Job{ActID: 44, AppID: appID, Deadline: future})
		f.ok(err)
		_, err = f.Command(f.ctx, queued.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Canceled})
		f.ok(err)
		if ids, err := f.Expire(f.ctx, 10); err != nil || len(ids) != 1 {
			t.Errorf("expired %v, %v", ids, err)
		}
		f.set(`ALTER TABLE elsewhere RENAME TO activity_detail`)
		for id, want := range map[pushd.JobID]pushd.State{
			j.ID: pushd.Succeeded, made.ID: pushd.Queued, queued.ID: pushd.Canceled, late.ID: pushd.Expired,
		} {
			if got := f.job(id); got.State != want {
				t.Errorf("the job is %s, want %s", got.State, want)
			}
		}
		if done, err := f.CorrectStatus(f.ctx, f.job(j.ID), start, 2); err != nil || !done || f.status(actID) != 2 {
			t.Errorf("corrected later: %v %v, status %d", done, err, f.status(actID))
		}
	})
}

// A row that can't be used, because of another column than the start, keeps no end of
// a job from its column. One whose start can't be used leaves it, for another reminder
// may be asked for; the 1 that no job stands for goes all the same.
func TestStore_StatusOfARowThatCannotBeUsed(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		for _, c := range []struct {
			spoil     string
			at, later int64
		}{
			{`UPDATE activity_detail SET live_notify_time = 99999999`, 2, 2},
			{`UPDATE activity SET start_time = 4294967295`, 1, 2},
		} {
			j := f.walked([]pushd.OpenID{"oA"})
			f.record(j.Lease(), 1, sent)
			f.set(c.spoil)
			ch, err := f.Channel(f.ctx, actID)
			if pushd.BadChannel(err) == nil {
				t.Fatalf("%+v, %v", ch, err)
			}
			f.ok(f.Finish(f.ctx, j.Lease(), pushd.Ending{State: pushd.Succeeded}))
			if got := f.status(actID); got != c.at {
				t.Errorf("%s: status %d at the end, want %d", c.spoil, got, c.at)
			}
			_, err = f.CorrectStatus(f.ctx, f.job(j.ID), ch.StartTime, 2)
			f.ok(err)
			if got := f.status(actID); got != c.later {
				t.Errorf("%s: status %d later, want %d", c.spoil, got, c.later)
			}
			f.set(`UPDATE activity_detail SET live_notify_time = 30, live_notify_status = 0`)
			f.set(`DELETE FROM pushd_job`)
		}
	})
}

// Of rows that say different things it is not known whose start counts: the column stays.
func TestStore_StatusOfRowsThatDiffer(t *testing.T) {
	f := onMariaDB(t)
	j := f.walked([]pushd.OpenID{"oA"})
	f.record(j.Lease(), 1, sent)
	f.set(`ALTER TABLE activity_detail DROP KEY activity_detail_act_id`)
	f.set(`INSERT INTO activity_detail (act_id, live_notify, live_notify_status) VALUES (?, 0, 1)`, actID)
	f.ok(f.Finish(f.ctx, j.Lease(), pushd.Ending{State: pushd.Succeeded}))
	if got := f.status(actID); got != 1 {
		t.Errorf("status %d, want the 1 that was there", got)
	}
}
