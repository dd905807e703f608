package fanout

import (
	"context"
	"time"

	"pushd"
	"pushd/internal/account"
)

// tokens are the answers to the two questions for a token, each of which a goroutine
// of its own asks, and who waits for the first.
type tokens struct {
	refused []*delivery // they wait for another token
	answers chan tokenAnswer
	polls   chan polledToken
}

func newTokens() tokens {
	return tokens{answers: make(chan tokenAnswer, 1), polls: make(chan polledToken, 1)}
}

// tokenAnswer is what came of asking for a token.
type tokenAnswer struct {
	token pushd.Token
	err   error
}

// polledToken is what came of looking for a token newer than was.
type polledToken struct {
	was pushd.Token
	tokenAnswer
}

// firstToken waits for a token, and for the message.
func (s *sender) firstToken(soft context.Context) error {
	select {
	case <-s.run.prepared:
	case <-soft.Done():
		return context.Cause(soft)
	}
	tok, err := s.run.token(soft)
	if err != nil {
		return s.noToken(soft, err)
	}
	s.useToken(tok)
	return nil
}

// noToken is why a round stops that got no token by err.
func (s *sender) noToken(soft context.Context, err error) error {
	if soft.Err() != nil {
		return context.Cause(soft)
	}
	return parkForToken(s.run.e.clock.Now(), &account.NoToken{Err: err})
}

// tokenRefused keeps the recipient and asks for another token, once for all.
func (s *sender) tokenRefused(d *delivery, tok pushd.Token) {
	d.Tries-- // not the recipient's doing
	if tok != s.token.Current() {
		s.again(d) // an answer from before the last renewal
		return
	}
	s.tokens.refused = append(s.tokens.refused, d)
	if s.token.Asking() || s.stop != nil {
		return
	}
	s.token.Ask()
	s.run.wg.Go(func() {
		next, err := s.run.e.cfg.Tokens.Refused(s.run.soft, s.run.job.AppID, s.run.job.ActID, tok)
		s.tokens.answers <- tokenAnswer{next, err}
	})
}

// onToken takes the answer to that.
func (s *sender) onToken(a tokenAnswer) {
	s.token.Answered()
	if a.err != nil {
		s.stopRound(s.noToken(s.run.soft, a.err))
		return
	}
	s.useToken(a.token)
	for _, d := range s.tokens.refused {
		s.again(d)
	}
	s.tokens.refused = nil
}

// useToken sends with tok from now on. Whom the one before was refused for may
// get it with this one.
func (s *sender) useToken(tok pushd.Token) {
	before := s.token.Current()
	if s.token.Use(tok) {
		if before != "" {
			s.run.happened(pushd.EventToken, "the sends go on with another access token")
		}
		leave(s.breaker.Arm())
	}
}

// pollToken looks, beside the sends, whether the token was renewed by age, so that
// no send has to be refused for it.
func (s *sender) pollToken(now time.Time) {
	if s.stop != nil || !s.token.PollDue(now) {
		return
	}
	was := s.token.Current()
	s.run.wg.Go(func() {
		tok, err := s.run.token(s.run.soft)
		s.tokens.polls <- polledToken{was, tokenAnswer{tok, err}}
	})
}

// onTokenPolled takes what came of that.
func (s *sender) onTokenPolled(p polledToken) {
	if newer := s.token.Polled(p.was); newer && p.err == nil {
		s.useToken(p.token)
	}
}

// token is the account's token.
func (r *run) token(ctx context.Context) (pushd.Token, error) {
	return r.e.cfg.Tokens.Token(ctx, r.job.AppID, r.job.ActID)
}
