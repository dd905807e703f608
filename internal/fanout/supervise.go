package fanout

import (
	"context"
	"errors"
	"time"

	"pushd"
	"pushd/internal/retry"
)

// watch ends the work at its deadline, and when the platform withdraws the
// reminder or moves the start.
func (r *run) watch() {
	channel := time.NewTicker(channelEvery)
	defer channel.Stop()
	for {
		deadline := time.NewTimer(min(r.e.clock.Until(r.deadline()), time.Second))
		select {
		case <-r.soft.Done():
			deadline.Stop()
			return
		case <-deadline.C:
			if r.e.clock.Now() >= r.deadline() {
				r.stop(&ended{pushd.Ending{State: pushd.Expired, Reason: pushd.DeadlinePassed, Detail: "the deadline passed before the message had reached everyone; those whom it reached are counted"}})
				return
			}
		case <-channel.C:
			deadline.Stop()
			r.lookAtChannel(r.soft)
		}
	}
}

// lookAtChannel reads the channel once; a database that does not answer is
// asked again next time.
func (r *run) lookAtChannel(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, retry.StaleFor+5*time.Second)
	defer cancel()
	ch, err := r.readChannel(ctx, max(r.startTime.Load(), 0))
	var e *ended
	switch {
	case errors.As(err, &e):
		r.stop(err)
	case pushd.BadChannel(err) != nil:
		r.log.Warn("the channel can't be read; what is known of it stays", "err", err)
	case err == nil && r.startTime.Load() >= 0 && ch.StartTime != r.startTime.Load():
		r.log.Info("the channel's start moved; preparing again")
		r.moved()
	}
}

// order takes what a command has made of the job.
func (r *run) order(o pushd.Order) {
	if o.Epoch != r.job.Epoch {
		return
	}
	switch {
	case o.State == pushd.Running && !o.OnHold:
	default: // also queued: paused and resumed since we looked, so another job may have the account
		r.stop(errRelease)
		return
	}
	if o.Deadline != r.deadline() && o.Deadline != 0 {
		r.setDeadline(o.Deadline)
	}
	r.account.Pacer.SetRate(r.e.rateFor(o.Rate))
}
