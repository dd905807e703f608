// Package deferral knows when recipients may be sent to again whom WeChat asked
// to be left alone for a while.
//
// The ledger has who they are and how often they were put off (pushd.Person,
// Defers and Code). When they may be sent to is kept here alone, and after a
// crash the wait starts over, which is never too early.
package deferral

import (
	"sync"
	"time"

	"pushd"
)

// Kind is what WeChat asks to wait for, and so for how long.
type Kind int

// The two kinds.
const (
	Short Kind = iota // after CodeDuplicate: "duplicate in 60 seconds"
	Long              // after CodeTooFrequent: "too frequently, try later"
)

// The kinds' waits. WeChat says nothing of the longer one.
const (
	ShortWait = 61 * time.Second
	LongWait  = 30 * time.Minute
)

// How often a recipient is put off at most.
const (
	mostShort = 3
	mostLong  = 1
)

// Wait is for how long a recipient is left alone.
func (k Kind) Wait() time.Duration {
	if k == Long {
		return LongWait
	}
	return ShortWait
}

// Times is how often p was put off in this way. Both kinds share one byte of the
// ledger: its lower half counts the short ones, the upper half the long ones.
func (k Kind) Times(p pushd.Person) int {
	if k == Long {
		return int(p.Defers >> 4)
	}
	return int(p.Defers & 15)
}

// Spent says that p was put off in this way as often as may be.
func (k Kind) Spent(p pushd.Person) bool {
	if k == Long {
		return k.Times(p) >= mostLong
	}
	return k.Times(p) >= mostShort
}

// Next is what p.Defers becomes when p is put off once more. p is not Spent.
func (k Kind) Next(p pushd.Person) uint8 {
	if k == Long {
		return p.Defers + 1<<4
	}
	return p.Defers + 1
}

// GivenUp is how p stood before it was given up because its time would have come
// after the deadline, or it was put off too often; false for whoever failed for
// another reason.
func GivenUp(p pushd.Person) (before pushd.Person, ok bool) {
	kind := Short
	switch {
	case p.State != pushd.PersonFailed:
		return p, false
	case p.Code == pushd.CodeTooFrequent:
		kind = Long
	case p.Code != pushd.CodeDuplicate:
		return p, false
	}
	if p.State = pushd.Refused; kind.Times(p) == 0 {
		p.Defers = kind.Next(p)
	}
	return p, true
}

// Waits are the waits of one job. They are safe for concurrent use, once Begin
// has been called.
type Waits struct {
	mu                sync.Mutex
	shortAt, longAt   pushd.Time // not before
	anyShort, anyLong bool       // since the round began
	missed            bool       // some recipient's time would have come after the deadline
	behind            bool       // since the round began: some wait for the others
}

// Begin sets the waits of a job that was claimed at now. waited says that it
// has waited out a long deferral.
func (w *Waits) Begin(now pushd.Time, waited bool) {
	w.shortAt = now.Add(ShortWait)
	if !waited {
		w.longAt = now.Add(LongWait)
	}
}

// PutOff notes that a recipient was put off at now.
func (w *Waits) PutOff(k Kind, now pushd.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if k == Long {
		w.longAt, w.anyLong = now.Add(LongWait), true
	} else {
		w.shortAt, w.anyShort = now.Add(ShortWait), true
	}
}

// Turn is when a refused recipient is sent to.
type Turn int

// The turns, as a round sees them.
const (
	Now   Turn = iota
	Later      // in a later round
	Never      // their time would come after the deadline
)

// Suspects says which of those take part in a part of a round whom WeChat has refused
// with a code that may be about the job. The others are left behind.
type Suspects int

// The parts of a round, in their order. Where all have been refused before, those at
// the head of the list would stop it each time, and no one else be asked: so a sample
// comes before all.
const (
	NoSuspects Suspects = iota
	SomeSuspects
	AllSuspects
)

// sampled is which part of the suspects SomeSuspects takes.
const sampled = 8

// Round begins a part of a round: it returns what decides about the refused
// recipients, called in the order of the list. Of the suspects another sample is drawn
// by each draw.
func (w *Waits) Round(now, deadline pushd.Time, who Suspects, draw int64) func(pushd.Person) Turn {
	w.mu.Lock()
	defer w.mu.Unlock()
	shortAt, longAt, nth := w.shortAt, w.longAt, draw
	w.anyShort, w.anyLong, w.behind = false, false, false
	return func(p pushd.Person) Turn {
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case p.Code == pushd.CodeTooFrequent && Long.Times(p) > 0 && now < longAt:
			if longAt >= deadline {
				w.missed = true
				return Never
			}
			w.anyLong = true
			return Later
		case p.Code == pushd.CodeDuplicate && Short.Times(p) > 0 && now < shortAt:
			if shortAt >= deadline {
				w.missed = true
				return Never
			}
			w.anyShort = true
			return Later
		case who != AllSuspects && suspect(p):
			if nth++; who == SomeSuspects && nth%sampled == 0 {
				return Now
			}
			w.behind = true
			return Later
		}
		return Now
	}
}

// suspect says that p, who is refused, was so with a code that may be about the job:
// whoever was refused for their token or a quota has none, and those who are put off
// have one of two.
func suspect(p pushd.Person) bool {
	return p.State == pushd.Refused && p.Code != 0 && p.Code != pushd.CodeDuplicate && p.Code != pushd.CodeTooFrequent
}

// Behind says that this round has left recipients behind the others.
func (w *Waits) Behind() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.behind
}

// Waiting says that this round leaves a recipient to a later one.
func (w *Waits) Waiting() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.anyShort || w.anyLong
}

// Miss notes that a recipient was put off beyond the deadline.
func (w *Waits) Miss() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.missed = true
}

// Missed says that a recipient of the job was put off beyond the deadline.
func (w *Waits) Missed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.missed
}

// Next says when the next round can reach a recipient, and which wait that ends. any
// is false when this round leaves no recipient to a later one.
func (w *Waits) Next() (until pushd.Time, k Kind, any bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.anyShort:
		return w.shortAt, Short, true
	case w.anyLong:
		return w.longAt, Long, true
	}
	return 0, Short, false
}
