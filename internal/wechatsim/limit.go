package wechatsim

import (
	"math"
	"sync"
	"time"
)

// Refusing is how a send beyond a hidden limit is refused: answered -1.
type Refusing string

// The ways in which a send is refused. WeChat does not say which is its own.
const (
	RefusesLate   Refusing = ""        // after the usual time; it takes no place
	RefusesHeld   Refusing = "held"    // after the usual time; it takes a place until then
	RefusesAtOnce Refusing = "at once" // in 5 ms; it takes no place
)

// atOnce is how long a refusal at once takes: a gateway's answer.
const atOnce = 5 * time.Millisecond

// LimitModel is a kind of hidden limit that WeChat may have; it documents
// none. A pace that is found must be good under all of them.
type LimitModel struct {
	Name string
	What string
	set  func(b *Behaviour, limit int)
}

// LimitModels are the known kinds. Each applies to the 80 to 120 ms that a
// send takes there, or to a time with the same middle and a long tail.
func LimitModels() []LimitModel {
	inFlight := func(r Refusing) func(*Behaviour, int) {
		return func(b *Behaviour, limit int) { b.InFlightLimit, b.Refusing = limit, r }
	}
	rate := func(saved time.Duration) func(*Behaviour, int) {
		return func(b *Behaviour, limit int) {
			b.SendsPerSecond = float64(limit) * modelRate
			b.SendsSaved = saved
		}
	}
	return []LimitModel{
		{"late", "in flight; the refused are answered in the usual time and take no place", inFlight(RefusesLate)},
		{"held", "in flight; the refused take a place until they are answered", inFlight(RefusesHeld)},
		{"at-once", "in flight; the refused are answered at once and take no place", inFlight(RefusesAtOnce)},
		{"rate", "a second, of which a tenth of a second's is saved up", rate(time.Second / 10)},
		{"rate-burst", "a second, of which a whole second's is saved up", rate(time.Second)},
		{"rate-strict", "a second, of which hardly anything is saved up", rate(10 * time.Millisecond)},
		{"queue", "in flight; beyond it all wait", func(b *Behaviour, limit int) { b.SlowBeyond = limit }},
		{"tail", "as late, and one answer in a hundred takes ten times as long", func(b *Behaviour, limit int) {
			b.InFlightLimit, b.Latency = limit, LongTail(modelTime, 10*modelTime)
		}},
	}
}

const (
	modelTime = 100 * time.Millisecond
	modelRate = float64(time.Second / modelTime) // sends a second by one place
)

// Apply sets b to the model with that many sends in flight, or with the rate
// that so many reach, and to the time that its sends take.
func (m LimitModel) Apply(b *Behaviour, limit int) {
	b.Latency = Uniform(modelTime*8/10, modelTime*12/10)
	b.InFlightLimit, b.Refusing, b.SendsPerSecond, b.SendsSaved, b.SlowBeyond = 0, RefusesLate, 0, 0, 0
	m.set(b, limit)
}

// PerSecond is how many sends the model lets through in a second.
func (m LimitModel) PerSecond(limit int) float64 {
	var b Behaviour
	m.Apply(&b, limit)
	return float64(limit) / b.Latency.mean().Seconds()
}

// mean is the distribution's mean.
func (l Latency) mean() time.Duration {
	if !l.tail {
		return (l.low + l.high) / 2
	}
	sigma := math.Log(float64(l.high)/float64(l.low)) / z99
	return time.Duration(float64(l.low) * math.Exp(sigma*sigma/2))
}

// tokenBucket lets SendsPerSecond through.
type tokenBucket struct {
	mu   sync.Mutex
	left float64
	at   time.Time // when left was right
}

// take says whether a send at now is within the rate, and counts it if so.
func (t *tokenBucket) take(b *Behaviour, now time.Time) bool {
	if b.SendsPerSecond <= 0 {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	most := max(1, b.SendsPerSecond*b.SendsSaved.Seconds())
	if now.After(t.at) { // those who come together are not in order
		t.left = min(most, t.left+b.SendsPerSecond*now.Sub(t.at).Seconds())
		t.at = now
	}
	if t.left < 1 {
		return false
	}
	t.left--
	return true
}

// enter takes a place for the send, if one beyond a hidden limit takes any.
// place is how many are in flight with it.
func (x *sending) enter() (place int64, beyond bool) {
	a, b := x.account, x.b
	place = a.inFlight.Add(1)
	beyond = b.InFlightLimit > 0 && place > int64(b.InFlightLimit) || !a.perSecond.take(b, x.now)
	if x.placed = !beyond || b.Refusing == RefusesHeld; !x.placed {
		a.inFlight.Add(-1)
	}
	return place, beyond
}

// leave gives the place back.
func (x *sending) leave() {
	if x.placed {
		x.account.inFlight.Add(-1)
	}
}
