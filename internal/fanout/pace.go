package fanout

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// fixedConcurrency is how many sends of an account are in flight at most.
const fixedConcurrency = 64

// pacer holds one account's speed: how many sends may be in flight, and how
// many may start in a second. It outlives the jobs of its account, so that a
// new job starts with what the last one learned.
type pacer struct {
	mu      sync.Mutex
	ceiling int
	paused  time.Time // nothing starts before (45011)

	account *rate.Limiter // nil = no ceiling
	total   *rate.Limiter // the whole process; nil = no ceiling
	perSec  int
}

func newPacer(ceiling, perSecond int, total *rate.Limiter) *pacer {
	p := &pacer{ceiling: ceiling, total: total}
	p.setRate(perSecond)
	return p
}

// limiter makes a true token bucket: perSecond tokens a second, and at most a
// tenth of a second's worth at once.
func limiter(perSecond int) *rate.Limiter {
	if perSecond <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(1, perSecond/10))
}

// setRate changes the ceiling in messages/s; 0 removes it.
func (p *pacer) setRate(perSecond int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if perSecond == p.perSec {
		return
	}
	p.perSec = perSecond
	p.account = limiter(perSecond)
}

// limit is how many sends may be in flight now.
func (p *pacer) limit() int { return min(p.ceiling, fixedConcurrency) }

// pauseUntil lets nothing start before t.
func (p *pacer) pauseUntil(t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.After(p.paused) {
		p.paused = t
	}
}

// start asks to start one send at now. It returns 0 when the send may start,
// and has then counted it; otherwise how long to wait before asking again.
func (p *pacer) start(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d := p.paused.Sub(now); d > 0 {
		return d
	}
	for _, l := range []*rate.Limiter{p.account, p.total} {
		if l != nil && l.TokensAt(now) < 1 {
			return waitFor(l, now)
		}
	}
	if p.account != nil {
		p.account.AllowN(now, 1)
	}
	if p.total != nil && !p.total.AllowN(now, 1) { // another account was faster
		return waitFor(p.total, now)
	}
	return 0
}

// waitFor is how long until l has a token.
func waitFor(l *rate.Limiter, now time.Time) time.Duration {
	missing := 1 - l.TokensAt(now)
	return max(time.Millisecond/2, time.Duration(missing/float64(l.Limit())*float64(time.Second)))
}

// observe takes what came of one send that ended at now.
func (p *pacer) observe(v Verdict, took time.Duration, now time.Time) {}
