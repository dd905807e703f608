package fanout

import (
	"errors"

	"pushd"
	"pushd/internal/breaker"
)

// place is where a recipient stands: whom the breaker holds back is found by it.
type place struct {
	sheet *sheet
	index int
}

type suspect = breaker.Suspect[place]

// release settles a suspect whom the breaker held back.
func (s *sender) release(sus suspect) {
	sus.Of.sheet.held--
	state := sus.Otherwise
	if state == pushd.PersonFailed && sus.Of.sheet.people[sus.Of.index].State == pushd.InDoubt {
		state = pushd.PersonUnknown
	}
	sus.Of.sheet.settle(sus.Of.index, state, sus.Code)
}

// judgeSuspects judges the suspects of a round that has sent to everyone. Where
// nobody was ever told and not all have merely unsubscribed, it is the job
// that is wrong, however few its recipients are. Where another token has delivered
// something, this one may be wrong: it has to show that it is the account's.
// While that is open, or others are to be asked again, the suspects are left to a
// later round.
func (s *sender) judgeSuspects() {
	sus, wrong := s.breaker.Worst()
	unproven := wrong && !s.run.listing.proven(s.token)
	wrong = wrong && !s.run.told.Load()
	switch {
	case wrong && s.run.deferrals.Waiting():
		s.drop()
	case wrong:
		s.stopRound(s.distrust(pushd.Answer{Code: sus.Code, Cause: sus.Cause}))
	case unproven:
		s.drop()
		s.run.unproven = true
	default:
		for _, sus := range s.breaker.Flush() {
			s.release(sus)
		}
	}
}

// drop leaves the suspects to a later round.
func (s *sender) drop() {
	for _, sus := range s.breaker.Arm() {
		sus.Of.sheet.held--
	}
}

// returnAll gives everyone back who has a ticket: those who may have been told
// stay in doubt, the others may be sent to again.
func (s *sender) returnAll() {
	s.releaseSuspects()
	for _, sh := range s.sheets {
		for _, t := range sh.live {
			if t.counted {
				sh.counts.InDoubt--
			}
			if t.ambiguous || t.maybe {
				sh.leave(t, int(sh.people[t.index].Code))
			} else {
				sh.settle(t.index, pushd.Refused, int(sh.people[t.index].Code))
			}
		}
		sh.fed, sh.queue = true, 0
	}
	s.live, s.backlog, s.ready, s.later, s.refused = 0, nil, nil, nil, nil
}

// releaseSuspects settles the suspects whom the breaker still holds back, when the round
// stops for a reason that says nothing about them: they need not be asked
// again. A job that ends, or does not fit its account, keeps them unsent.
func (s *sender) releaseSuspects() {
	var m *mismatch
	var e *ended
	if !s.breaker.Proven() || errors.As(s.stop, &m) || errors.As(s.stop, &e) {
		return
	}
	for _, sus := range s.breaker.Flush() {
		s.release(sus)
	}
}
