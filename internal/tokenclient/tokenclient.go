// Package tokenclient keeps the access tokens of the accounts: it asks the
// platform's token endpoint (PHP) for them, knows their age, and replaces the
// ones that WeChat refuses.
//
// It owns no token: PHP does. Nothing is stored, and no token, key or URL
// query reaches a log or an error. It knows nothing of WeChat; whoever sends
// says here which tokens worked and which were refused.
//
// The life of an account's token, see account.go:
//
//	none ── ask ──▶ current ── age ──▶ current, renewed beside the sends
//	                   │
//	                refused ──▶ the candidate, if a job brought one
//	                   └──────▶ ask PHP, once for all who were refused
//
// An ask that failed, or brought nothing that works, is followed by a pause
// of 5 to 60 seconds, or as long as PHP says, during which everybody who needs a
// token is asked at once to come back later.
//
// Asks wait for their turn here and not in PHP's queue, where they would time
// out: queue.go says whose turn it is, turns.go how many have theirs at once.
package tokenclient

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-resty/resty/v2"
)

// Options say how to reach the token endpoint. Zero values mean the defaults.
type Options struct {
	// URL is PHP's token endpoint; it may hold a query.
	URL string
	// Key is sent as a bearer token and in X-Pushd-Key; "" sends neither.
	Key string
	// MaxAge is when a token is renewed, counted from when pushd received
	// it, unless PHP gave a shorter life. Default 7000 s.
	MaxAge time.Duration
	// Timeout bounds one ask. Default 10 s.
	Timeout time.Duration
	// AtOnce is how many asks may be under way at most, for all accounts
	// together; it falls by itself while the endpoint is slow. Default 16.
	AtOnce int
	// AllowPlaintext permits http beyond loopback.
	AllowPlaintext bool
	// Seed makes the pauses between asks repeatable; any value will do.
	Seed uint64
	// Logger hears of new tokens (by fingerprint) and failed asks. Default
	// slog.Default().
	Logger *slog.Logger
	// Transport replaces the HTTP transport; for tests.
	Transport http.RoundTripper
}

// Unavailable says that there is no usable token now.
type Unavailable struct {
	// RetryAfter is how long it takes until asking again can help.
	RetryAfter time.Duration
	// Err says why, without any secret.
	Err error
}

func (e *Unavailable) Error() string { return e.Err.Error() }

func (e *Unavailable) Unwrap() error { return e.Err }

// Client keeps the tokens of all accounts; it is safe for concurrent use.
type Client struct {
	o        Options
	resty    *resty.Client
	endpoint atomic.Pointer[endpoint]
	ctx      context.Context // of the asks; ended by Close
	cancel   context.CancelFunc
	asks     sync.WaitGroup

	mu       sync.Mutex
	accounts map[string]*account
	queue    []*account // whose asks wait for their turn, in the order in which they came
	turns    turns
	swept    time.Time
	rand     *rand.Rand
	counts   Counts
}

