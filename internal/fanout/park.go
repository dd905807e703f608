package fanout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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

// log says that the job waits.
func (p *parked) log(log *slog.Logger) {
	if p.Pause {
		log.Info("job paused", "reason", p.Reason, "detail", p.Detail)
		return
	}
	log.Warn("job parked", "reason", p.Reason, "detail", p.Detail, "until", p.Until.Std())
}

// pauseAfterFirst pauses a job that has attempted its first recipients; refused is
// with what WeChat has refused those of them who have no outcome, "" if there are
// none.
func (r *run) pauseAfterFirst(ctx context.Context, refused string) error {
	j, err := r.reload(ctx)
	if err != nil {
		return err
	}
	if refused != "" {
		refused = " No recipient is known to have got it. " + refused + " Those are asked again, behind the rest."
	}
	c := j.Counts
	return &parked{pushd.Parking{Pause: true, Reason: pushd.FirstReached, Detail: fmt.Sprintf(
		"of the first %d recipients: sent %d, skipped %d, failed %d, unknown %d.%s Resume the job to send to the rest, or correct its message, or cancel it",
		j.First, c.Sent, c.Skipped, c.Failed, c.Unknown, refused)}}
}

// firstRefused says that WeChat refuses the first recipients, of whom a person wants to
// see what comes of them, with a code that is not known: it may be about them or
// about the message.
type firstRefused struct{ code int }

func (e *firstRefused) Error() string { return e.String() }

func (e *firstRefused) String() string {
	return fmt.Sprintf("WeChat refuses it with %d: it may be the message, or those recipients.", e.code)
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
