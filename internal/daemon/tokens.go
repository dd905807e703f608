package daemon

import (
	"context"
	"errors"
	"time"

	"pushd/internal/fanout"
	"pushd/internal/tokenclient"
)

// tokens makes the token client what the engine needs. The client knows
// nothing of the domain, so somebody has to speak both.
type tokens struct{ c *tokenclient.Client }

func (t tokens) Token(ctx context.Context, app fanout.AppID, act fanout.ActID) (fanout.Token, error) {
	tok, err := t.c.Token(ctx, string(app), int64(act))
	return fanout.Token(tok), translate(err)
}

func (t tokens) Refused(ctx context.Context, app fanout.AppID, act fanout.ActID, tok fanout.Token) (fanout.Token, error) {
	next, err := t.c.Refused(ctx, string(app), int64(act), string(tok))
	return fanout.Token(next), translate(err)
}

func (t tokens) Doubted(ctx context.Context, app fanout.AppID, act fanout.ActID, tok fanout.Token) (fanout.Token, error) {
	next, err := t.c.Doubted(ctx, string(app), int64(act), string(tok))
	return fanout.Token(next), translate(err)
}

func (t tokens) Worked(app fanout.AppID, tok fanout.Token) { t.c.Worked(string(app), string(tok)) }

func (t tokens) Offer(app fanout.AppID, tok fanout.Token, expiresIn time.Duration) {
	t.c.Offer(string(app), string(tok), expiresIn)
}

func translate(err error) error {
	var u *tokenclient.Unavailable
	if errors.As(err, &u) {
		return &fanout.TokenError{RetryAfter: u.RetryAfter, Err: u.Err}
	}
	return err
}
