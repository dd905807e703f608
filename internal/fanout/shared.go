package fanout

import (
	"sync/atomic"
	"time"

	"pushd"
	"pushd/internal/pace"
)

// shared is what the jobs of one account share in this process. It is forgotten
// when the account has had no job for an hour.
type shared struct {
	pacer     *pace.Pacer
	used      time.Time
	disturbed atomic.Pointer[time.Time] // see disturb
	// mismatches counts the parks for account_mismatch since a delivery.
	mismatches atomic.Int64
	earlier    earlier      // of the job that asked last
	downs      atomic.Int64 // how often in a row WeChat was found down
	downAt     atomic.Int64 // unix ns: when last, 0 = it answers
}

// account returns what the jobs of an account share.
func (e *Engine) account(id pushd.AppID) *shared {
	e.mu.Lock()
	defer e.mu.Unlock()
	a := e.accounts[id]
	if a == nil {
		a = &shared{pacer: pace.New(e.cfg.Concurrency, e.cfg.Rate, e.total)}
		e.accounts[id] = a
	}
	a.used = time.Now()
	return a
}

// forgetAccounts drops what was learned about accounts that have been idle
// for an hour.
func (e *Engine) forgetAccounts() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.runs {
		r.account.used = time.Now()
	}
	for id, a := range e.accounts {
		if time.Since(a.used) > time.Hour {
			delete(e.accounts, id)
		}
	}
}

// down notes that WeChat does not answer the account's sends, and says how long
// to wait for the next probe.
func (a *shared) down(now time.Time) time.Duration {
	a.downAt.Store(now.UnixNano())
	return min(probeLast, probeFirst<<min(a.downs.Add(1)-1, 10))
}

// up notes that WeChat answers again.
func (a *shared) up() {
	a.downs.Store(0)
	a.downAt.Store(0)
}

// isDown says that WeChat was down for the account when last heard of.
func (a *shared) isDown(now time.Time) bool {
	at := a.downAt.Load()
	return at != 0 && now.Sub(time.Unix(0, at)) < 2*probeLast
}
