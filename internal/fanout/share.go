package fanout

import (
	"context"
	"time"

	"pushd"
	"pushd/internal/pace"
)

// shareEvery is how often the sends that the process may have in flight are
// shared out among the accounts.
const shareEvery = 100 * time.Millisecond

// share bounds each account where all of them together want more sends in
// flight than the process may have: an account whose answers take ten seconds
// would otherwise hold most of the connections, and the others wait for them.
func (e *Engine) share(context.Context) {
	now := time.Now()
	var pacers []*pace.Pacer
	var wants []int
	for _, r := range e.running() {
		p := r.account.Pacer
		pacers, wants = append(pacers, p), append(wants, p.Want(now))
	}
	most := pace.FairShare(wants, e.cfg.InFlight)
	for _, p := range pacers {
		p.Bound(most, now)
	}
	e.pulse.Store(&now)
}

// speed is what a verdict says about the speed of its account.
func speed(v pushd.Verdict) pace.Answer {
	switch v {
	case pushd.Busy:
		return pace.Bad
	case pushd.Slower, pushd.TokenRefused, pushd.Quota, pushd.Fatal:
		return pace.Silent
	}
	return pace.Good
}
