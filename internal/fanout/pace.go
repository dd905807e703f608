package fanout

import (
	"sync"
	"sync/atomic"
	"time"
)

// pacer holds one account's speed: how many sends may be in flight, and how
// many may start in a second. It outlives the jobs of its account, so that a
// new job starts with what the last one learned.
//
// Every bound is its own thing: pace_climb.go finds the concurrency,
// pace_bucket.go keeps the rate, pace_quota.go spreads a minute's quota.
// Time comes in by arguments alone.
type pacer struct {
	now atomic.Int64 // the limit; read often

	mu       sync.Mutex
	climb    *climber
	quota    minuteQuota
	perSec   int
	account  *bucket        // nil = no ceiling
	total    *bucket        // the whole process; nil = no ceiling
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

func newPacer(ceiling, perSecond int, total *bucket) *pacer {
	p := &pacer{climb: newClimber(max(1, ceiling)), total: total}
	p.setRate(perSecond)
	p.publish()
	return p
}

// setRate changes the ceiling in messages/s; 0 removes it.
func (p *pacer) setRate(perSecond int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if perSecond != p.perSec {
		p.perSec = perSecond
		p.account = newBucket(float64(perSecond))
	}
}

// limit is how many sends may be in flight now.
func (p *pacer) limit() int { return int(p.now.Load()) }

func (p *pacer) publish() {
	n := p.climb.at
	if p.warm > 0 {
		n = min(n, p.warm)
	}
	p.now.Store(int64(n))
}

// want is how many sends the account would have in flight at now if it were
// not bound.
func (p *pacer) want(now time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.limit()
	switch {
	case p.inFlight == 0 && now.Sub(p.last) > restful:
		return min(n, levelStart) // it begins there, if it has anything to send
	case p.most > 0 && n >= p.most, p.warm > 0:
		return 2 * n
	}
	return max(n, p.climb.level) // a look at a lower level is soon over
}

// bound lets no more than most sends be in flight; 0 lifts the bound. It is
// one more ceiling for the climber, which goes on watching the answers below
// it, and looks for what there is above when it is lifted.
func (p *pacer) bound(most int, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if most == p.most {
		return
	}
	p.most = most
	p.climb.bound(most, now)
	p.publish()
}

// pauseUntil lets nothing start before t.
func (p *pacer) pauseUntil(t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.After(p.paused) {
		p.paused = t
	}
}

// spent takes a 45011: the quota of the minute that ends at end is used up.
func (p *pacer) spent(end time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.quota.refuse(end)
}

// start asks to start one send at now. It returns 0 when the send may start,
// and has then counted it; otherwise how long to wait before asking again.
// Every start is followed by one observe or drop.
func (p *pacer) start(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d := p.paused.Sub(now); d > 0 {
		return min(d, hear)
	}
	p.quota.turn(now)
	for i, b := range [...]*bucket{p.account, p.quota.bucket, p.total} {
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
	p.climb.s.peak = max(p.climb.s.peak, p.inFlight)
	p.last = now
	return 0
}

// rested begins slowly after a rest.
func (p *pacer) rested(now time.Time) {
	p.climb.forget(now)
	p.warm = levelStart
	p.publish()
}

// drop takes back n starts that sent nothing, or whose answers nobody awaits.
func (p *pacer) drop(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inFlight -= n
}

// observe takes what came of one send that took so long and ended at now.
func (p *pacer) observe(v Verdict, took time.Duration, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inFlight--
	p.last = now
	switch v {
	case Slower, TokenRefused, Quota, Fatal:
		return // they say nothing about the concurrency
	case Busy:
	default:
		p.quota.accepted(now.Add(-took))
	}
	if p.warm > 0 {
		p.warmUp(v != Busy, now)
	} else {
		p.climb.answer(v != Busy, took, now)
	}
	p.publish()
}

func (p *pacer) warmUp(good bool, now time.Time) {
	if good {
		p.warm++
	}
	if p.warm >= p.climb.at {
		p.warm = 0
		p.climb.forget(now)
	}
}
