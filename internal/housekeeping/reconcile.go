package housekeeping

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"pushd"
)

// What one round of the reconciler looks at. Its cost follows from how many jobs
// are active and how many ended lately, and not from how many there have been.
const (
	// StandFor is for how long after its end a job's column is looked after.
	StandFor = 24 * time.Hour
	// FreshFor is for how long after its end a job is among the fresh ones, whose
	// column most often meets a save of what was read before.
	FreshFor = 10 * time.Minute

	workingMost = 2000   // of the active ones in one round: the next goes on behind them
	freshMost   = 20_000 // of the fresh ones
	olderMost   = 5000   // of the others: all of 20,000 within a minute
	againMost   = 100    // of those that failed before
	failedMax   = 10_000
	// Of those so many channels are read one by one, whose column is wrong; or
	// whatever it is, where Statuses says nothing.
	freshReads = 2000
	olderReads = 700 // all of 20,000 within five minutes
	// batch is how many jobs are listed, and columns looked at, by one statement.
	batch = 500
)

// forever is later than any end of a job.
const forever = pushd.Time(math.MaxInt64)

// reconciler is what Reconcile remembers from round to round.
type reconciler struct {
	working      pushd.ActID               // up to where the active jobs were looked at
	parked       int64                     // those that were seen on the way
	fresh, older pushd.EndMark             // up to where they were looked at
	failed       map[pushd.JobID]time.Time // whose column could not be written, and when that was tried last
	spent        time.Duration             // in this round, on writes that failed
}

// Reconcile writes live_notify_status where it is not what the channel's
// newest job says. Hosts write the column too, or save a stale row; pushd's
// word is put back.
//
// It looks at the active jobs and, in turns, at those that ended within StandFor;
// at one whose column can't be written until it is right. So rows which another transaction
// keeps locked do not hold up the others.
func (k *Keeper) Reconcile(ctx context.Context) {
	k.step(ctx, "correct status", k.reconcile)
}

func (k *Keeper) reconcile(ctx context.Context) error {
	r, began, now := &k.reconciler, time.Now(), k.cfg.Clock.Now()
	r.spent = 0
	if err := k.lookAtWorking(ctx); err != nil {
		return err
	}
	if err := k.sweep(ctx, &r.fresh, now.Add(-FreshFor), forever, freshMost, freshReads); err != nil {
		return err
	}
	if err := k.sweep(ctx, &r.older, now.Add(-StandFor), now.Add(-FreshFor), olderMost, olderReads); err != nil {
		return err
	}
	r.spent = 0
	return k.lookAgain(ctx, began)
}

// lookAtWorking looks at the next active jobs, which are nearly always all of
// them, and counts those that are parked.
func (k *Keeper) lookAtWorking(ctx context.Context) error {
	r := &k.reconciler
	for range workingMost / batch {
		jobs, err := k.cfg.Ledger.Working(ctx, r.working, batch)
		if err != nil {
			return err
		}
		statuses := k.statuses(ctx, jobs)
		for _, j := range jobs {
			if j.State == pushd.Parked {
				r.parked++
			}
			if !k.right(j, statuses) {
				k.look(ctx, j)
			}
			r.working = j.ActID
		}
		if len(jobs) < batch {
			k.parked.Store(r.parked)
			r.working, r.parked = 0, 0
			return nil
		}
	}
	return nil
}

// sweep looks at the next jobs behind at, at most so many, of those that ended in
// a time, and reads at most so many of their channels. At the end of them the next
// sweep starts. One whose channel there is no time to read is the first of the
// next round.
func (k *Keeper) sweep(ctx context.Context, at *pushd.EndMark, from, until pushd.Time, most, reads int) error {
	if at.At < from {
		*at = pushd.EndMark{At: from}
	}
	for most > 0 {
		n := min(batch, most)
		jobs, err := k.cfg.Ledger.Ended(ctx, *at, until, n)
		if err != nil {
			return err
		}
		statuses := k.statuses(ctx, jobs)
		for _, j := range jobs {
			if !k.right(j, statuses) {
				if reads--; reads < 0 || !k.look(ctx, j) {
					return nil
				}
			}
			*at = j.EndMark()
		}
		if len(jobs) < n {
			*at = pushd.EndMark{}
			return nil
		}
		most -= n
	}
	return nil
}

// statuses reads the columns of the jobs' channels. What can't be read together is
// read one by one, each within its own time.
func (k *Keeper) statuses(ctx context.Context, jobs []pushd.Job) map[pushd.ActID]int {
	ctx, cancel := context.WithTimeout(ctx, ColumnFor)
	defer cancel()
	ids := make([]pushd.ActID, len(jobs))
	for i, j := range jobs {
		ids[i] = j.ActID
	}
	statuses, err := k.cfg.Ledger.Statuses(ctx, ids)
	if err != nil {
		return nil
	}
	return statuses
}

// right says that a column is known to be what its job says, so that there is
// nothing to do whatever else is true of the channel.
func (k *Keeper) right(j pushd.Job, statuses map[pushd.ActID]int) bool {
	status, known := statuses[j.ActID]
	return known && !unsummed(j) && status == j.LiveNotifyStatus(k.cfg.StatusFailed)
}

// look corrects a job's column, unless it waits for lookAgain. It says whether
// there was time for that.
func (k *Keeper) look(ctx context.Context, j pushd.Job) bool {
	if k.reconciler.waits(j.ID) {
		return true
	}
	if k.reconciler.spent >= ColumnsFor || ctx.Err() != nil {
		return false
	}
	k.correct(ctx, j)
	return true
}

// lookAgain tries those that failed before this round began, the one first that
// was tried first.
func (k *Keeper) lookAgain(ctx context.Context, began time.Time) error {
	failed := k.reconciler.failed
	ids := slices.DeleteFunc(slices.Collect(maps.Keys(failed)), func(id pushd.JobID) bool { return !failed[id].Before(began) })
	slices.SortFunc(ids, func(a, b pushd.JobID) int { return failed[a].Compare(failed[b]) })
	for _, id := range ids[:min(len(ids), againMost)] {
		if k.reconciler.spent >= ColumnsFor || ctx.Err() != nil {
			return nil
		}
		j, err := k.cfg.Ledger.Reload(ctx, id)
		switch {
		case errors.Is(err, pushd.ErrNotFound):
			delete(failed, id) // it was removed
		case err != nil:
			return err
		default:
			k.correct(ctx, j)
		}
	}
	return nil
}

// correct corrects one channel's column, and remembers it if it can't be.
func (k *Keeper) correct(ctx context.Context, j pushd.Job) {
	began := time.Now()
	was, is, written, err := k.column(ctx, j, false)
	if ctx.Err() != nil {
		return
	}
	k.reconciler.tried(j.ID, err, time.Since(began))
	switch {
	case err != nil:
		k.columnFailed(j, err)
	case written:
		k.corrected.Add(1)
		k.cfg.Log.Info("status corrected", "job_id", j.ID, "actid", j.ActID, "was", was, "is", is)
	}
}

// waits says that a job's column failed before and waits for its turn.
func (r *reconciler) waits(id pushd.JobID) bool { return !r.failed[id].IsZero() }

// tried notes what came of a write.
func (r *reconciler) tried(id pushd.JobID, err error, took time.Duration) {
	if err == nil {
		delete(r.failed, id)
		return
	}
	r.spent += took
	if r.failed == nil {
		r.failed = map[pushd.JobID]time.Time{}
	}
	if len(r.failed) < failedMax || r.waits(id) {
		r.failed[id] = time.Now()
	}
}
