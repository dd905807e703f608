// Package alarm brings to a webhook what operators have to know: it looks for
// what is worth a message, and brings each message there at least once.
//
// An alarm waits in the ledger from the moment that a process finds it, so none is
// lost with a process, and of several processes one sends it. Nothing waits for a
// webhook: it has a loop of its own, and a webhook that does not answer is asked
// more and more rarely.
package alarm

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"pushd"
)

const (
	lookEvery = 15 * time.Second // for what is worth an alarm
	sendEvery = 4 * time.Second  // at most one message in that time: chats take 20 a minute
	callFor   = 10 * time.Second // one call of the webhook, or of the ledger
	takenFor  = time.Minute      // longer than a call: until then no other process sends it
	batch     = 20               // alarms of one message at most
	keepFor   = 24 * time.Hour   // then an alarm is deleted; what still is so is sent again
	// seenTwice is at how many looks in a row a job is at risk until that is worth
	// an alarm: its rate may dip.
	seenTwice = 4

	firstPause = 10 * time.Second
	lastPause  = 10 * time.Minute
)

// Options are what a Courier is made of.
type Options struct {
	Ledger pushd.Alarms
	Hook   Hook // SetHook changes it
	// AtRisk lists the jobs of this process that will not be through by their
	// deadline; nil = none.
	AtRisk func() []pushd.Job
	// Ready says whether the tables may be worked on; nil = they may.
	Ready func() bool
	Log   *slog.Logger
	Rand  *rand.Rand // draws jitter; of this courier alone
}

// Courier finds alarms and sends them.
type Courier struct {
	Options
	hook   atomic.Pointer[Hook]
	client *http.Client
	risks  map[string]int // by key: at how many looks in a row; of Run alone
	sent   atomic.Uint64
	failed atomic.Uint64
}

// New makes a courier. It does nothing before Run.
func New(o Options) *Courier {
	if o.AtRisk == nil {
		o.AtRisk = func() []pushd.Job { return nil }
	}
	if o.Ready == nil {
		o.Ready = func() bool { return true }
	}
	c := &Courier{Options: o, client: newClient()}
	c.SetHook(o.Hook)
	return c
}

// SetHook sends what is sent from now on to another webhook, or signed by another
// secret.
func (c *Courier) SetHook(h Hook) { c.hook.Store(&h) }

// Messages is how many messages the webhook has taken, and how many calls of it
// have failed.
func (c *Courier) Messages() (sent, failed uint64) { return c.sent.Load(), c.failed.Load() }

// Run works until ctx ends.
func (c *Courier) Run(ctx context.Context) {
	defer c.client.CloseIdleConnections()
	var loops sync.WaitGroup
	loops.Go(func() { c.every(ctx, lookEvery, c.look) })
	loops.Go(func() { c.every(ctx, sendEvery, c.send) })
	loops.Wait()
}

func (c *Courier) every(ctx context.Context, d time.Duration, f func(context.Context) (done bool, err error)) {
	t := time.NewTicker(d)
	defer t.Stop()
	said := ""
	for {
		if c.Ready() {
			if done, err := f(ctx); done || err != nil && ctx.Err() == nil {
				said = c.say(said, err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// say logs what is wrong when that changes, and when it is over.
func (c *Courier) say(said string, err error) string {
	now := ""
	if err != nil {
		now = err.Error()
	}
	switch {
	case now == said:
	case now == "":
		c.Log.Info("alarms are sent again")
	default:
		c.Log.Warn("alarms can't be sent now; they wait in the ledger", "err", err)
	}
	return now
}

// look stores what is worth an alarm and was not sent yet.
func (c *Courier) look(ctx context.Context) (done bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, callFor)
	defer cancel()
	found, err := c.Ledger.FindAlarms(ctx)
	if err != nil {
		return false, err
	}
	if _, err := c.Ledger.RaiseAlarms(ctx, append(found, c.atRisk()...)); err != nil {
		return false, err
	}
	unsent, err := c.Ledger.ForgetAlarms(ctx, keepFor)
	if unsent > 0 {
		c.Log.Error("alarms were never sent and are given up", "alarms", unsent)
	}
	return true, err
}

// atRisk lists the alarms of jobs that have been at risk for a while.
func (c *Courier) atRisk() (alarms []pushd.Alarm) {
	risks := map[string]int{}
	for _, j := range c.AtRisk() {
		a := j.AtRisk("its rate is too low")
		risks[a.Key] = c.risks[a.Key] + 1
		if risks[a.Key] >= seenTwice {
			alarms = append(alarms, a)
		}
	}
	c.risks = risks
	return alarms
}

// send sends one message with what is due. done says that there was something.
func (c *Courier) send(ctx context.Context) (done bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*callFor)
	defer cancel()
	taken, err := c.Ledger.TakeAlarms(ctx, batch, takenFor)
	if err != nil || len(taken) == 0 {
		return false, err
	}
	n, err := c.post(ctx, taken)
	if err != nil {
		if perr := c.Ledger.PutOffAlarms(ctx, taken, c.pause(taken[0].Tries)); perr != nil {
			c.Log.Debug("alarms not put off; they come up again by themselves", "err", perr)
		}
		return false, err
	}
	if err := c.Ledger.AlarmsSent(ctx, taken[:n]); err != nil {
		return false, err // they are sent once more
	}
	return true, c.Ledger.PutOffAlarms(ctx, taken[n:], 0) // there was no room for them
}

// post sends a message with the first alarms, as many as it has room for.
func (c *Courier) post(ctx context.Context, alarms []pushd.Alarm) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, callFor)
	defer cancel()
	n, err = c.hook.Load().post(ctx, c.client, alarms, time.Now())
	if err != nil {
		c.failed.Add(1)
		return 0, err
	}
	c.sent.Add(1)
	return n, nil
}

// pause is how long after a failed try the next one comes.
func (c *Courier) pause(tries int) time.Duration {
	d := min(firstPause<<min(max(tries-1, 0), 10), lastPause)
	return d + time.Duration(c.Rand.Int64N(int64(d)/5))
}

// Try sends one message that says that it is a test, past the ledger.
func Try(ctx context.Context, h Hook) error {
	client := newClient()
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, callFor)
	defer cancel()
	_, err := h.post(ctx, client, []pushd.Alarm{{Key: "test", Kind: pushd.AlarmTest, Text: "this is a test; nothing is wrong"}}, time.Now())
	return err
}
