// Package breaker is the circuit breaker of a job. It notices that token,
// openids and template do not belong together before that has cost an account
// its followers: the codes it listens to are personal when they come now and then,
// and a mistake of the whole job when they come from everyone.
//
// It knows neither pages nor sends.
package breaker

import (
	"iter"
	"slices"

	"pushd"
)

const (
	// Size is how many suspects of one kind without a success stop a job which has
	// just begun.
	Size = 20
	// Window is over how many answers a share is judged, at any time.
	Window = 200
)

// Suspect is a recipient whose answer may be about the job.
type Suspect[K any] struct {
	Of    K // by which the caller finds them
	Code  int
	Cause pushd.Cause
	// Otherwise is the outcome if the job turns out to be right.
	Otherwise pushd.PersonState
	// Repeat says that the code may be WeChat's answer to a client_msg_id that it
	// knows, and so nothing about the job.
	Repeat bool
}

// Breaker watches the answers of one job. Suspects are held back until enough
// good answers stand behind them: until then the caller may send to them again.
// Its zero value is armed. Not for several goroutines at once.
type Breaker[K any] struct {
	proven  bool         // a success has come since it was armed
	armed   []Suspect[K] // suspects since it was armed, while not proven
	weight  [kinds]int   // how many of them count against the job
	others  int          // answers since it was armed that are about the person alone
	ring    [Window]sighting[K]
	next    int // ring position
	seen    int // answers in the ring
	suspect int // of them suspect
	failed  int // of them failures
	streak  int // FatalIfRepeated answers since the last success
}

type sighting[K any] struct {
	kind sightingKind
	held *Suspect[K]
}

type sightingKind uint8

const (
	sightingGood sightingKind = iota
	sightingSuspect
	sightingFailed
)

// kind is what a suspect's code may say of the job. The two are counted each for
// itself: followers who have left say nothing about the message.
type kind int

const (
	ofAccount kind = iota // that token, recipients and template do not belong together
	ofMessage             // that WeChat does not take the message, or anything else
	kinds
)

func kindOf(c pushd.Cause) kind {
	if c.Suspect() {
		return ofAccount
	}
	return ofMessage
}

// Proven says that a success has come since it was armed.
func (b *Breaker[K]) Proven() bool { return b.proven }

// Held is how many suspects of the kind that has the most count against a job that is
// not proven.
func (b *Breaker[K]) Held() int { return slices.Max(b.weight[:]) }

// Personal takes an answer that is about the recipient alone.
func (b *Breaker[K]) Personal() { b.others++ }

// Fatal takes a FatalIfRepeated answer, and says how many came since the last
// success.
func (b *Breaker[K]) Fatal() int {
	b.streak++
	return b.streak
}

// Arm makes the breaker distrust the job again: at its start and with every
// new token. It returns those whom the last token's answers made suspects and
// nothing cleared: they may be asked again.
func (b *Breaker[K]) Arm() (dropped []Suspect[K]) {
	b.proven = false
	dropped, b.armed, b.weight, b.others = b.armed, nil, [kinds]int{}, 0
	return dropped
}

// Success takes a success. It returns the suspects who turn out to be no more
// than recipients who can't receive, and those who are to be asked again: WeChat
// is known to refuse a valid template now and then.
func (b *Breaker[K]) Success() (released, again []Suspect[K]) {
	b.streak = 0
	if !b.proven {
		b.proven = true
		for _, s := range b.armed {
			if s.Cause == pushd.CauseTemplate { // never about a recipient
				again = append(again, s)
				continue
			}
			kind := sightingSuspect
			if s.Otherwise == pushd.PersonFailed {
				kind = sightingFailed
			}
			released = b.push(sighting[K]{kind, &s}, released)
		}
		b.armed, b.weight, b.others = nil, [kinds]int{}, 0
	}
	return b.push(sighting[K]{kind: sightingGood}, released), again
}

// Worst returns a suspect who has not merely unsubscribed, and was not answered as one
// who may have the message, while nothing has cleared the job: neither a success, nor
// more answers that are about the person alone, such as "not so soon again".
func (b *Breaker[K]) Worst() (worst Suspect[K], wrong bool) {
	n := 0
	for _, s := range b.armed {
		if s.Cause != pushd.CauseUnfollowed && !s.Repeat {
			worst = s
			n++
		}
	}
	return worst, !b.proven && n > 0 && n >= b.others
}

