// Package outage tells WeChat's trouble from that of single recipients, by the
// answers to sends, and says for how long an account is left alone when it is
// WeChat's.
package outage

import (
	"time"

	"pushd"
)

// downAfter is how long WeChat gives no good answer, to several recipients,
// until it counts as down. The job then parks for a short while and gives its
// account and its place in the process away. The next claim probes: one send at
// a time, to one recipient after the other, for there are some to whom WeChat
// never answers well.
const (
	downAfter  = 3 * time.Second
	downPeople = 5
	probeEvery = 250 * time.Millisecond
	// Patience is how long the last few recipients of a job, too few to tell their
	// trouble from WeChat's, are tried when no answer is good.
	Patience = 2 * time.Minute
)

// Recipient is what is known of the bad answers to one recipient.
type Recipient struct {
	era   int       // of the last bad answer
	since time.Time // when the first came
}

// Restart takes the next one for the first.
func (r *Recipient) Restart() { r.since = time.Time{} }

// Watch watches the answers of a round. It is good for one account and one
// goroutine.
type Watch struct {
	lastGood time.Time // when the last good answer came, or the round began
	era      int       // rises with every good answer
	bad      int       // recipients with a bad answer since
	last     pushd.Answer
	unsent   bool // the last bad one says that not a byte was sent
	probing  bool // WeChat was down: one send at a time, until an answer is good
	probeAt  time.Time
}

// New watches a round that begins now. probing says that WeChat was down.
func New(now time.Time, probing bool) Watch {
	return Watch{lastGood: now, era: 1, probing: probing}
}

// Good takes a good answer.
func (w *Watch) Good(at time.Time) {
	w.lastGood, w.bad = at, 0
	w.era++
}

// Bad takes a bad answer to a recipient.
func (w *Watch) Bad(to *Recipient, a pushd.Answer, now time.Time) {
	if to.era != w.era {
		to.era = w.era
		w.bad++
	}
	if to.since.IsZero() {
		to.since = now
	}
	w.last, w.unsent = a, a.Code == pushd.CodeNotSent
}

// Last is the last bad answer.
func (w *Watch) Last() pushd.Answer { return w.last }

// Unsent says that of the last bad answer's send not a byte was sent.
func (w *Watch) Unsent() bool { return w.unsent }

// Few says that so many recipients are too few to say that WeChat is down.
func Few(live int) bool { return live < downPeople }

// Alone says that nothing tells a recipient's trouble from WeChat's, and that it
// is not yet time to give up.
func (w *Watch) Alone(to Recipient, now time.Time) bool {
	return !w.lastGood.After(to.since) && now.Sub(to.since) < Patience
}

// Found says that WeChat gives no good answer to any recipient. live is how many
// are being sent to, answered whether WeChat has ever answered the job's sends.
func (w *Watch) Found(now time.Time, live int, answered bool) bool {
	enough := downPeople
	if !answered || w.unsent {
		enough = max(1, min(enough, live)) // nothing has shown yet that WeChat answers others
	}
	return w.bad >= enough && now.Sub(w.lastGood) >= downAfter
}

// Probing says that WeChat was down, and that no answer has been good since: one
// send at a time.
func (w *Watch) Probing() bool { return w.probing }

// Recovered ends the probing.
func (w *Watch) Recovered() { w.probing = false }

// Started notes that a send was started; while WeChat is probed the next one has
// to wait.
func (w *Watch) Started(now time.Time) {
	if w.probing {
		w.probeAt = now.Add(probeEvery)
	}
}

// NextProbe is when the next send may start while WeChat is probed.
func (w *Watch) NextProbe() time.Time { return w.probeAt }
