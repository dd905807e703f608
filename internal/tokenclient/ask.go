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
// caller who gives up does not take the answer away from the others. c.mu is
// held.
func (c *Client) ask(a *account) {
	c.asks.Add(1)
	go func() {
		defer c.asks.Done()
		c.renew(a)
	}()
}

// renew asks, and asks once more if the answer is a token that was refused
// meanwhile without PHP hearing of it.
func (c *Client) renew(a *account) {
	first := time.Now()
	c.mu.Lock()
	actID, rejected := a.actID, a.rejected
	c.mu.Unlock()
	for {
		began := time.Now()
		said := c.fetch(actID, a.appID, rejected)
		c.mu.Lock()
		now := time.Now()
		c.counts.Asks++
		taken := said.err == nil && a.take(said.token, said.life, c.o.MaxAge, first, now)
		if said.err == nil && !taken && a.rejected != rejected {
			rejected = a.rejected
			c.turns.answered(began, now)
			c.mu.Unlock()
			continue
		}
		c.settle(a, said, taken, now)
		c.turns.busy--
		switch {
		case !said.lost && said.many:
			c.turns.fall(began, now)
		case !said.lost:
			c.turns.answered(began, now)
		case c.turns.unanswered(began, now, a.lastErr, c.rand):
			c.gone(now)
		}
		c.dispatch()
		c.mu.Unlock()
		return
	}
}

// settle ends an ask: the waiting are woken and look for themselves. c.mu is
// held.
func (c *Client) settle(a *account, said answer, taken bool, now time.Time) {
	log := c.o.Logger.With("appid", a.appID, "cause", string(a.cause))
	if taken {
		c.counts.Refreshes[a.cause]++
		if said.said != "" {
			log = log.With("said", c.redact(a, errors.New(said.said)).Error())
		}
		log.Info("token received", "token", fingerprint(said.token), "expires_in", said.life,
			"renew_in", a.current.renewAt.Sub(now).Round(time.Second))
	} else {
		err := said.err
		if err == nil {
			err = errSameToken
		}
		c.counts.Failures++
		a.failed(c.redact(a, err), now)
		a.pause(c.rand, said.after, now)
		level := slog.LevelWarn
		if c.ctx.Err() != nil {
			level = slog.LevelDebug // the daemon stops
		}
		log.Log(context.Background(), level, "token endpoint gave no usable token",
			"error", a.lastErr, "retry_in", a.notBefore.Sub(now).Round(time.Millisecond))
	}
	a.stopAsking()
}
