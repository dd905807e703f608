package housekeeping

import (
	"context"
	"errors"
	"time"

	"pushd"
)

// How long the column may take. A job has changed by then, so nothing but the
// column waits for the platform's table.
const (
	ColumnFor  = 1500 * time.Millisecond // one channel's column
	ColumnsFor = 3 * time.Second         // in one round, those that fail for the first time; and the others
)

// Follow makes the column follow a change of the job that was made just now.
// Where the platform's row can't be had so soon, Reconcile writes it.
func (k *Keeper) Follow(ctx context.Context, j pushd.Job) {
	if _, _, _, err := k.column(context.WithoutCancel(ctx), j, true); err != nil {
		k.columnFailed(j, err)
	}
}

func (k *Keeper) columnFailed(j pushd.Job, err error) {
	k.columnErrors.Add(1)
	k.cfg.Log.Warn("live_notify_status can't be written now; the job is not held up by that", "job_id", j.ID, "actid", j.ActID, "err", err)
}

// column writes the column of one job's channel, if it is not what the job says
// and the job may write it. fresh says that the job has just changed, so that
// what the column says is older.
func (k *Keeper) column(ctx context.Context, j pushd.Job, fresh bool) (was, is int, written bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, ColumnFor)
	defer cancel()
	if unsummed(j) {
		if j, err = k.cfg.Ledger.Reload(ctx, j.ID); err != nil {
			return 0, 0, false, err
		}
	}
	ch, err := k.cfg.Ledger.Channel(ctx, j.ActID)
	if errors.Is(err, pushd.ErrNotFound) {
		return 0, 0, false, nil
	}
	if err != nil && pushd.BadChannel(err) == nil { // of a row that can't be used the rest is there
		return 0, 0, false, err
	}
	is = j.LiveNotifyStatus(k.cfg.StatusFailed)
	if ch.Status == nil && !fresh || ch.Status != nil && *ch.Status == is || !mayWrite(j, ch, fresh) {
		return 0, is, false, nil
	}
	if ch.Status != nil {
		was = *ch.Status
	}
	written, err = k.cfg.Ledger.CorrectStatus(ctx, j, ch.StartTime, is)
	return was, is, written, err
}

// unsummed says that the row of a job, on which its column depends, may not have
// its last sums.
func unsummed(j pushd.Job) bool {
	return j.Notified && j.State.Ended() && j.Owner != (pushd.Owner{})
}

// mayWrite says whether the column is the job's. A 1 that no job at work stands
// for is certainly no wish of the platform's.
func mayWrite(j pushd.Job, ch pushd.Channel, fresh bool) bool {
	orphan := ch.Status != nil && *ch.Status == pushd.StatusNotifying && j.State.Ended()
	switch {
	case orphan:
		return true
	case ch.StartTime != j.StartTime:
		return false // a moved start with status 0 asks for a new reminder
	case ch.StartTime == 0:
		// Without a start time a 0 may ask for a new reminder, too.
		return fresh || ch.Status != nil && *ch.Status == pushd.StatusNotifying
	}
	return true
}
