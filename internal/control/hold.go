package control

import (
	"cmp"
	"context"
	"errors"
	"time"

	"pushd"
)

// How long a hold is answered later, so that the answer can say that nothing is
// sent any more: a process hears of it within 300 ms, and then finishes what is
// in flight.
const (
	standstillFor   = 2 * time.Second
	standstillEvery = 50 * time.Millisecond
)

// Holding is a hold as it stands.
type Holding struct {
	// Hold is the hold that was asked for; nil if there is none.
	Hold *pushd.Hold
	// Existed says that it was there before it was set.
	Existed bool
	pushd.Standstill
	// All is the hold of everything, if there is one; it holds each account,
	// too.
	All *pushd.Hold
	// Accounts are the holds of accounts, where it was everything that was asked
	// about.
	Accounts []pushd.Hold
	// WentBack is how many jobs are held one by one because the ledger went
	// back; resuming or canceling such a job lifts that.
	WentBack int
}

// Hold stops the jobs of an account, or with "" all jobs, and keeps those from
// starting that come, until the hold is lifted. Setting it again changes nothing.
func (c *Controller) Hold(ctx context.Context, appID pushd.AppID, reason string) (Holding, error) {
	_, existed, err := c.book.SetHold(ctx, pushd.Hold{AppID: appID, Reason: reason, By: pushd.ActorOf(ctx)})
	if err != nil {
		return Holding{}, err
	}
	c.cfg.Workers.Wake()
	tick := time.NewTicker(standstillEvery)
	defer tick.Stop()
	for until := time.Now().Add(standstillFor); ; {
		h, err := c.Holding(ctx, appID)
		h.Existed = existed
		if err != nil || h.Stopping == 0 || !time.Now().Before(until) {
			return h, err
		}
		select {
		case <-ctx.Done(): // it is set all the same
			return h, nil
		case <-tick.C:
		}
	}
}

// Lift ends a hold, and makes the jobs under it due. Lifting none is no error.
func (c *Controller) Lift(ctx context.Context, appID pushd.AppID) (Holding, error) {
	if _, err := c.book.LiftHold(ctx, appID); err != nil && !errors.Is(err, pushd.ErrNotFound) {
		return Holding{}, err
	}
	c.cfg.Workers.Wake()
	return c.Holding(ctx, appID)
}

// Holding says what is held of an account, or with "" of everything, and how far
// its jobs have come to rest.
func (c *Controller) Holding(ctx context.Context, appID pushd.AppID) (Holding, error) {
	var h Holding
	all, err := c.book.Holds(ctx)
	if err != nil {
		return h, err
	}
	since := pushd.Time(1<<63 - 1) // no hold, so no jobs that ended since
	for _, one := range all {
		if one.AppID == appID {
			h.Hold, since = &one, min(since, one.Since)
		}
		if one.AppID == "" {
			h.All, since = &one, min(since, one.Since)
		} else if appID == "" {
			h.Accounts = append(h.Accounts, one)
		}
	}
	if h.Standstill, err = c.book.Standstill(ctx, appID, since); err != nil {
		return h, err
	}
	h.WentBack, err = c.book.CountHeld(ctx)
	return h, err
}

// wouldWait is what an estimate says of an account whose jobs wait; nil if they
// do not.
func (c *Controller) wouldWait(ctx context.Context, appID pushd.AppID) (*pushd.Problem, error) {
	h, err := c.Holding(ctx, appID)
	held := cmp.Or(h.All, h.Hold)
	if err != nil || held == nil {
		return nil, err
	}
	return &pushd.Problem{Code: pushd.ProblemCode(pushd.OnHold), Text: "the job would wait: " + held.Detail()}, nil
}
