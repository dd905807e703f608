package fanout

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
	columnFor  = 1500 * time.Millisecond // one channel's column
	columnsFor = 3 * time.Second         // in one round, those that fail for the first time; and the others
)

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
func (e *Engine) mendStatus(ctx context.Context) error {
	var waiting []pushd.Job
	parked, began := int64(0), time.Now()
	err := e.standing(ctx, func(j pushd.Job) {
		if j.State == pushd.Parked {
			parked++
		}
		if e.columns.waits(j.ID) {
			waiting = append(waiting, j)
		} else {
			e.mend(ctx, j, false)
		}
	})
	if err != nil {
		return err
	}
	e.parked.Store(parked)
	e.columns.turns(waiting, began)
	e.columns.spent = 0
	for _, j := range waiting {
		e.mend(ctx, j, false)
	}
	return nil
}

// standing calls f for the newest job of every channel that is looked after.
func (e *Engine) standing(ctx context.Context, f func(pushd.Job)) error {
	const batch = 200
	var after pushd.JobID
	for {
		jobs, err := e.cfg.Ledger.Standing(ctx, e.clock.Now().Add(-reconcileSpan), after, batch)
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
func (e *Engine) mend(ctx context.Context, j pushd.Job, fresh bool) {
	if e.columns.spent >= columnsFor || ctx.Err() != nil {
		return
	}
	began := time.Now()
	was, is, written, err := e.column(ctx, j, fresh)
	if ctx.Err() != nil {
		return
	}
	e.columns.tried(j.ID, err, time.Now(), time.Since(began))
	switch {
	case err != nil:
		e.columnFailed(j, err)
	case written && !fresh:
		e.counters.mended.Add(1)
		e.log.Info("status put right", "job_id", j.ID, "actid", j.ActID, "was", was, "is", is)
	}
}

func (e *Engine) columnFailed(j pushd.Job, err error) {
	e.counters.columnErrors.Add(1)
	e.log.Warn("live_notify_status can't be written now; the job is not held up by that", "job_id", j.ID, "actid", j.ActID, "err", err)
}

// column writes the column of one job's channel, if it is not what the job says
// and the job may write it. fresh says that the job has just changed, so that
// what the column says is older.
func (e *Engine) column(ctx context.Context, j pushd.Job, fresh bool) (was, is int, written bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, columnFor)
	defer cancel()
	if j.Notified && j.State.Ended() && j.Owner != (pushd.Owner{}) { // its row may not have the last sums
		if j, err = e.cfg.Ledger.Reload(ctx, j.ID); err != nil {
			return 0, 0, false, err
		}
	}
	ch, err := e.cfg.Ledger.Channel(ctx, j.ActID)
	if errors.Is(err, pushd.ErrNotFound) || pushd.BadChannel(err) != nil {
		return 0, 0, false, nil
	}
	if err != nil {
		return 0, 0, false, err
	}
	is = j.LiveNotifyStatus(e.cfg.StatusFailed)
	if ch.Status == nil && !fresh || ch.Status != nil && *ch.Status == is || !mayWrite(j, ch, fresh) {
		return 0, is, false, nil
	}
	if ch.Status != nil {
		was = *ch.Status
	}
	written, err = e.cfg.Ledger.MendStatus(ctx, j, ch.StartTime, is)
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
