package fanout

import (
	"context"
	"time"

	"pushd"
	"pushd/internal/account"
)

type tokenAnswer struct {
	token pushd.Token
	err   error
}

// look is what came of looking for a token newer than was.
type look struct {
	was pushd.Token
	tokenAnswer
}

// lookEvery is how often the sender looks for a token that was renewed by age.
const lookEvery = time.Second

// firstToken waits for a token, and for the message.
func (s *sender) firstToken(soft context.Context) error {
	select {
	case <-s.run.prepared:
	case <-soft.Done():
		return context.Cause(soft)
	}
	tok, err := s.run.e.cfg.Tokens.Token(soft, s.run.job.AppID, s.run.job.ActID)
	if err != nil {
		if soft.Err() != nil {
			return context.Cause(soft)
		}
		return parkForToken(s.run.e.clock.Now(), &account.NoToken{Err: err})
	}
	s.useToken(tok)
	return nil
}

// tokenRefused keeps the recipient and asks for another token, once for all.
func (s *sender) tokenRefused(d *delivery, tok pushd.Token) {
	d.Tries-- // not the recipient's doing
	if tok != s.token {
		s.again(d) // an answer from before the last renewal
		return
	}
	s.refused = append(s.refused, d)
	if s.asking || s.stop != nil {
		return
	}
	s.asking = true
	s.run.wg.Go(func() {
		next, err := s.run.e.cfg.Tokens.Refused(s.run.soft, s.run.job.AppID, s.run.job.ActID, tok)
		s.tokens <- tokenAnswer{next, err}
	})
}

// onToken takes the answer to the question for a token.
func (s *sender) onToken(a tokenAnswer) {
	s.asking = false
	if a.err != nil {
		if s.run.soft.Err() != nil {
			s.stopRound(context.Cause(s.run.soft))
		} else {
			s.stopRound(parkForToken(s.run.e.clock.Now(), &account.NoToken{Err: a.err}))
		}
		return
	}
	s.useToken(a.token)
	waiting := s.refused
	s.refused = nil
	for _, d := range waiting {
		s.again(d)
	}
}

// useToken sends with tok from now on.
func (s *sender) useToken(tok pushd.Token) {
	if tok == s.token {
		return
	}
	s.gated = s.token == "" // a renewal does not slow the sends down
	s.token = tok
	leave(s.breaker.Arm())
}

// pollToken asks, beside the sends, whether the token was renewed by age, so that
// nobody has to be refused for it.
func (s *sender) pollToken(now time.Time) {
	if s.looking || s.asking || s.stop != nil || now.Sub(s.lookAt) < lookEvery {
		return
	}
	s.looking, s.lookAt = true, now
	was := s.token
	s.run.wg.Go(func() {
		tok, err := s.run.e.cfg.Tokens.Token(s.run.soft, s.run.job.AppID, s.run.job.ActID)
		s.looked <- look{was, tokenAnswer{tok, err}}
	})
}

// onTokenPolled takes the answer to a look, unless a refusal was faster.
func (s *sender) onTokenPolled(l look) {
	s.looking = false
	if l.err == nil && l.was == s.token && !s.asking {
		s.useToken(l.token)
	}
}
