package housekeeping

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"pushd"
)

// How long the column may take. A job has changed by then, so nothing but the
// column waits for the platform's table.
const (
	ColumnFor  = 1500 * time.Millisecond // one channel's column
	ColumnsFor = 3 * time.Second         // in one round, those that fail for the first time; and the others
)

// StandFor is for how long after its end a job's column is looked after.
const StandFor = 24 * time.Hour

// Follow makes the column follow a change of the job that was made just now.
// Where the platform's row can't be had so soon, Keep writes it.
func (k *Keeper) Follow(ctx context.Context, j pushd.Job) {
	if _, _, _, err := k.column(context.WithoutCancel(ctx), j, true); err != nil {
		k.columnFailed(j, err)
	}
}

// columns remembers the jobs whose column could not be written, so that rows
// which somebody keeps locked do not hold up the others.
type columns struct {
	failed map[pushd.JobID]time.Time // when they were tried last
	spent  time.Duration             // in this round, on writes that failed
}

// waits says that a job's column failed before and waits for its turn.
func (c *columns) waits(id pushd.JobID) bool { return !c.failed[id].IsZero() }

// tried notes what came of a write.
func (c *columns) tried(id pushd.JobID, err error, now time.Time, took time.Duration) {
	if err == nil {
		delete(c.failed, id)
		return
	}
	if c.failed == nil {
		c.failed = map[pushd.JobID]time.Time{}
	}
	c.failed[id] = now
	c.spent += took
}

// turns puts those that wait in order, longest first, and forgets whoever does
// not and has not failed since began.
func (c *columns) turns(jobs []pushd.Job, began time.Time) {
	slices.SortFunc(jobs, func(a, b pushd.Job) int { return c.failed[a.ID].Compare(c.failed[b.ID]) })
	waits := make(map[pushd.JobID]bool, len(jobs))
	for _, j := range jobs {
		waits[j.ID] = true
	}
	maps.DeleteFunc(c.failed, func(id pushd.JobID, at time.Time) bool { return !waits[id] && at.Before(began) })
}

// mendStatus writes live_notify_status where it is not what the channel's
// newest job says. Hosts write the column too, or save a stale row; pushd's
// word is put back.
func (k *Keeper) mendStatus(ctx context.Context) error {
	var waiting []pushd.Job
	parked, began := int64(0), time.Now()
	err := k.standing(ctx, func(j pushd.Job) {
		if j.State == pushd.Parked {
			parked++
		}
		if k.columns.waits(j.ID) {
			waiting = append(waiting, j)
		} else {
			k.mend(ctx, j, false)
		}
	})
	if err != nil {
		return err
	}
	k.parked.Store(parked)
	k.columns.turns(waiting, began)
	k.columns.spent = 0
	for _, j := range waiting {
		k.mend(ctx, j, false)
	}
	return nil
}

// standing calls f for the newest job of every channel that is looked after.
func (k *Keeper) standing(ctx context.Context, f func(pushd.Job)) error {
	const batch = 200
	var after pushd.JobID
	for {
		jobs, err := k.cfg.Ledger.Standing(ctx, k.cfg.Clock.Now().Add(-StandFor), after, batch)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			f(j)
			after = j.ID
		}
		if len(jobs) < batch {
			return nil
		}
	}
}

// mend puts one channel's column right. fresh says that the job has ended just
// now, so that the column is not wrong but behind.
func (k *Keeper) mend(ctx context.Context, j pushd.Job, fresh bool) {
	if k.columns.spent >= ColumnsFor || ctx.Err() != nil {
		return
	}
	began := time.Now()
	was, is, written, err := k.column(ctx, j, fresh)
	if ctx.Err() != nil {
		return
	}
	k.columns.tried(j.ID, err, time.Now(), time.Since(began))
	switch {
	case err != nil:
		k.columnFailed(j, err)
	case written && !fresh:
		k.mended.Add(1)
		k.cfg.Log.Info("status put right", "job_id", j.ID, "actid", j.ActID, "was", was, "is", is)
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
	if j.Notified && j.State.Ended() && j.Owner != (pushd.Owner{}) { // its row may not have the last sums
		if j, err = k.cfg.Ledger.Reload(ctx, j.ID); err != nil {
			return 0, 0, false, err
		}
	}
	ch, err := k.cfg.Ledger.Channel(ctx, j.ActID)
	if errors.Is(err, pushd.ErrNotFound) || pushd.BadChannel(err) != nil {
		return 0, 0, false, nil
	}
	if err != nil {
		return 0, 0, false, err
	}
	is = j.LiveNotifyStatus(k.cfg.StatusFailed)
	if ch.Status == nil && !fresh || ch.Status != nil && *ch.Status == is || !mayWrite(j, ch, fresh) {
		return 0, is, false, nil
	}
	if ch.Status != nil {
		was = *ch.Status
	}
	written, err = k.cfg.Ledger.MendStatus(ctx, j, ch.StartTime, is)
	return was, is, written, err
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
