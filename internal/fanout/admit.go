package fanout

import (
	"time"

	"pushd"
)

// lowWater is how few people may be ready before more are let in: twice as many as
// go while the record of the next is written. The fewer, the more people share
// a statement.
func (s *sender) lowWater() int {
	half := s.pacer.Limit() / 2
	if s.took == 0 || s.wrote >= s.took/4 {
		return half
	}
	return half * int(4*s.wrote/time.Microsecond) / int(s.took/time.Microsecond+1)
}

// admit lets people in until as many are in doubt as may be.
func (s *sender) admit() {
	if s.recording {
		return
	}
	n := min(len(s.backlog), max(0, 2*s.pacer.Limit()-s.live))
	if n == 0 {
		return
	}
	at := s.run.e.clock.Now()
	for _, t := range s.backlog[:n] {
		if t.askedAt == 0 {
			t.askedAt = at
		}
		again := t.reopened && t.ambiguous
		t.maybe = t.maybe || again
		if again || s.dedupExpired(t, at) && s.resends() {
			t.counted = true // in the ledger before it can happen
			t.sheet.counts.InDoubt++
		}
		t.sheet.admit(t)
		s.live++
	}
	s.admitted = append(s.admitted, s.backlog[:n]...)
	s.backlog = append(s.backlog[:0], s.backlog[n:]...)
}

// dedupExpired says that WeChat would take the next try of a person in doubt for
// a new message at now. It is asked at the last moment, for people may have
// waited long.
func (s *sender) dedupExpired(t *ticket, now pushd.Time) bool {
	age := now.Sub(t.askedAt)
	return t.ambiguous && (t.askedAt == 0 || age < -pushd.ClockSlack || age >= s.run.e.cfg.DedupWindow)
}

// resends says that recipients in doubt are sent to although WeChat would not
// recognise a repetition: by setting, or because a retry has accepted that.
func (s *sender) resends() bool {
	return s.run.e.cfg.Ambiguous != Unknown || s.run.job.Retry == pushd.AgainUnknown
}

// maySend decides about a person in doubt whom WeChat has forgotten: they are
// left, if that is the setting.
func (s *sender) maySend(t *ticket, now pushd.Time) bool {
	if s.resends() || !s.dedupExpired(t, now) {
		return true
	}
	code := int(t.sheet.people[t.index].Code)
	if code == 0 {
		code = pushd.CodeInDoubt
	}
	s.settle(t, pushd.PersonUnknown, code)
	return false
}

// markSent notes that a person is asked for now, and whether that may tell them
// twice.
func (s *sender) markSent(t *ticket, now pushd.Time) {
	if t.reopened {
		t.counted = false // from now on it may have happened
	}
	if s.dedupExpired(t, now) {
		t.ambiguous, t.maybe = false, true
		if !t.counted { // it got too old while it waited
			t.sheet.counts.InDoubt++
			t.sheet.dirty = true
		}
		t.counted = false
	}
	if !t.ambiguous {
		t.askedAt = now
	}
}
