package fanout

import (
	"context"
	"fmt"
	"time"

	"pushd"
	"pushd/internal/fanout/deferral"
	"pushd/internal/retry"
)

// maxFruitless is how many rounds in a row may leave recipients over for no
// known reason before the ledger counts as damaged. The pauses between them
// grow, to some 30 s in all: long enough for a node of the database that lags.
const maxFruitless = 6

// reconcile asks the ledger whether everyone is accounted for. nil means
// that another round is due now.
func (r *run) reconcile(ctx context.Context) error {
	if r.unproven {
		r.unproven = false
		return r.prove(ctx)
	}
	job, err := r.reload(ctx)
	if err != nil {
		return err
	}
	walk, _, _ := r.frontier.Look()
	left := walk.Walked - job.Counts.Settled()
	if left == 0 && job.Walk.Walked == walk.Walked {
		if err := r.startBeforeEnd(ctx); err != nil {
			return err
		}
		return verdictOn(job)
	}
	if r.firstDone.Load() {
		return r.pauseAfterFirst(ctx, "")
	}
	until, kind, any := r.deferrals.Next()
	if !any {
		return r.leftOver(ctx, left, walk.Walked)
	}
	r.fruitless.rounds = 0
	if kind == deferral.Long {
		return r.park(pushd.WaitingDeferred, fmt.Sprintf("only recipients are left whom WeChat asked to try again later (%d)", pushd.CodeTooFrequent), until)
	}
	return r.sleep(ctx, r.e.clock.Until(until))
}

// fruitless counts the rounds in a row that settled no recipient, and left recipients
// over for no known reason.
type fruitless struct {
	rounds int
	left   int64
}

// count takes a round that left so many over, and says how many in a row settled
// none of them.
func (f *fruitless) count(left int64) int {
	if left != f.left {
		*f = fruitless{left: left}
	}
	f.rounds++
	return f.rounds
}

// leftOver takes a round that left recipients over for no known reason.
func (r *run) leftOver(ctx context.Context, left, walked int64) error {
	n := r.fruitless.count(left)
	if n > maxFruitless {
		return &ended{pushd.Ending{State: pushd.Failed, Reason: pushd.LedgerMismatch, Detail: fmt.Sprintf("%d recipients of %d have no outcome and can't be sent to", left, walked)}}
	}
	if n == 1 {
		return nil
	}
	return r.sleep(ctx, time.Duration(n-1)*2*time.Second)
}

// sleep waits on purpose, so that the job does not count as stuck.
func (r *run) sleep(ctx context.Context, d time.Duration) error {
	r.waiting(time.Now().Add(d))
	if !retry.Sleep(ctx, d) {
		return context.Cause(ctx)
	}
	return nil
}

// fewFailed is how many failures are too few to speak against a job.
const fewFailed = 10

// verdictOn is how a job ends in which everyone has an outcome. The breaker of
// the sends wants 200 answers before it judges; here, small jobs are judged by
// all they have: one that delivered nothing and in which a recipient failed, or in
// which half of those who could receive it failed, has not succeeded. Neither has
// one of which no delivery is known: those listed may not even be the account's.
func verdictOn(job pushd.Job) error {
	c := job.Counts
	reached := c.Sent + c.Unknown + c.Failed
	if c.Failed > 0 && c.Sent == 0 || c.Failed >= fewFailed && 2*c.Failed >= reached {
		return &ended{pushd.Ending{State: pushd.Failed, Reason: pushd.TooManyFailures, Detail: fmt.Sprintf(
			"%d of %d recipients who could receive the message failed, %d got it; see the failures, then POST with continue", c.Failed, reached, c.Sent)}}
	}
	if c.Sent == 0 && c.Unknown > 0 {
		return &ended{pushd.Ending{State: pushd.Failed, Reason: pushd.TooManyFailures, Detail: fmt.Sprintf(
			"no recipient is known to have got the message, and %d may have: their answers were lost; POST with restart to send it to everyone", c.Unknown)}}
	}
	return &ended{pushd.Ending{State: pushd.Succeeded}}
}
