package wechatsim

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// Stats counts what happened to an account.
type Stats struct {
	Sends       int64         // requests to message/template/send
	Delivered   int64         // messages that a follower got
	Repeated    int64         // sends recognised by their client_msg_id
	Pages       int64         // calls of user/get
	TagPages    int64         // calls of user/tag/get
	TokenCalls  int64         // calls of cgi-bin/token and stable_token
	PHPCalls    int64         // questions to the PHP token endpoint
	OtherCalls  int64         // templates, quota, QR codes, …
	InFlight    int64         // sends being served
	MaxInFlight int64         // the most there ever were
	FirstSend   time.Time     // when the first send arrived
	LastSend    time.Time     // when the newest send arrived
	LongestGap  time.Duration // longest time between two sends
	Codes       map[int]int64 // sends by the errcode they were answered with
	Broken      int64         // sends that got no proper answer
	Gone        int64         // sends whose caller left before the answer

	CallbacksMade int64 // events, those that come a second time and those to come later included
	Callbacks     int64 // events that the platform took
	CallbackFails int64 // events that it did not take at any try
	CallbackTries int64 // requests that this took
}

// counters keeps a Stats and tells those who wait for it.
type counters struct {
	mu      sync.Mutex
	t       Stats
	seconds []uint32
	waiters []*waiter
}

type waiter struct {
	done func(Stats) bool
	ch   chan struct{}
}

// change applies f to the stats.
func (c *counters) change(f func(*Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.t)
	c.wake()
}

// arrive counts a send; the second it came in is counted too.
func (c *counters) arrive(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.t.Sends == 0 {
		c.t.FirstSend = now
	}
	if c.t.Sends > 0 {
		c.t.LongestGap = max(c.t.LongestGap, now.Sub(c.t.LastSend))
	}
	c.t.Sends++
	c.t.LastSend = now
	c.t.InFlight++
	c.t.MaxInFlight = max(c.t.MaxInFlight, c.t.InFlight)
	second := max(0, int(now.Sub(c.t.FirstSend)/time.Second))
	for len(c.seconds) <= second {
		c.seconds = append(c.seconds, 0)
	}
	c.seconds[second]++
	c.wake()
}

// leave counts the end of a send.
func (c *counters) leave(end ending, code int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t.InFlight--
	switch end {
	case endGone:
		c.t.Gone++
	case endBroken:
		c.t.Broken++
	default:
		if c.t.Codes == nil {
			c.t.Codes = make(map[int]int64)
		}
		c.t.Codes[code]++
	}
	c.wake()
}

// wake is called with the lock held.
func (c *counters) wake() {
	if len(c.waiters) == 0 {
		return
	}
	c.waiters = slices.DeleteFunc(c.waiters, func(w *waiter) bool {
		if !w.done(c.t) {
			return false
		}
		close(w.ch)
		return true
	})
}

func (c *counters) stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.t
	t.Codes = maps.Clone(t.Codes)
	return t
}

func (c *counters) rates() []uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.seconds)
}

func (c *counters) wait(ctx context.Context, done func(Stats) bool) error {
	w := &waiter{done, make(chan struct{})}
	c.mu.Lock()
	if done(c.t) {
		c.mu.Unlock()
		return nil
	}
	c.waiters = append(c.waiters, w)
	c.mu.Unlock()
	select {
	case <-w.ch:
		return nil
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		c.waiters = slices.DeleteFunc(c.waiters, func(o *waiter) bool { return o == w })
		return ctx.Err()
	}
}
