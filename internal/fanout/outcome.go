package fanout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pushd/internal/account"

	"pushd"
)

// The reasons why a round, and with it the work on a job, stops early.
var (
	errRelease = errors.New("the lease is given back")
	errMoved   = errors.New("the channel's start moved")
	errAgain   = errors.New("another round at once")
	errLater   = errors.New("another round when those who were put off may be asked")
)

// quotaSpent says that the day's quota is used up, with WeChat's code for it.
type quotaSpent struct{ code int }

func (q *quotaSpent) Error() string { return "the day's quota is used up" }

// errForgotten says that the ledger lacks what this claim has written: its
// database went back, by less than its counter shows. The job is given back; the
// next claim goes on from what the ledger has.
var errForgotten = fmt.Errorf("the ledger lacks what was written: %w", errRelease)

// ended stops the work for good.
type ended struct{ pushd.Ending }

func (e *ended) Error() string { return string(e.Reason) }

// parked stops the work for a while.
type parked struct{ pushd.Parking }

func (p *parked) Error() string { return string(p.Reason) }

// fatal makes the ending of an answer after which the job cannot go on.
func fatal(a pushd.Answer) error {
	return &ended{pushd.Ending{State: pushd.Failed, Reason: pushd.WeChatRefused,
		Detail: "WeChat refuses the job: " + a.Describe() + "; mend the cause, then POST with continue"}}
}

// unanswered turns why a call to the account came to nothing into what happens
// to the job.
func (r *run) unanswered(err error) error {
	var none *account.NoToken
	var refused *account.Refused
	switch now := r.e.clock.Now(); {
	case errors.As(err, &none):
		return parkForToken(now, none)
	case errors.As(err, &refused):
		return &parked{pushd.Parking{Reason: pushd.WeChatDown, Detail: refused.Error(), Until: now.Add(15 * time.Second)}}
	}
	return err
}

// parkForToken parks until asking for a token again can help.
func parkForToken(now pushd.Time, err *account.NoToken) error {
	if errors.Is(err, context.Canceled) {
		return errRelease
	}
	after := 5 * time.Second
	var te *pushd.TokenError
	if errors.As(err, &te) {
		after = te.RetryAfter
	}
	return &parked{pushd.Parking{Reason: pushd.TokenUnavailable, Detail: err.Error(), Until: now.Add(max(after, time.Second))}}
}
