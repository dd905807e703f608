package fanout

import (
	"context"
	"slices"
	"time"
)

// shareEvery is how often the sends that the process may have in flight are
// shared out among the accounts.
const shareEvery = 100 * time.Millisecond

// share bounds each account where all of them together want more sends in
// flight than the process may have: an account whose answers take ten seconds
// would otherwise hold most of the connections, and the others wait for them.
func (e *Engine) share(context.Context) {
	now := time.Now()
	var pacers []*pacer
	var wants []int
	for _, r := range e.running() {
		p := r.account.pacer
		pacers, wants = append(pacers, p), append(wants, p.want(now))
	}
	most := waterline(wants, e.cfg.InFlight)
	for _, p := range pacers {
		p.bound(most, now)
	}
}

// waterline is the most that anybody may have so that all together have no
// more than total: who wants less gets it, the others share what is left
// equally. It is 0, no bound, when there is enough for everybody; it sorts
// wants.
func waterline(wants []int, total int) int {
	sum := 0
	for _, n := range wants {
		sum += n
	}
	if total == 0 || sum <= total {
		return 0
	}
	slices.Sort(wants)
	for i, n := range wants {
		part := max(1, total/(len(wants)-i))
		if n > part {
			return part
		}
		total -= n
	}
	return 0
}
