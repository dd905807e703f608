package tokenclient

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Cause is why PHP was asked for a token; it is a metric label.
type Cause string

// The causes.
const (
	CauseFirst   Cause = "first"   // there was none
	CauseAge     Cause = "age"     // it was about to expire
	CauseExpired Cause = "expired" // it had expired
	CauseRefused Cause = "refused" // WeChat refused it
)

// ask asks PHP for the account's token in a goroutine of its own, so that a
// caller who gives up does not take the answer away from the others. The
// channel is closed when there is news. c.mu is held.
func (c *Client) ask(a *account, cause Cause) <-chan struct{} {
	a.asking = make(chan struct{})
	c.asks.Add(1)
	go func() {
		defer c.asks.Done()
		c.renew(a, cause)
	}()
	return a.asking
}

// renew asks, and asks once more if the answer is a token that was refused
// meanwhile without PHP being told.
func (c *Client) renew(a *account, cause Cause) {
	began := time.Now()
	c.mu.Lock()
	actID, rejected := a.actID, a.rejected
	c.mu.Unlock()
	for {
		g, err := c.fetch(actID, a.appID, rejected)
		c.mu.Lock()
		c.counts.Asks++
		taken := err == nil && a.take(g.token, g.life, c.o.MaxAge, began, time.Now())
		if err == nil && !taken && a.rejected != rejected {
			rejected = a.rejected
			c.mu.Unlock()
			continue
		}
		c.settle(a, cause, g, taken, err)
		c.mu.Unlock()
		return
	}
}

// settle ends an ask: the waiting are woken and look for themselves. c.mu is
// held.
func (c *Client) settle(a *account, cause Cause, g grant, taken bool, err error) {
	now := time.Now()
	log := c.o.Logger.With("appid", a.appID, "cause", string(cause))
	if taken {
		c.counts.Refreshes[cause]++
		if g.said != "" {
			log = log.With("said", c.redact(a, errors.New(g.said)).Error())
		}
		log.Info("token received", "token", fingerprint(g.token), "expires_in", g.life,
			"renew_in", a.current.renewAt.Sub(now).Round(time.Second))
	} else {
		if err == nil {
			err = errSameToken
		}
		c.counts.Failures++
		a.failed(c.redact(a, err), now)
		a.pause(c.rand, now)
		level := slog.LevelWarn
		if c.ctx.Err() != nil {
			level = slog.LevelDebug // the daemon stops
		}
		log.Log(context.Background(), level, "token endpoint gave no usable token",
			"error", a.lastErr, "retry_in", a.notBefore.Sub(now).Round(time.Millisecond))
	}
	close(a.asking)
	a.asking = nil
}
