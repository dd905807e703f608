package fanout

import (
	"context"
	"errors"

	"pushd"
	"pushd/internal/fanout/channelcheck"
)

// newChecker reads the channel of a run's job.
func (r *run) newChecker() *channelcheck.Checker {
	return &channelcheck.Checker{
		Ledger: r.e.cfg.Ledger, Retry: r.retry, Clock: r.e.clock, Grace: r.e.cfg.Grace, Job: r.job,
		Heard: r.hearQuiet, Waiting: r.waiting,
	}
}

// readChannel reads the channel, and ends the job if the platform has withdrawn
// the reminder. was is the start that the job is for, 0 where none is known yet.
func (r *run) readChannel(ctx context.Context, was int64) (pushd.Channel, error) {
	ch, err := r.channel.Read(ctx, was)
	return ch, endIfWithdrawn(err)
}

// startBeforeEnd has a job prepare again, or end, whose channel has moved its start
// since it was read last.
func (r *run) startBeforeEnd(ctx context.Context) error {
	moved, err := r.channel.MovedBeforeEnd(ctx, r.job.StartTime)
	if err != nil || !moved {
		return endIfWithdrawn(err)
	}
	r.log.Info("the channel's start moved; preparing again")
	return errMoved
}

// endIfWithdrawn turns that the platform has withdrawn a reminder into the end of
// its job.
func endIfWithdrawn(err error) error {
	var w *channelcheck.Withdrawn
	if errors.As(err, &w) {
		return &ended{w.Ending}
	}
	return err
}
