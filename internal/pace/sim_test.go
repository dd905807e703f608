package pace

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// world is a WeChat and a job with endless people, in virtual time: an event
// loop in which a thousand seconds take a moment. It is deterministic.
type world struct {
	t     *testing.T
	rng   *rand.Rand
	pacer *Pacer
	start time.Time
	now   time.Time

	// How WeChat behaves; may change while it runs.
	latency    func() time.Duration
	limit      int           // in flight; beyond it -1 is answered. 0: none
	slowBeyond int           // in flight; beyond it latency grows in proportion
	busy       float64       // share answered -1 at any speed
	refusing   time.Duration // how long a refusal takes; 0: as long as an answer
	perMinute  int           // beyond it 45011 is answered
	idle       bool          // the job has nobody to send to

	events   events
	inFlight int // at WeChat's side, the refused not counted
	sent     int // at ours
	wake     time.Time
	minute   int64
	inMinute int

	seconds []second
	starts  []time.Duration
}

// second counts what was answered in one second.
type second struct{ good, refused, quota int }

type event struct {
	at time.Time
	do func()
}

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at.Before(e[j].at) }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	x := old[len(old)-1]
	*e = old[:len(old)-1]
	return x
}

func newWorld(t *testing.T, seed uint64, ceiling, rate int) *world {
	t.Logf("seed %d", seed)
	w := &world{t: t, rng: rand.New(rand.NewPCG(seed, 0)), start: time.Unix(1_800_000_000, 0)}
	w.now = w.start
	w.pacer = New(ceiling, rate, nil)
	w.uniform(80*time.Millisecond, 120*time.Millisecond)
	return w
}

func (w *world) uniform(low, high time.Duration) {
	w.latency = func() time.Duration { return low + time.Duration(w.rng.Float64()*float64(high-low)) }
}

// tailed makes latency log-normal.
func (w *world) tailed(p50, p99 time.Duration) {
	sigma := math.Log(float64(p99)/float64(p50)) / 2.326
	w.latency = func() time.Duration {
		return time.Duration(float64(p50) * math.Exp(sigma*w.rng.NormFloat64()))
	}
}

// run lets d pass.
func (w *world) run(d time.Duration) {
	end := w.now.Add(d)
	for {
		w.fill()
		next := end
		if len(w.events) > 0 && w.events[0].at.Before(next) {
			next = w.events[0].at
		}
		if w.wake.After(w.now) && w.wake.Before(next) {
			next = w.wake
		}
		w.now = next
		if !w.now.Before(end) {
			return
		}
		for len(w.events) > 0 && !w.events[0].at.After(w.now) {
			heap.Pop(&w.events).(event).do()
		}
	}
}

// fill starts as many sends as may start now.
func (w *world) fill() {
	w.wake = time.Time{}
	for !w.idle && w.sent < w.pacer.Limit() {
		if d := w.pacer.Start(w.now); d > 0 {
			w.wake = w.now.Add(d)
			return
		}
		w.send()
	}
}

func (w *world) send() {
	w.sent++
	w.starts = append(w.starts, w.now.Sub(w.start))
	began, a, took := w.now, Good, w.latency()
	refused := w.limit > 0 && w.inFlight >= w.limit
	if w.slowBeyond > 0 && w.inFlight > w.slowBeyond {
		took = time.Duration(float64(took) * float64(w.inFlight) / float64(w.slowBeyond))
	}
	switch {
	case refused || w.rng.Float64() < w.busy:
		a = Bad
		if w.refusing > 0 {
			took = w.refusing
		}
	case w.quotaUsed():
		a = Silent
	}
	if !refused {
		w.inFlight++
	}
	heap.Push(&w.events, event{at: w.now.Add(took), do: func() {
		w.sent--
		if !refused {
			w.inFlight--
		}
		w.count(a)
		if a == Silent {
			end := w.now.Truncate(time.Minute).Add(time.Minute)
			w.pacer.QuotaSpent(end)
			w.pacer.PauseUntil(end.Add(time.Duration(w.rng.Float64() * float64(time.Second))))
		}
		w.pacer.Observe(a, w.now.Sub(began), w.now)
	}})
}

func (w *world) quotaUsed() bool {
	if m := w.now.Unix() / 60; m != w.minute {
		w.minute, w.inMinute = m, 0
	}
	w.inMinute++
	return w.perMinute > 0 && w.inMinute > w.perMinute
}

func (w *world) count(a Answer) {
	for i := int(w.now.Sub(w.start) / time.Second); len(w.seconds) <= i; {
		w.seconds = append(w.seconds, second{})
	}
	s := &w.seconds[len(w.seconds)-1]
	switch a {
	case Bad:
		s.refused++
	case Silent:
		s.quota++
	default:
		s.good++
	}
}

// span sums the seconds from..to.
func (w *world) span(from, to int) (sum second) {
	for _, s := range w.seconds[min(from, len(w.seconds)):min(to, len(w.seconds))] {
		sum.good += s.good
		sum.refused += s.refused
		sum.quota += s.quota
	}
	return sum
}

// refusedShare is the share of sends that were refused.
func (s second) refusedShare() float64 {
	return float64(s.refused) / float64(max(1, s.good+s.refused+s.quota))
}
