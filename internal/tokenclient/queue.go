package tokenclient

import (
	"fmt"
	"slices"
	"time"
)

const (
	// longestTurn is how long a caller waits for its account's turn. Whoever
	// waits longer is asked to come back: a job that parks gives its place in the
	// process to others, and its person hears why.
	longestTurn = 30 * time.Second
	// unwanted is how long an ask waits whose callers have all gone.
	unwanted = time.Minute
)

// enqueue lets the account's ask wait for its turn, and returns what is closed
// when there is news. c.mu is held.
func (c *Client) enqueue(a *account, cause Cause) <-chan struct{} {
	news := make(chan struct{})
	a.asking, a.cause = news, cause
	c.queue = append(c.queue, a)
	c.dispatch()
	return news
}

// dispatch begins the asks whose turn has come. c.mu is held.
func (c *Client) dispatch() {
	now := time.Now()
	for len(c.queue) > 0 && (c.turns.free() || c.ctx.Err() != nil) {
		a := c.next(now)
		if c.ctx.Err() != nil || !a.wants(now) {
			a.stopAsking()
			continue
		}
		c.turns.busy++
		a.inTurn = true
		c.ask(a)
	}
}

// next takes the most urgent account from the queue. c.mu is held.
func (c *Client) next(now time.Time) *account {
	first := 0
	for i, a := range c.queue {
		if a.before(c.queue[first], now) {
			first = i
		}
	}
	a := c.queue[first]
	c.queue = slices.Delete(c.queue, first, first+1)
	return a
}

// before says whether a is more urgent than b: who has nothing to send with
// before who has a token that still works, then by the job's deadline. Where no
// job has given one, a person waits for the answer.
func (a *account) before(b *account, now time.Time) bool {
	if works := a.works(now); works != b.works(now) {
		return !works
	}
	return a.due.Before(b.due)
}

// works says that the account has a token that is not over.
func (a *account) works(now time.Time) bool {
	return a.current.tok != "" && now.Before(a.current.deadAt)
}

// wants says that an ask is still of use: a token may have come with a job, and
// those who waited may have gone.
func (a *account) wants(now time.Time) bool {
	fresh := a.current.tok != "" && now.Before(a.current.renewAt)
	return !fresh && (a.callers > 0 || now.Sub(a.used) < unwanted)
}

// stopAsking ends the ask: who waited looks again. c.mu is held.
func (a *account) stopAsking() {
	close(a.asking)
	a.asking, a.inTurn = nil, false
}

// gone tells everybody in the queue that the endpoint does not answer, in place
// of letting each find out. c.mu is held.
func (c *Client) gone(now time.Time) {
	for _, a := range c.queue {
		c.putOff(a, now)
		a.stopAsking()
	}
	clear(c.queue)
	c.queue = c.queue[:0]
}

// putOff keeps the account from asking until after one request has shown whether
// the endpoint is back. c.mu is held.
func (c *Client) putOff(a *account, now time.Time) {
	a.failed(c.turns.err, now)
	a.notBefore = now.Add(spread(c.turns.until.Sub(now), c.rand))
}

// outOfPatience says, after a long wait, that the account's turn has not come
// yet; nil if it has. The ask keeps its place. c.mu is held.
func (c *Client) outOfPatience(a *account) error {
	if a.asking == nil || a.inTurn {
		return nil
	}
	return &Unavailable{RetryAfter: spread(firstPause, c.rand), Err: fmt.Errorf(
		"the token endpoint is slow: %d accounts wait for a token, and %d are asked for at a time (at most PUSHD_TOKEN_CONCURRENCY); this one has waited for %s and is asked for in its turn",
		len(c.queue), int(c.turns.limit), longestTurn)}
}

// Due says until when the account's job has to be done. Of the accounts that
// wait for the endpoint the one with the earliest deadline is asked for first.
func (c *Client) Due(appID string, deadline time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.account(appID, 0).due = deadline
}
