// Package housekeeping is what a daemon does beside its jobs: it ends those that
// wait past their deadline, keeps live_notify_status true, removes old pages, and
// recognises a database that went back. Leases are the engine's.
package housekeeping

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"pushd"
	"pushd/internal/lease"
)

// CounterStore keeps the counter outside of the database.
type CounterStore interface {
	// Load returns what was saved last; the zero Counter if nothing was.
	Load() (pushd.Counter, error)
	// Save keeps c in place of what was there.
	Save(c pushd.Counter) error
}

// Work is what housekeeping tells those who work on jobs in this process.
type Work interface {
	// Answered says that the database has taken a write.
	Answered()
	// Failed says that a call to the database has failed.
	Failed(ctx context.Context, what string, err error)
	// Expired counts a job that was ended for its deadline.
	Expired()
	// LetGo lets go of the jobs that were held, without waiting for the next
	// renewal.
	LetGo(ctx context.Context)
	// GiveBack gives back the jobs that are run here, to be claimed again: what
	// their runs know of the ledger, such as pages and outcomes, is in it no more.
	GiveBack()
}

// Ledger is what housekeeping needs of the database.
type Ledger interface {
	pushd.Housekeeping
	pushd.Counting
	pushd.Holds
	pushd.Channels
	pushd.Refusals
	// Now reads the database's clock.
	Now(ctx context.Context) (pushd.Time, error)
	// Reload reads a job.
	Reload(ctx context.Context, id pushd.JobID) (pushd.Job, error)
}

// Config is what a keeper needs.
type Config struct {
	Ledger   Ledger
	Work     Work
	Log      *slog.Logger
	Clock    *lease.Clock
	Boottime func() time.Duration
	Ready    func() bool // whether the tables may be worked on

	DedupWindow   time.Duration // how long a repeated send is safe
	Retention     time.Duration // how long pages stay after the end
	JobRetention  time.Duration // how long jobs do; as long as their pages at least
	RefusalMemory time.Duration // how long refusals are remembered
	StatusFailed  int           // live_notify_status of a job that did not complete
	Counter       CounterStore  // nil = nowhere
	Hold          bool          // hold all jobs at the start
	// Overdue counts the reminders that fell due before a moment and were not
	// posted; nil = unknown (PUSHD_DUE_QUERY).
	Overdue func(ctx context.Context, before pushd.Time) (pushd.Overdue, error)
}

// Keeper keeps house. Its methods but Follow, Health and the counts are for one
// goroutine each, so that none of Keep, Reconcile and Purge waits for another.
type Keeper struct {
	cfg        Config
	reconciler reconciler // of Reconcile alone
	memory     memory
	seen       atomic.Pointer[pushd.Overview]
	overdue    overdue
	size       atomic.Int64
	sizedAt    pushd.Time // of Overlook alone

	holds        atomic.Pointer[[]pushd.Hold] // in force, as last read
	parked       atomic.Int64                 // jobs parked in the ledger, as last counted
	corrected    atomic.Uint64
	columnErrors atomic.Uint64
}

// New makes a keeper. It does nothing by itself.
func New(cfg Config) *Keeper { return &Keeper{cfg: cfg} }

// Parked is how many jobs are parked in the ledger, as last counted.
func (k *Keeper) Parked() int64 { return k.parked.Load() }

// Corrected is how often live_notify_status was corrected, and how often it could
// not be written.
func (k *Keeper) Corrected() (corrected, failed uint64) {
	return k.corrected.Load(), k.columnErrors.Load()
}

// step does one of the things that want the tables, and says what has failed.
func (k *Keeper) step(ctx context.Context, name string, do func(context.Context) error) {
	if !k.cfg.Ready() {
		return
	}
	if err := do(ctx); err != nil && ctx.Err() == nil {
		k.cfg.Work.Failed(ctx, name, err)
	}
}

// Keep reads the database's clock, ends jobs that wait past their deadline, and
// counts those that are held.
func (k *Keeper) Keep(ctx context.Context) {
	if err := k.ReadClock(ctx); err != nil && ctx.Err() == nil {
		k.cfg.Work.Failed(ctx, "read the database's clock", err)
	}
	k.step(ctx, "expire jobs", k.expire)
	k.step(ctx, "count the jobs that are held", k.countHeld)
}

// ReadClock reads the database's clock.
func (k *Keeper) ReadClock(ctx context.Context) error {
	at := k.cfg.Boottime()
	now, err := k.cfg.Ledger.Now(ctx)
	if err == nil {
		k.cfg.Clock.Read(now, at)
	}
	return err
}

// expire ends jobs that wait past their deadline. The column follows, where it
// can be written at once; Reconcile sees to the others.
func (k *Keeper) expire(ctx context.Context) error {
	const batch = 100
	spent := time.Duration(0)
	for range 10 { // the rest waits for the next time
		ids, err := k.cfg.Ledger.Expire(ctx, batch)
		for range ids {
			k.cfg.Work.Expired()
		}
		for _, id := range ids {
			spent += k.followEnd(ctx, id, spent)
		}
		if err != nil || len(ids) < batch {
			return err
		}
	}
	return nil
}

// followEnd makes the column follow the end of a job, unless too much time was
// spent on those that can't be written. It says how much it adds to that.
func (k *Keeper) followEnd(ctx context.Context, id pushd.JobID, spent time.Duration) time.Duration {
	if spent >= ColumnsFor {
		return 0
	}
	began := time.Now()
	job, err := k.cfg.Ledger.Reload(ctx, id)
	if err == nil {
		if _, _, _, err = k.column(ctx, job, true); err != nil && ctx.Err() == nil {
			k.columnFailed(job, err)
		}
	}
	if err == nil {
		return 0
	}
	return time.Since(began)
}

// Purge removes the pages of jobs whose retention is over, and jobs whose own is.
// It goes by the database's clock alone: a process whose own clock is years ahead
// removes nothing.
func (k *Keeper) Purge(ctx context.Context) {
	k.step(ctx, "purge pages", func(ctx context.Context) error { return k.removeOld(ctx, k.cfg.Retention, k.cfg.Ledger.Purge) })
	k.step(ctx, "remove jobs", func(ctx context.Context) error {
		return k.removeOld(ctx, k.cfg.JobRetention, k.cfg.Ledger.RemoveJobs)
	})
	k.step(ctx, "remove refusals", func(ctx context.Context) error {
		return k.removeOld(ctx, k.cfg.RefusalMemory, k.cfg.Ledger.PurgeRefusals)
	})
}

// removeOld removes what ended longer ago than it is kept.
func (k *Keeper) removeOld(ctx context.Context, kept time.Duration, remove func(context.Context, pushd.Time) (more bool, err error)) error {
	now, err := k.cfg.Ledger.Now(ctx)
	for more, n := true, 0; err == nil && more && n < 10; n++ { // the rest waits for the next time
		more, err = remove(ctx, now.Add(-kept))
	}
	return err
}
