package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"pushd"
)

// A row of pushd_job that can't be decoded is shown as far as it can be, and is
// no reason to show none of the others, nor to leave the others' columns alone.
func TestStore_OneRowThatCannotBeDecoded(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		for column, value := range map[string]string{"asked": "{", "message": "[]", "errors": "nonsense"} {
			f.set(`DELETE FROM pushd_job`)
			f.set(`DELETE FROM pushd_progress`)
			bad, err := f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: start, Deadline: future})
			f.ok(err)
			good, err := f.Create(f.ctx, pushd.Job{ActID: actID + 100, AppID: "wx2", StartTime: start, Deadline: future})
			f.ok(err)
			f.set(`UPDATE pushd_job SET `+column+` = ? WHERE id = ?`, value, bad.ID)
			list, _, err := f.Jobs(f.ctx, pushd.Filter{Limit: 10})
			f.ok(err)
			working, err := f.Working(f.ctx, 0, 10)
			f.ok(err)
			for name, jobs := range map[string][]pushd.Job{"list": list, "working": working} {
				seen := map[pushd.JobID]bool{}
				for _, j := range jobs {
					seen[j.ID] = j.State == pushd.Queued && j.ActID != 0
				}
				if len(jobs) != 2 || !seen[bad.ID] || !seen[good.ID] {
					t.Errorf("%s, %s: %+v", column, name, jobs)
				}
			}
			// Alone it is an error rather than a job without its message,
			// unless only the errors are odd: they are for people.
			if _, err := f.Job(f.ctx, bad.ID); (err == nil) != (column == "errors") {
				t.Errorf("%s: %v", column, err)
			}
			if got, err := f.Command(f.ctx, bad.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Canceled}); err != nil || got.State != pushd.Canceled {
				t.Errorf("%s: canceled: %s %v", column, got.State, err)
			}
		}
	})
}

// Errors of a page that can't be decoded cost no sums.
func TestStore_ErrorsThatCannotBeDecoded(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		j := f.walked(openids("oA", "oB"))
		f.record(j.Lease(), 1, sent, failed)
		f.set(`UPDATE pushd_progress SET errors = '['`)
		if got := f.job(j.ID).Counts; got.Sent != 1 || got.Failed != 1 {
			t.Errorf("%+v", got)
		}
		if rows, err := f.Progress(f.ctx, j.ID, 1, 1); err != nil || len(rows) != 1 || rows[0].Counts.Sent != 1 {
			t.Errorf("%+v %v", rows, err)
		}
		f.ok(f.Finish(f.ctx, j.Lease(), succeeded))
	})
}

// A job whose row is damaged while it runs still ends.
func TestStore_FinishOfAnOddRow(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		j := f.walked(openids("oA"))
		f.record(j.Lease(), 1, sent)
		f.set(`UPDATE pushd_job SET message = '{'`)
		f.ok(f.Finish(f.ctx, j.Lease(), succeeded))
		if n := f.number(`SELECT COUNT(*) FROM pushd_job WHERE state = 'succeeded'`); n != 1 || f.status(actID) != 2 {
			t.Errorf("%d succeeded, status %d", n, f.status(actID))
		}
	})
}

// A database that refuses the table of refusals says so, and a caller need not wait.
func TestStore_NoRefusals(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		f.set(`DROP TABLE pushd_refusal`)
		if err := f.Refuse(f.ctx, "wx1", "t", []pushd.OpenID{"oA"}); !errors.Is(err, pushd.ErrNoRefusals) {
			t.Errorf("refuse: %v", err)
		}
		if _, err := f.Refused(f.ctx, "wx1", "t", time.Hour, []pushd.OpenID{"oA"}); !errors.Is(err, pushd.ErrNoRefusals) {
			t.Errorf("refused: %v", err)
		}
		ended, cancel := context.WithCancel(f.ctx)
		cancel()
		if _, err := f.Refused(ended, "wx1", "t", time.Hour, []pushd.OpenID{"oA"}); errors.Is(err, pushd.ErrNoRefusals) || err == nil {
			t.Errorf("of a call that was given up: %v", err)
		}
	})
}
