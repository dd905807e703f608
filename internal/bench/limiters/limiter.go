package main

import (
	"math"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
)

// limiter finds a concurrency from the answers.
type limiter interface {
	limit() int
	// answered takes an answer that came after took, with so many in flight.
	answered(good bool, took time.Duration, now time.Time)
}

const (
	lowest  = 8
	highest = 1024
	first   = 16
)

func newLimiter(name string) limiter {
	switch name {
	case "aimd":
		return &aimd{level: first}
	case "vegas":
		return &windowed{level: first, next: vegas}
	case "gradient":
		return &windowed{level: first, next: gradient}
	case "failsafe":
		return &library{l: adaptivelimiter.NewBuilder[any]().WithLimits(lowest, highest, first).Build()}
	}
	return nil
}

// aimd is the textbook's: one more with every round trip, twice as many until
// the first refusal; half at a refusal, once per round trip.
// Source: Jacobson, Congestion Avoidance and Control (1988).
type aimd struct {
	mu    sync.Mutex
	level float64
	slow  bool      // there was a refusal: no more doubling
	deaf  time.Time // until then refusals are those of before
}

func (a *aimd) limit() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return int(a.level)
}

func (a *aimd) answered(good bool, took time.Duration, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case good && !a.slow:
		a.level = min(a.level+1, highest)
	case good:
		a.level = min(a.level+1/a.level, highest)
	case now.After(a.deaf):
		a.slow = true
		a.level, a.deaf = max(a.level/2, lowest), now.Add(took)
	}
}

// windowed looks at the mean time of the answers of each tenth of a second,
// and at whether any was refused.
type windowed struct {
	mu    sync.Mutex
	level float64
	next  func(w *windowed, mean float64, refused bool) float64

	until   time.Time
	sum     float64
	n       int
	refused bool
	least   float64 // of the means
	long    float64 // smoothed mean
}

func (w *windowed) limit() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return int(w.level)
}

func (w *windowed) answered(good bool, took time.Duration, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sum += took.Seconds()
	w.n++
	w.refused = w.refused || !good
	if now.Before(w.until) {
		return
	}
	mean := w.sum / float64(w.n)
	if w.least == 0 || mean < w.least {
		w.least = mean
	}
	if w.long == 0 {
		w.long = mean
	}
	w.long += (mean - w.long) / 60
	w.level = max(lowest, min(w.next(w, mean, w.refused), highest))
	w.until, w.sum, w.n, w.refused = now.Add(100*time.Millisecond), 0, 0, false
}

// vegas estimates how many sends wait in WeChat's queue from the least time
// ever seen, and keeps a few there.
// Source: Brakmo and Peterson, TCP Vegas (1995), with the logarithmic bounds
// that Netflix's concurrency-limits uses.
func vegas(w *windowed, mean float64, refused bool) float64 {
	unit := math.Log10(w.level)
	queue := w.level * (1 - w.least/mean)
	switch {
	case refused, queue > 6*unit:
		return w.level - unit
	case queue <= unit:
		return w.level + 6*unit
	case queue < 3*unit:
		return w.level + unit
	}
	return w.level
}

// gradient compares the mean with its long average; a refusal halves. It is
// made after Netflix's Gradient2Limit, with its tolerance, its queue of four
// and its smoothing; that one leaves refusals to others.
func gradient(w *windowed, mean float64, refused bool) float64 {
	if refused {
		return w.level / 2
	}
	ratio := max(0.5, min(1, 1.5*w.long/mean))
	return w.level*0.8 + (w.level*ratio+4)*0.2
}

// library is failsafe-go's adaptive limiter. It knows no refusals: a refused
// send is not recorded, as its documentation says of sends that end too early.
type library struct {
	l adaptivelimiter.AdaptiveLimiter[any]
}

func (l *library) limit() int                              { return l.l.Limit() }
func (l *library) answered(bool, time.Duration, time.Time) {}
