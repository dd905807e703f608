package intake

import (
	"sync"
	"time"

	"pushd"
)

// Refusals remembers the jobs that the ledger would not give for a reason of
// their own, such as a row that can't be decoded. They are asked for ever more
// rarely and take no place among the due, so that those behind them are not
// kept waiting. The zero value remembers none; it is safe for concurrent use.
type Refusals struct {
	mu  sync.Mutex
	all map[pushd.JobID]refusal
}

type refusal struct {
	times int
	until time.Time
}

// refusalsMost is how long a job is left alone at most.
const refusalsMost = 30 * time.Second

// Add notes that a claim has failed. The first time may be the database's doing.
func (r *Refusals) Add(id pushd.JobID, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = map[pushd.JobID]refusal{}
	}
	n := r.all[id].times + 1
	r.all[id] = refusal{n, now.Add(min(refusalsMost, time.Second<<min(n-1, 10)))}
}

// Clear forgets a job that could be claimed.
func (r *Refusals) Clear(id pushd.JobID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, id)
}

// Now returns the jobs that are left alone at now, and forgets those of which
// nothing was heard for long.
func (r *Refusals) Now(now time.Time) map[pushd.JobID]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	alone := map[pushd.JobID]bool{}
	for id, x := range r.all {
		switch {
		case now.Before(x.until):
			alone[id] = true
		case now.Sub(x.until) > time.Hour:
			delete(r.all, id)
		}
	}
	return alone
}
