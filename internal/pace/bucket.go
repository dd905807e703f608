package pace

import (
	"sync"
	"time"
)

// Bucket is a true token bucket of perSecond tokens a second, kept as the
// time at which the next token falls due (the generic cell rate algorithm).
// Being late loses nothing up to the burst: a tenth of a second, or half a
// token where that is more.
type Bucket struct {
	mu    sync.Mutex
	every time.Duration // between two tokens
	burst time.Duration // how far behind its schedule it may fall
	due   time.Time     // of the next token
}

// NewBucket makes a bucket; nil for 0, which means no bound.
func NewBucket(perSecond float64) *Bucket {
	if perSecond <= 0 {
		return nil
	}
	b := &Bucket{}
	b.set(perSecond)
	return b
}

// set changes the rate. Nothing is saved up from before.
func (b *Bucket) set(perSecond float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.every = time.Duration(float64(time.Second) / perSecond)
	b.burst = max(100*time.Millisecond-b.every, min(b.every/2, 50*time.Millisecond))
}

// take reserves the next token and returns when it may be used, which is in
// the past if it was due earlier. Who takes first is served first, so that
// accounts who share a bucket share it fairly.
func (b *Bucket) take(now time.Time) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if earliest := now.Add(-b.burst); b.due.Before(earliest) {
		b.due = earliest
		if b.burst < b.every { // a bucket that was idle gives one token, not a half more
			b.due = now
		}
	}
	at := b.due
	b.due = at.Add(b.every)
	return at
}

// reservation is a token reserved from a bucket and not used yet.
type reservation struct {
	from *Bucket
	at   time.Time
}

// stale is how late a reserved token may be used: one that was left lying
// must not come on top of those given out since.
const stale = 100 * time.Millisecond

// wait reserves a token if none is, and returns how long until it may be
// used; 0 is now. b may be nil.
func (t *reservation) wait(b *Bucket, now time.Time) time.Duration {
	if b == nil {
		return 0
	}
	if t.from != b || now.Sub(t.at) > stale {
		*t = reservation{b, b.take(now)}
	}
	return max(0, t.at.Sub(now))
}

// use takes the reserved token.
func (t *reservation) use() { *t = reservation{} }
