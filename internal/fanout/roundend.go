package fanout

import (
	"errors"

	"pushd"
	"pushd/internal/fanout/breaker"
	"pushd/internal/fanout/pagebuffer"
)

// suspect is a recipient whom the breaker holds back.
type suspect = breaker.Suspect[pagebuffer.Place]

// release settles suspects whom the breaker held back.
func release(suspects []suspect) {
	for _, sus := range suspects {
		sus.Of.Release(sus.Otherwise, sus.Code)
	}
}

// leave leaves suspects whom the breaker held back to a later round.
func leave(suspects []suspect) {
	for _, sus := range suspects {
		sus.Of.Return()
	}
}

// judgeSuspects judges the suspects of a round that has sent to everyone. Where
// nothing was ever delivered and not all have merely unsubscribed, it is the job
// that is wrong, however few its recipients are. Where another token has delivered
// something, this one may be wrong: it has to show that it is the account's.
// While that is open, or others wait to be sent to again, the suspects are left to
// a later round. Where others would have to wait beyond the deadline, WeChat has
// shown by them that it knows account and message; but perhaps by another token.
// Those who come behind the others are asked before anything is judged.
func (s *sender) judgeSuspects() {
	if s.ownToken() {
		release(s.breaker.Release(s.run.personal))
	}
	sus, wrong := s.breaker.Worst()
	unproven := wrong && !s.run.listing.Proven(s.token.Current())
	wrong = wrong && !s.run.delivered.Load()
	switch missed := s.run.deferrals.Missed(); {
	case wrong && (s.run.deferrals.Waiting() || s.run.deferrals.Behind()):
		leave(s.breaker.Arm())
	case wrong && !missed:
		s.stopRound(s.distrust(pushd.Answer{Code: sus.Code, Cause: sus.Cause}))
	case unproven:
		leave(s.breaker.Arm())
		s.run.unproven = true
	default:
		release(s.breaker.Flush())
	}
}

// returnAll ends all deliveries: who may have the message stays in doubt, the
// others may be sent to again.
func (s *sender) returnAll() {
	s.releaseSuspects()
	for _, page := range s.pages {
		page.ReturnAll()
	}
	s.live, s.backlog, s.ready, s.later, s.tokens.refused = 0, nil, nil, nil, nil
}

// releaseSuspects settles the suspects whom the breaker still holds back, when the
// round stops for a reason that says nothing about them: they need not be sent to
// again. A job that ends, or does not fit its account, keeps them unsent.
func (s *sender) releaseSuspects() {
	var m *mismatch
	var e *ended
	if !s.breaker.Proven() || errors.As(s.stop, &m) || errors.As(s.stop, &e) {
		return
	}
	release(s.breaker.Flush())
}
