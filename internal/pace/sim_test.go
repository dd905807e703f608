package pace

import (
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
	refuses    refuses       // how, beyond the limit
	perSecond  float64       // sends a second beyond which -1 is answered. 0: no bound
	burst      float64       // sends that perSecond saves up while fewer come
	slowBeyond int           // in flight; beyond it latency grows in proportion
	busy       float64       // share answered -1 at any speed
	refusing   time.Duration // how long a refusal takes; 0: as long as an answer
	perMinute  int           // beyond it 45011 is answered
	idle       bool          // the job has nobody to send to
	handover   time.Duration // a send begins up to that long after Start let it go

	events   events
	inFlight int // at WeChat's side, those counted that have a place
	sent     int // at ours
	wake     time.Time
	tokens   float64   // of perSecond
	filled   time.Time // when they were counted
	minute   int64
	inMinute int

	tenths []tally
	starts []time.Duration
}

// refuses is how WeChat deals with what is in flight beyond its limit.
type refuses uint8

const (
	refusesLate    refuses = iota // after the usual time; it takes no place
	refusesHeld                   // after the usual time; it takes a place until then
	refusesAtOnce                 // in 5 ms; it takes no place
	refusesAtOnceT = 5 * time.Millisecond
)

// tally counts answers.
type tally struct{ good, refused, quota int }

// event is an answer that will come, or a send that will begin.
type event struct {
	at, began time.Time // began is zero for a send that will begin
	answer    Answer
	place     bool // it takes one at WeChat until then
}

// events is a heap by time.
type events []event

func (e *events) push(x event) {
	h := append(*e, x)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !x.at.Before(h[up].at) {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = x
	*e = h
}

func (e *events) pop() event {
	h := *e
	first, x := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	for i := 0; len(h) > 0; {
		down := 2*i + 1
		if down+1 < len(h) && h[down+1].at.Before(h[down].at) {
			down++
		}
		if down >= len(h) || !h[down].at.Before(x.at) {
			h[i] = x
			break
		}
		h[i] = h[down]
		i = down
	}
	*e = h
	return first
}

func newWorld(t *testing.T, seed uint64, ceiling, rate int) *world {
	t.Logf("seed %d", seed)
	w := &world{t: t, rng: rand.New(rand.NewPCG(seed, 0)), start: time.Unix(1_800_000_000, 0)}
	w.handover = time.Millisecond / 5 // to a worker
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
			if x := w.events.pop(); x.began.IsZero() {
				w.send()
			} else {
				w.answer(x)
			}
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
		w.sent++
		w.starts = append(w.starts, w.now.Sub(w.start))
		w.events.push(event{at: w.now.Add(time.Duration(w.rng.Float64() * float64(w.handover)))})
	}
}

// send lets a send arrive at WeChat.
func (w *world) send() {
	x := event{began: w.now, place: true}
	took := w.latency()
	if w.slowBeyond > 0 && w.inFlight > w.slowBeyond {
		took = time.Duration(float64(took) * float64(w.inFlight) / float64(w.slowBeyond))
	}
	beyond := w.limit > 0 && w.inFlight >= w.limit
	switch {
	case beyond || !w.token():
		x.answer, x.place = Bad, beyond && w.refuses == refusesHeld
		if w.refuses == refusesAtOnce {
			took = time.Duration(float64(refusesAtOnceT) * (0.5 + w.rng.Float64()))
		}
		if w.refusing > 0 {
			took = w.refusing
		}
	case w.rng.Float64() < w.busy:
		x.answer = Bad
		if w.refusing > 0 {
			took = w.refusing
		}
	case w.quotaUsed():
		x.answer = Silent
	}
	if x.place {
		w.inFlight++
	}
	x.at = w.now.Add(took)
	w.events.push(x)
}

// token takes one of perSecond, if there is one.
func (w *world) token() bool {
	if w.perSecond == 0 {
		return true
	}
	w.tokens = min(w.burst, w.tokens+w.perSecond*w.now.Sub(w.filled).Seconds())
	w.filled = w.now
	if w.tokens < 1 {
		return false
	}
	w.tokens--
	return true
}

func (w *world) answer(x event) {
	w.sent--
	if x.place {
		w.inFlight--
	}
	w.count(x.answer)
	if x.answer == Silent {
		end := w.now.Truncate(time.Minute).Add(time.Minute)
		w.pacer.QuotaSpent(end)
		w.pacer.PauseUntil(end.Add(time.Duration(w.rng.Float64() * float64(time.Second))))
	}
	w.pacer.Observe(x.answer, w.now.Sub(x.began), w.now)
}

func (w *world) quotaUsed() bool {
	if m := w.now.Unix() / 60; m != w.minute {
		w.minute, w.inMinute = m, 0
	}
	w.inMinute++
	return w.perMinute > 0 && w.inMinute > w.perMinute
}

func (w *world) count(a Answer) {
	for i := int(w.now.Sub(w.start) / (time.Second / 10)); len(w.tenths) <= i; {
		w.tenths = append(w.tenths, tally{})
	}
	s := &w.tenths[len(w.tenths)-1]
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
func (w *world) span(from, to int) tally { return w.tenth(10*from, 10*to) }

// tenth sums the tenths of a second from..to.
func (w *world) tenth(from, to int) (sum tally) {
	for _, s := range w.tenths[min(from, len(w.tenths)):min(to, len(w.tenths))] {
		sum.good += s.good
		sum.refused += s.refused
		sum.quota += s.quota
	}
	return sum
}

// refusedShare is the share of sends that were refused.
func (s tally) refusedShare() float64 {
	return float64(s.refused) / float64(max(1, s.good+s.refused+s.quota))
}
