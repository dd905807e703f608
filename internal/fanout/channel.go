package fanout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pushd"
	"pushd/internal/housekeeping"
	"pushd/internal/retry"
)

// A channel that looks withdrawn, or whose start has moved, is looked at again
// before that is believed: rows are away for seconds while they are replaced or
// imported, and a node of a cluster may answer with what was so some seconds ago.
const (
	goneFor = 10 * time.Second // a row that is not there
	offFor  = 3 * time.Second  // a reminder or an owner that is switched off, a start that has moved
)

// readChannel reads the channel, and ends the job if the platform has
// withdrawn the reminder.
//
// was is the start that the job is for, 0 where none is known yet. A start that
// has moved is the same for offFor, and one for which there is no time left for
// staleFor.
func (r *run) readChannel(ctx context.Context, was int64) (pushd.Channel, error) {
	for first := time.Now(); ; {
		ch, err := r.channelNow(ctx, was)
		wait := r.doubtful(ch, err, was)
		if time.Since(first) >= wait {
			return ch, err
		}
		r.waiting(time.Now().Add(wait))
		if !retry.Sleep(ctx, min(offFor, wait)) {
			return ch, context.Cause(ctx)
		}
	}
}

// doubtful is for how long a reading of the channel must be the same before it
// is believed; 0 at once.
func (r *run) doubtful(ch pushd.Channel, err error, was int64) time.Duration {
	var e *ended
	switch {
	case errors.As(err, &e) && e.Reason == pushd.ChannelGone:
		return goneFor
	case errors.As(err, &e):
		return offFor
	case err != nil || !ch.MovedFrom(was):
		return 0
	case !r.job.DeadlineAsked && pushd.DefaultDeadline(ch.StartTime, r.job.CreatedAt, r.e.cfg.Grace) <= r.e.clock.Now():
		return retry.StaleFor
	}
	return offFor
}

// channelNow is readChannel of one moment.
func (r *run) channelNow(ctx context.Context, was int64) (pushd.Channel, error) {
	var ch pushd.Channel
	err := r.retry.Do(ctx, "read channel", func(ctx context.Context) (err error) {
		ch, err = r.e.cfg.Ledger.Channel(ctx, r.job.ActID)
		return err
	})
	if err == nil {
		r.hearQuiet(ch)
	}
	switch {
	case errors.Is(err, pushd.ErrNotFound):
		return ch, &ended{pushd.Ending{State: pushd.Canceled, Reason: pushd.ChannelGone, Detail: fmt.Sprintf("channel %d is gone", r.job.ActID)}}
	case ch.LiveNotify != nil && !*ch.LiveNotify:
		return ch, &ended{pushd.Ending{State: pushd.Canceled, Reason: pushd.ReminderOff, Detail: "the channel's reminder was switched off (live_notify = 0)"}}
	case ch.ConfigEnabled != nil && !*ch.ConfigEnabled:
		return ch, &ended{pushd.Ending{State: pushd.Canceled, Reason: pushd.OwnerDisabled, Detail: "the owner's live subscription was switched off (user_wx_config.status = 0)"}}
	case err == nil && ch.MovedFrom(was):
		err = r.mayFollow(ctx, ch, was, r.retry.Patiently)
	}
	return ch, err // of a row that can't be used, ch has what could be read
}

// startBeforeEnd looks whether the start has moved since the channel was read
// last: a job that ends for the start of half a minute ago would leave that of
// now without a reminder. Everyone has an outcome by then, so nothing else of
// the channel matters any more, and a read that fails is no reason to wait: the
// ledger looks at the start once more when it writes the end.
func (r *run) startBeforeEnd(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, housekeeping.ColumnFor)
	defer cancel()
	ch, err := r.e.cfg.Ledger.Channel(short, r.job.ActID)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil || !ch.MovedFrom(r.job.StartTime) {
		return nil
	}
	err = r.mayFollow(short, ch, r.job.StartTime, once)
	var e *ended
	switch {
	case errors.As(err, &e):
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return nil
	}
	r.log.Info("the channel's start moved; preparing again")
	return errMoved
}

// mayFollow ends a job whose channel has moved its start, if that is another
// reminder: the platform asks for one, this one was sent already, or a newer job
// is for it. nil: the job follows, and becomes the reminder of the new start.
func (r *run) mayFollow(ctx context.Context, ch pushd.Channel, was int64, read reads) error {
	follows := !r.job.Notified && !ch.AsksAgain(was)
	if follows {
		var last pushd.Job
		err := read(ctx, "read the channel's newest job", func(ctx context.Context) (err error) {
			last, err = r.e.cfg.Ledger.Last(ctx, r.job.ActID)
			return err
		})
		if err != nil {
			return err
		}
		follows = last.ID == r.job.ID
	}
	if follows {
		return nil
	}
	return &ended{pushd.Ending{State: pushd.Canceled, Reason: pushd.StartMoved, Detail: "the channel's start moved, and its reminder is a new one; this job ended so that it can be sent"}}
}

// reads carries out a read of the ledger.
type reads func(ctx context.Context, what string, f func(context.Context) error) error

// once reads once.
func once(ctx context.Context, _ string, f func(context.Context) error) error { return f(ctx) }
