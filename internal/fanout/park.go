package fanout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pushd"
	"pushd/internal/account"
)

// parked stops the work for a while.
type parked struct{ pushd.Parking }

func (p *parked) Error() string { return string(p.Reason) }

// park is what parks the job until then. That the wait is in vain is said at
// once.
func (r *run) park(why pushd.Reason, detail string, until pushd.Time) error {
	if d := r.deadline(); until >= d {
		detail += fmt.Sprintf(". That is after the deadline %s: the message will not reach the rest", d.Std().Format(time.RFC3339))
	}
	return &parked{pushd.Parking{Reason: why, Detail: detail, Until: until}}
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
