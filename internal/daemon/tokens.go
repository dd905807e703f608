package daemon

import (
	"context"
	"errors"
	"time"

	"pushd"
	"pushd/internal/tokenclient"
)

// tokens makes the token client what the engine needs: the client takes strings
// and has errors of its own.
type tokens struct{ c *tokenclient.Client }

func (t tokens) Token(ctx context.Context, app pushd.AppID, act pushd.ActID) (pushd.Token, error) {
	tok, err := t.c.Token(ctx, string(app), int64(act))
	return pushd.Token(tok), translate(err)
}

func (t tokens) Refused(ctx context.Context, app pushd.AppID, act pushd.ActID, tok pushd.Token) (pushd.Token, error) {
	next, err := t.c.Refused(ctx, string(app), int64(act), string(tok))
	return pushd.Token(next), translate(err)
}

func (t tokens) Doubted(ctx context.Context, app pushd.AppID, act pushd.ActID, tok pushd.Token) (pushd.Token, error) {
	next, err := t.c.Doubted(ctx, string(app), int64(act), string(tok))
	return pushd.Token(next), translate(err)
}

func (t tokens) Worked(app pushd.AppID, tok pushd.Token) { t.c.Worked(string(app), string(tok)) }

func (t tokens) Offer(app pushd.AppID, tok pushd.Token, expiresIn time.Duration) {
	t.c.Offer(string(app), string(tok), expiresIn)
}

func translate(err error) error {
	var u *tokenclient.Unavailable
	if errors.As(err, &u) {
		return &pushd.TokenError{RetryAfter: u.RetryAfter, Err: u.Err}
	}
	return err
}
