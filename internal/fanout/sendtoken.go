package fanout

import (
	"context"
	"time"

	"pushd"
	"pushd/internal/account"
)

// pollEvery is how often the sender looks for a token that was renewed by age.
const pollEvery = time.Second

// sendToken is the token that a round sends with, and what is asked for in its
// place. Two questions may be under way, each in a goroutine of its own that
// answers by a channel: for another token, since WeChat refused this one; and
// beside the sends whether there is a newer one. The first outranks the second.
type sendToken struct {
	current pushd.Token
	works   pushd.Token // the token that is known to work
	before  pushd.Token // the one before current, if it has delivered nothing
	gated   bool        // no more sends than the breaker's size until a success

	asking  bool        // for another, since current was refused
	refused []*delivery // they wait for it
	answers chan tokenAnswer

	polling  bool
	polledAt time.Time
	polls    chan polledToken
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

func newSendToken() sendToken {
	return sendToken{answers: make(chan tokenAnswer, 1), polls: make(chan polledToken, 1)}
}

// use takes tok for the token from now on, and says whether it is another one.
func (t *sendToken) use(tok pushd.Token) bool {
	if tok == t.current {
		return false
	}
	t.gated = t.current == "" // a renewal does not slow the sends down
	if t.before = t.current; t.proven() {
		t.before = ""
	}
	t.current = tok
	return true
}

// delivered notes that current has delivered something, and says whether that is
// the first of it.
func (t *sendToken) delivered() bool {
	first := t.works != t.current
	t.gated, t.works = false, t.current
	return first
}

// proven says that current has delivered something.
func (t *sendToken) proven() bool { return t.works == t.current }

// asked takes the deliveries that have waited for another token.
func (t *sendToken) asked() []*delivery {
	waiting := t.refused
	t.asking, t.refused = false, nil
	return waiting
}

// pollDue says that it is time to look for a newer token, and notes that it is
// done.
func (t *sendToken) pollDue(now time.Time) bool {
	if t.polling || t.asking || now.Sub(t.polledAt) < pollEvery {
		return false
	}
	t.polling, t.polledAt = true, now
	return true
}

// polled takes what came of that. newer is false where there is none, or where a
// refusal was faster.
func (t *sendToken) polled(p polledToken) (newer bool) {
	t.polling = false
	return p.err == nil && p.was == t.current && !t.asking
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
	if tok != s.token.current {
		s.again(d) // an answer from before the last renewal
		return
	}
	s.token.refused = append(s.token.refused, d)
	if s.token.asking || s.stop != nil {
		return
	}
	s.token.asking = true
	s.run.wg.Go(func() {
		next, err := s.run.e.cfg.Tokens.Refused(s.run.soft, s.run.job.AppID, s.run.job.ActID, tok)
		s.token.answers <- tokenAnswer{next, err}
	})
}

// onToken takes the answer to that.
func (s *sender) onToken(a tokenAnswer) {
	if a.err != nil {
		s.token.asking = false
		s.stopRound(s.noToken(s.run.soft, a.err))
		return
	}
	s.useToken(a.token)
	for _, d := range s.token.asked() {
		s.again(d)
	}
}

// useToken sends with tok from now on. Whom the one before was refused for may
// get it with this one.
func (s *sender) useToken(tok pushd.Token) {
	before := s.token.current
	if s.token.use(tok) {
		if before != "" {
			s.run.happened(pushd.EventToken, "the sends go on with another access token")
		}
		leave(s.breaker.Arm())
	}
}

// pollToken looks, beside the sends, whether the token was renewed by age, so that
// no send has to be refused for it.
func (s *sender) pollToken(now time.Time) {
	if s.stop != nil || !s.token.pollDue(now) {
		return
	}
	was := s.token.current
	s.run.wg.Go(func() {
		tok, err := s.run.token(s.run.soft)
		s.token.polls <- polledToken{was, tokenAnswer{tok, err}}
	})
}

// onTokenPolled takes what came of that.
func (s *sender) onTokenPolled(p polledToken) {
	if s.token.polled(p) {
		s.useToken(p.token)
	}
}

// token is the account's token.
func (r *run) token(ctx context.Context) (pushd.Token, error) {
	return r.e.cfg.Tokens.Token(ctx, r.job.AppID, r.job.ActID)
}
