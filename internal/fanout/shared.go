package fanout

import (
	"sync/atomic"
	"time"

	"pushd"
	"pushd/internal/outage"
	"pushd/internal/pace"
)

// shared is what the jobs of one account share in this process. It is dropped
// when the account has had no job for an hour.
type shared struct {
	pacer     *pace.Pacer
	used      time.Time
	disturbed atomic.Pointer[time.Time] // see disturb
	// mismatches counts the parks for account_mismatch since a delivery.
	mismatches atomic.Int64
	earlier    earlier // of the job that asked last
	outage     outage.Account
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
