// Package pace finds and keeps the speed of one account: how many sends may be
// in flight, and how many may start in a second, at a server that says nothing
// of its limit but by its answers.
//
// climber.go finds the concurrency by the quality of the answers (quality.go):
// pulse.go looks whether there is room for more, budget.go bounds what that
// costs, wall.go remembers where there was none, surge.go hears refusals begin.
// bucket.go keeps a rate, quota.go spreads a minute's quota over the minute,
// fair.go shares out what a process may have in flight. Time and answers come in
// by arguments alone; the package imports nothing of pushd. Why it is so and not
// a textbook's: docs/decisions/pacing.md.
package pace

import (
	"sync"
	"sync/atomic"
	"time"
)

// Answer is what the answer to a send says about the speed.
type Answer uint8

// The kinds of answers.
const (
	// Good: it was dealt with, whatever the verdict on its recipient.
	Good Answer = iota
	// Bad: it was not, perhaps because there are too many at once.
	Bad
	// Silent: it says nothing about the speed, such as that a token is refused.
	Silent
)

// Pacer holds one account's speed: how many sends may be in flight, and how
// many may start in a second. It outlives the jobs of its account, so that a
// new job starts with what the last one learned.
//
// It is safe for concurrent use.
type Pacer struct {
	now atomic.Int64 // the limit; read often

	mu       sync.Mutex
	climb    *climber
	quota    minuteQuota
	perSec   int
	account  *Bucket        // nil = no ceiling
	total    *Bucket        // the whole process; nil = no ceiling
	turns    [3]reservation // account, quota, total
	paused   time.Time
	inFlight int
	last     time.Time // when a send last started or ended
	// warm bounds the concurrency after a rest: it doubles with every round
	// trip, as at the start, until it meets the level that was found before.
	warm int
	most int // the account's share of the process's sends in flight; 0: no bound
}

const (
	// restful is a pause after which full speed is not taken up at once.
	restful = time.Second
	// hear bounds every wait, so that a new rate soon takes effect.
	hear = 200 * time.Millisecond
)

// New makes a pacer that starts low. It lets at most ceiling sends be in flight,
// and perSecond start in a second, 0 being no bound; total, which may be nil, is
// shared with other pacers.
func New(ceiling, perSecond int, total *Bucket) *Pacer {
	p := &Pacer{climb: newClimber(max(1, ceiling)), total: total}
	p.SetRate(perSecond)
	p.publish()
	return p
}

// SetRate changes the ceiling in messages/s; 0 removes it.
func (p *Pacer) SetRate(perSecond int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if perSecond != p.perSec {
		p.perSec = perSecond
		p.account = NewBucket(float64(perSecond))
	}
}

// Limit is how many sends may be in flight now.
func (p *Pacer) Limit() int { return int(p.now.Load()) }

func (p *Pacer) publish() {
	n := p.climb.at
	if p.warm > 0 {
		n = min(n, p.warm)
	}
	p.now.Store(int64(n))
}

// Want is how many sends the account would have in flight at now if it were
// not bound.
func (p *Pacer) Want(now time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.Limit()
	switch {
	case p.inFlight == 0 && now.Sub(p.last) > restful:
		return min(n, levelStart) // it begins there, if it has anything to send
	case p.most > 0 && n >= p.most, p.warm > 0:
		return 2 * n
	}
	return max(n, p.climb.level) // a look at a lower level is soon over
}

// Bound lets no more than most sends be in flight; 0 lifts the bound. It is
// one more ceiling for the climber, which goes on watching the answers below
// it, and looks for what there is above when it is lifted.
func (p *Pacer) Bound(most int, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if most == p.most {
		return
	}
	p.most = most
	p.climb.bound(most, now)
	p.publish()
}

// PauseUntil lets nothing start before t.
func (p *Pacer) PauseUntil(t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.After(p.paused) {
		p.paused = t
	}
}

// QuotaSpent says that the quota of the minute that ends at end is used up
// (WeChat's 45011).
func (p *Pacer) QuotaSpent(end time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.quota.refuse(end)
}

// Start asks to start one send at now. It returns 0 when the send may start,
// and has then counted it; otherwise how long to wait before asking again.
// Every start is followed by one Observe or Drop.
func (p *Pacer) Start(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d := p.paused.Sub(now); d > 0 {
		return min(d, hear)
	}
	p.quota.turn(now)
	for i, b := range [...]*Bucket{p.account, p.quota.bucket, p.total} {
		if d := p.turns[i].wait(b, now); d > 0 {
			return max(min(d, hear), time.Millisecond/10)
		}
	}
	for i := range p.turns {
		p.turns[i].use()
	}
	if p.inFlight == 0 && now.Sub(p.last) > restful {
		p.rested(now)
	}
	p.inFlight++
	p.climb.started(p.inFlight, now)
	p.last = now
	p.publish()
	return 0
}

// Bounds is the bound that Bound has set; 0 = none.
func (p *Pacer) Bounds() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.most
}

// RoundTrip is how long a send takes, smoothed; 0 before the first.
func (p *Pacer) RoundTrip() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.climb.rtt
}

// rested begins slowly after a rest.
func (p *Pacer) rested(now time.Time) {
	p.climb.forget(now)
	p.warm = levelStart
	p.publish()
}

// Drop takes back n starts that sent nothing, or whose answers are not awaited.
func (p *Pacer) Drop(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inFlight -= n
}

// Observe takes what came of one send that took so long and ended at now.
func (p *Pacer) Observe(a Answer, took time.Duration, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inFlight--
	p.last = now
	switch a {
	case Silent:
		return
	case Good:
		p.quota.accepted(now.Add(-took))
	}
	if p.warm > 0 {
		p.warmUp(a == Good, now)
	} else {
		p.climb.answer(a == Good, took, now)
	}
	p.publish()
}

func (p *Pacer) warmUp(good bool, now time.Time) {
	if good {
		p.warm++
	}
	if p.warm >= p.climb.at {
		p.warm = 0
		p.climb.forget(now)
	}
}
