package fanout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pushd"
)

// fakePHP is the owner of the token: it gives the one it holds, and gets
// another from WeChat when that was refused.
type fakePHP struct {
	w      *sim
	token  pushd.Token
	n      int
	down   time.Time // does not answer before
	stolen time.Time // gives another account's token before
	asks   int
}

// get answers the token endpoint; rejected is what the asker can't use.
func (h *fakePHP) get(rejected pushd.Token) (pushd.Token, error) {
	h.w.wechat.mu.Lock()
	defer h.w.wechat.mu.Unlock()
	h.asks++
	switch now := time.Now(); {
	case now.Before(h.down):
		return "", errors.New("500")
	case now.Before(h.stolen):
		return h.w.wechat.foreign, nil
	}
	if h.token != h.w.wechat.valid || rejected == h.token {
		h.renew()
	}
	return h.token, nil
}

// renew makes WeChat give a new token, which is the end of the old one.
func (h *fakePHP) renew() {
	h.n++
	h.token = pushd.Token(fmt.Sprintf("token-%d", h.n))
	h.w.wechat.valid = h.token
}

// fakeTokens are the tokens of one process.
type fakeTokens struct {
	p     *process
	turn  chan struct{} // one asks at a time
	token pushd.Token
}

func newFakeTokens(p *process) *fakeTokens { return &fakeTokens{p: p, turn: make(chan struct{}, 1)} }

func (t *fakeTokens) Token(ctx context.Context, _ pushd.AppID, _ pushd.ActID) (pushd.Token, error) {
	return t.change(ctx, "")
}

func (t *fakeTokens) Refused(ctx context.Context, _ pushd.AppID, _ pushd.ActID, tok pushd.Token) (pushd.Token, error) {
	return t.change(ctx, tok)
}

func (t *fakeTokens) Doubted(ctx context.Context, _ pushd.AppID, _ pushd.ActID, tok pushd.Token) (pushd.Token, error) {
	t.turn <- struct{}{}
	if t.token == tok {
		t.token = ""
	}
	<-t.turn
	return t.change(ctx, "")
}

// change returns a token that is not rejected.
func (t *fakeTokens) change(ctx context.Context, rejected pushd.Token) (pushd.Token, error) {
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { <-t.turn }()
	if t.token != rejected {
		return t.token, nil
	}
	if err := t.p.travel(ctx, 100*time.Millisecond); err != nil {
		return "", err
	}
	tok, err := t.p.w.php.get(rejected)
	if err == nil && tok == rejected {
		err = errors.New("the refused token again")
	}
	if err != nil {
		return "", &pushd.TokenError{RetryAfter: 5 * time.Second, Err: err}
	}
	t.token = tok
	return tok, nil
}

func (t *fakeTokens) Worked(pushd.AppID, pushd.Token)               {}
func (t *fakeTokens) Offer(pushd.AppID, pushd.Token, time.Duration) {}