// New makes a client; it asks nothing yet. Errors don't print the URL.
func New(o Options) (*Client, error) {
	if o.MaxAge < 0 || o.Timeout < 0 || o.AtOnce < 0 {
		return nil, errors.New("token client: max age, timeout and asks at once must not be negative")
	}
	if o.MaxAge == 0 {
		o.MaxAge = 7000 * time.Second
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.AtOnce == 0 {
		o.AtOnce = 16
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	e, err := parseEndpoint(o.URL, o.Key, o.AllowPlaintext)
	if err != nil {
		return nil, err
	}
	c := &Client{
		o:        o,
		resty:    newResty(o),
		accounts: make(map[string]*account),
		turns:    newTurns(o.AtOnce, o.Timeout),
		rand:     rand.New(rand.NewPCG(o.Seed, 0)),
		counts:   Counts{Refreshes: make(map[Cause]uint64)},
	}
	c.endpoint.Store(&e)
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c, nil
}

// SetEndpoint asks another address, or with another key, from now on. Whatever
// the one before has refused or left unanswered may be asked for at once.
func (c *Client) SetEndpoint(url, key string) error {
	e, err := parseEndpoint(url, key, c.o.AllowPlaintext)
	if err != nil {
		return err
	}
	// What is still to be answered by the one before may show its secrets.
	for _, s := range c.endpoint.Load().secrets {
		if !slices.Contains(e.secrets, s) {
			e.secrets = append(e.secrets, s)
		}
	}
	c.endpoint.Store(&e)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turns.lost, c.turns.pause, c.turns.until = 0, 0, time.Time{}
	for _, a := range c.accounts {
		a.wait, a.notBefore = 0, time.Time{}
	}
	return nil
}

// Close ends the asks in flight and waits for them. Calls after it find no
// token that was not there before.
func (c *Client) Close() {
	c.cancel()
	c.mu.Lock()
	c.dispatch() // no turn comes any more
	c.mu.Unlock()
	c.asks.Wait()
	c.resty.GetClient().CloseIdleConnections()
}

// Token returns the account's current token. It waits for PHP only if there
// is none or the one there is has expired; an ageing one is renewed beside
// the callers. actID may be 0. The error is an *Unavailable, or ctx's.
func (c *Client) Token(ctx context.Context, appID string, actID int64) (string, error) {
	patience := time.NewTimer(longestTurn)
	defer patience.Stop()
	for {
		c.mu.Lock()
		a := c.account(appID, actID)
		tok, news, err := c.need(a, time.Now())
		if news != nil {
			a.callers++
		}
		c.mu.Unlock()
		if news == nil {
			return tok, err
		}
		select {
		case <-news:
		case <-patience.C:
			err = errPatience
		case <-ctx.Done():
			err = fmt.Errorf("wait for a token: %w", context.Cause(ctx))
		}
		c.mu.Lock()
		a.callers--
		if errors.Is(err, errPatience) {
			err = c.outOfPatience(a)
		}
		c.mu.Unlock()
		if err != nil {
			return "", err
		}
	}
}

// Refused says that WeChat refused tok, and returns the token to go on with:
// at once if tok is not current any more or a candidate is there, else after
// one renewal for all who ask. The error is an *Unavailable, or ctx's.
func (c *Client) Refused(ctx context.Context, appID string, actID int64, tok string) (string, error) {
	c.mu.Lock()
	now := time.Now()
	a := c.account(appID, actID)
	if pause := a.refuse(tok, now); pause {
		a.pause(c.rand, 0, now)
	}
	c.mu.Unlock()
	return c.Token(ctx, appID, actID)
}

// Doubted asks PHP again although WeChat refused nothing: tok may be another
// account's, which PHP mixed up. It returns what PHP gives, which may be tok; or
// a candidate at once. The error is an *Unavailable, or ctx's.
func (c *Client) Doubted(ctx context.Context, appID string, actID int64, tok string) (string, error) {
	c.mu.Lock()
	a := c.account(appID, actID)
	if a.current.tok == tok {
		a.current = token{}
	}
	c.mu.Unlock()
	return c.Token(ctx, appID, actID)
}

// Worked says that WeChat accepted tok.
func (c *Client) Worked(appID, tok string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a := c.accounts[appID]; a != nil {
		a.worked(tok)
	}
}

// Offer takes a token that came with a job as a candidate; it is dropped if
// WeChat is known to have refused it. expiresIn is 0 when unknown.
func (c *Client) Offer(appID, tok string, expiresIn time.Duration) {
	if checkToken(tok) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.account(appID, 0).offer(tok, expiresIn, c.o.MaxAge, time.Now())
}

// need returns the account's token, or what to wait for, or why there is
// none. It lets PHP be asked where that is due. c.mu is held.
func (c *Client) need(a *account, now time.Time) (tok string, news <-chan struct{}, err error) {
	a.promote(now)
	cur := a.current
	switch {
	case cur.tok != "" && now.Before(cur.renewAt):
		return cur.tok, nil, nil
	case a.works(now):
		if a.asking == nil && c.mayAsk(a, now) && c.ctx.Err() == nil {
			c.enqueue(a, CauseAge)
		}
		return cur.tok, nil, nil
	case a.asking != nil:
		return "", a.asking, nil
	case c.ctx.Err() != nil:
		return "", nil, &Unavailable{RetryAfter: firstPause, Err: errClosed}
	}
	switch may := c.mayAsk(a, now); {
	case may && cur.tok != "":
		return "", c.enqueue(a, CauseExpired), nil
	case may && a.rejected != "":
		return "", c.enqueue(a, CauseRefused), nil
	case may:
		return "", c.enqueue(a, CauseFirst), nil
	case cur.tok != "":
		// Its time is over, but PHP gives no other, and only WeChat's
		// refusal is proof: PHP may have given too short a life.
		return cur.tok, nil, nil
	}
	return "", nil, &Unavailable{RetryAfter: a.notBefore.Sub(now), Err: a.lastErr}
}

// mayAsk says whether PHP may be asked for the account now. c.mu is held.
func (c *Client) mayAsk(a *account, now time.Time) bool {
	if now.Before(a.notBefore) {
		return false
	}
	if c.turns.gone(now) {
		c.putOff(a, now)
		return false
	}
	return true
}