// Unknown returns the code that most of the armed suspects were refused with
// who have not merely unsubscribed, if it is none that speaks of an account
// that does not fit.
func (b *Breaker[K]) Unknown() (code int, ok bool) {
	counts, most, cause := map[int]int{}, 0, pushd.CauseNone
	for _, s := range b.armed {
		if s.Cause == pushd.CauseUnfollowed {
			continue
		}
		if counts[s.Code]++; counts[s.Code] > most {
			code, most, cause = s.Code, counts[s.Code], s.Cause
		}
	}
	return code, most > 0 && !cause.Suspect()
}

// OfRecipients says that all armed suspects were refused with codes that are about a
// recipient where the account fits.
func (b *Breaker[K]) OfRecipients() bool {
	for _, s := range b.armed {
		if s.Cause != pushd.CauseUnfollowed && s.Cause != pushd.CauseOpenID {
			return false
		}
	}
	return len(b.armed) > 0
}

// Only says that whoever is held back for a code that may be about the account is so
// for a cause that these are, and someone is.
func (b *Breaker[K]) Only(these func(pushd.Cause) bool) bool {
	any := false
	for s := range b.held() {
		if !s.Cause.Suspect() {
			continue
		}
		if any = true; !these(s.Cause) {
			return false
		}
	}
	return any
}

// Release lets go those who are held back for a cause that these are.
func (b *Breaker[K]) Release(these func(pushd.Cause) bool) (released []Suspect[K]) {
	b.armed = slices.DeleteFunc(b.armed, func(s Suspect[K]) bool {
		if !these(s.Cause) {
			return false
		}
		if released = append(released, s); !s.Repeat {
			b.weight[kindOf(s.Cause)]--
		}
		return true
	})
	for i := range b.ring {
		if h := b.ring[i].held; h != nil && these(h.Cause) {
			released = append(released, *h)
			b.ring[i].held = nil
		}
	}
	return released
}

// held are all who are held back.
func (b *Breaker[K]) held() iter.Seq[Suspect[K]] {
	return func(yield func(Suspect[K]) bool) {
		for _, s := range b.armed {
			if !yield(s) {
				return
			}
		}
		for _, s := range b.ring {
			if s.held != nil && !yield(*s.held) {
				return
			}
		}
	}
}

// Suspect takes a suspect answer, and says whether the job is to stop.
func (b *Breaker[K]) Suspect(s Suspect[K]) (released []Suspect[K], trip bool) {
	if !b.proven {
		b.armed = append(b.armed, s)
		if s.Repeat {
			return nil, false
		}
		k := kindOf(s.Cause)
		b.weight[k]++
		return nil, b.weight[k] >= Size
	}
	released = b.push(sighting[K]{sightingSuspect, &s}, nil)
	return released, b.seen == Window && b.suspect*2 >= Window
}

// Failure takes the failure of a recipient, and says whether failures have become
// the rule.
func (b *Breaker[K]) Failure() (released []Suspect[K], trip bool) {
	released = b.push(sighting[K]{kind: sightingFailed}, nil)
	return released, b.seen == Window && b.failed*2 >= Window
}

// Flush lets everyone go who is still held back: the job has come to an end
// without a reason for distrust.
func (b *Breaker[K]) Flush() (released []Suspect[K]) {
	released = append(released, b.armed...)
	b.armed, b.weight = nil, [kinds]int{}
	for i := range b.ring {
		if h := b.ring[i].held; h != nil {
			released = append(released, *h)
			b.ring[i].held = nil
		}
	}
	return released
}

func (b *Breaker[K]) push(s sighting[K], released []Suspect[K]) []Suspect[K] {
	old := &b.ring[b.next]
	if b.seen == Window {
		b.count(old.kind, -1)
		if old.held != nil {
			released = append(released, *old.held)
		}
	} else {
		b.seen++
	}
	*old = s
	b.count(s.kind, 1)
	b.next = (b.next + 1) % Window
	return released
}

func (b *Breaker[K]) count(k sightingKind, by int) {
	switch k {
	case sightingSuspect:
		b.suspect += by
	case sightingFailed:
		b.failed += by
	}
}
