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
