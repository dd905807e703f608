package pagebuffer

import (
	"sync"

	"pushd"
)

// Reopening is what is left of a retry: the recipients of these outcomes are
// sent to again, each once in this claim. They keep their outcome in the ledger
// until the moment they are admitted, so a retry that is stopped in its middle
// leaves every one of them on its list. It is safe for concurrent use.
type Reopening struct {
	mu   sync.Mutex
	who  pushd.Again
	done map[int]bool // pages that were fed
}

// NewReopening begins a claim of a job with this retry; pushd.AgainNobody is none.
func NewReopening(who pushd.Again) *Reopening { return &Reopening{who: who, done: map[int]bool{}} }

// Wants says whether a page holds recipients who are to be sent to again.
func (r *Reopening) Wants(p pushd.Progress) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.done[p.Page] &&
		(r.who != pushd.AgainNobody && p.Counts.Failed > 0 || r.who == pushd.AgainUnknown && p.Counts.Unknown > 0)
}

// Of says who of a page is sent to again.
func (r *Reopening) Of(page int) pushd.Again {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done[page] {
		return pushd.AgainNobody
	}
	return r.who
}

// Fed notes that a batch of a page was fed, and whether it was the last.
func (r *Reopening) Fed(page int, last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last {
		r.done[page] = true
	}
}
