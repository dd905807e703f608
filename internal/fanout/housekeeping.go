package fanout

import (
	"context"
	"sync"

	"pushd"
	"pushd/internal/fanout/accountstate"
	"pushd/internal/housekeeping"
)

// work is what housekeeping tells the engine.
type work struct{ e *Engine }

// Answered implements housekeeping.Work, as do the others.
func (w work) Answered() { w.e.answered() }

// Failed notes that a call to the database has failed.
func (w work) Failed(ctx context.Context, what string, err error) { w.e.failed(ctx, what, err) }

// Expired counts a job that was ended for its deadline.
func (w work) Expired() { w.e.counters.Ended(pushd.Expired) }

// LetGo tells the runs of jobs that were held.
func (w work) LetGo(ctx context.Context) { w.e.renew(ctx) }

// GiveBack gives back the jobs that are run here.
func (w work) GiveBack() {
	for _, r := range w.e.running() {
		r.stop(errRelease)
	}
	w.e.Wake()
}

// Look compares the ledger with what an earlier start of this process has kept.
// No job may be taken or accepted before it has succeeded once.
func (e *Engine) Look(ctx context.Context) error { return e.house.Look(ctx) }

// Looked says whether Look has succeeded.
func (e *Engine) Looked() bool { return e.house.Looked() }

// raiseCounter raises the counter by which a database that went back is
// recognised, and says what is wrong if it can't.
func (e *Engine) raiseCounter(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 3*housekeeping.RaiseEvery)
	defer cancel()
	if err := e.house.Raise(ctx); err != nil {
		e.failed(ctx, "raise the counter", err)
	}
}

// Overview is what the ledger says of the whole, as it was last read; false
// where it is unknown.
func (e *Engine) Overview() (pushd.Overview, bool) { return e.house.Overview() }

// Overdue is how many reminders were due and not posted, as last counted; false
// if it is unknown.
func (e *Engine) Overdue() (pushd.Overdue, bool) { return e.house.Overdue() }

// readHolds learns what is held, for the health. That no job is taken which is
// held is the ledger's to see to.
func (e *Engine) readHolds(ctx context.Context) {
	if err := e.house.ReadHolds(ctx); err != nil {
		e.failed(ctx, "list the holds", err)
	}
}

// keepHouse does what is to be done beside the jobs, each thing in a loop of its
// own: neither an end nor a removal waits for the status columns.
func (e *Engine) keepHouse(ctx context.Context, loops *sync.WaitGroup) {
	loops.Go(func() { e.every(ctx, houseEvery, nil, e.house.Keep) })
	loops.Go(func() { e.every(ctx, reconcileEvery, nil, e.house.Reconcile) })
	loops.Go(func() { e.every(ctx, houseEvery, nil, e.house.Purge) })
	loops.Go(func() { e.every(ctx, houseEvery, nil, e.expireAccounts) })
}

// expireAccounts drops what was learned about accounts that have been idle.
func (e *Engine) expireAccounts(context.Context) {
	var inUse []*accountstate.State
	for _, r := range e.running() {
		inUse = append(inUse, r.account)
	}
	e.accounts.Expire(inUse)
}
