// Package channelcheck reads the channel of a job that is under way: is its reminder
// still asked for, and for the same start? What would end the job, or have it
// prepare again, is read once more before it is believed: rows are away for seconds
// while they are replaced or imported, and a node of a cluster may answer with what
// was so some seconds ago.
package channelcheck

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pushd"
	"pushd/internal/lease"
	"pushd/internal/retry"
)

// For how long a reading must be the same before it is believed.
const (
	GoneFor = 10 * time.Second // a row that is not there
	OffFor  = 3 * time.Second  // a reminder or an owner that is switched off, a start that has moved
)

// lastLook is for how long an end waits for the channel.
const lastLook = 1500 * time.Millisecond

// Ledger is what is read.
type Ledger interface {
	// Channel reads a channel. See pushd.Channels.
	Channel(ctx context.Context, id pushd.ActID) (pushd.Channel, error)
	// Last returns the channel's newest job. See pushd.Notes.
	Last(ctx context.Context, id pushd.ActID) (pushd.Job, error)
}

// Withdrawn says that the job has to end, since the platform no longer asks for its
// reminder.
type Withdrawn struct{ pushd.Ending }

func (w *Withdrawn) Error() string { return string(w.Reason) }

// withdrawn makes it.
func withdrawn(why pushd.Reason, detail string) *Withdrawn {
	return &Withdrawn{pushd.Ending{State: pushd.Canceled, Reason: why, Detail: detail}}
}

// Checker reads the channel of one job.
type Checker struct {
	Ledger Ledger
	Retry  retry.Retrier
	Clock  *lease.Clock
	Grace  time.Duration // default deadline after the start
	Job    pushd.Job     // as it was claimed
	// Heard is called with each reading and its error, Waiting when the next is not
	// before a time.
	Heard   func(pushd.Channel, error)
	Waiting func(until time.Time)
}

// Read reads the channel. *Withdrawn: the job has to end.
//
// was is the start that the job is for, 0 where none is known yet. A start that
// has moved is the same for OffFor, and one for which there is no time left for
// retry.StaleFor.
func (c *Checker) Read(ctx context.Context, was int64) (pushd.Channel, error) {
	for first := time.Now(); ; {
		ch, err := c.now(ctx, was)
		wait := c.doubtful(ch, err, was)
		if time.Since(first) >= wait {
			return ch, err
		}
		c.Waiting(time.Now().Add(wait))
		if !retry.Sleep(ctx, min(OffFor, wait)) {
			return ch, context.Cause(ctx)
		}
	}
}

// doubtful is for how long a reading must be the same before it is believed; 0 at
// once.
func (c *Checker) doubtful(ch pushd.Channel, err error, was int64) time.Duration {
	var w *Withdrawn
	switch {
	case errors.As(err, &w) && w.Reason == pushd.ChannelGone:
		return GoneFor
	case errors.As(err, &w):
		return OffFor
	case err != nil || !ch.MovedFrom(was):
		return 0
	case !c.Job.DeadlineAsked && pushd.DefaultDeadline(ch.StartTime, c.Job.CreatedAt, c.Grace) <= c.Clock.Now():
		return retry.StaleFor
	}
	return OffFor
}

// now is Read of one moment.
func (c *Checker) now(ctx context.Context, was int64) (pushd.Channel, error) {
	var ch pushd.Channel
	err := c.Retry.Do(ctx, "read channel", func(ctx context.Context) (err error) {
		ch, err = c.Ledger.Channel(ctx, c.Job.ActID)
		return err
	})
	c.Heard(ch, err)
	if err == nil && ch.StartTime == 0 {
		ch.StartTime = was // it is not known any more, and has not moved
	}
	switch {
	case errors.Is(err, pushd.ErrNotFound):
		return ch, withdrawn(pushd.ChannelGone, fmt.Sprintf("channel %d is gone", c.Job.ActID))
	case ch.LiveNotify != nil && !*ch.LiveNotify:
		return ch, withdrawn(pushd.ReminderOff, "the channel's reminder was switched off (live_notify = 0)")
	case ch.ConfigEnabled != nil && !*ch.ConfigEnabled:
		return ch, withdrawn(pushd.OwnerDisabled, "the owner's live subscription was switched off (user_wx_config.status = 0)")
	case err == nil && ch.MovedFrom(was):
		err = c.mayFollow(ctx, ch, was, c.Retry.Patiently)
	}
	return ch, err // of a row that can't be used, ch has what could be read
}

// MovedBeforeEnd looks whether the start has moved since the channel was read
// last: a job that ends for the start of half a minute ago would leave that of
// now without a reminder. *Withdrawn: that is another job's. Everyone has an
// outcome by then, so nothing else of the channel matters any more, and a read that
// fails is no reason to wait: the ledger looks at the start once more when it writes
// the end.
func (c *Checker) MovedBeforeEnd(ctx context.Context, was int64) (moved bool, err error) {
	short, cancel := context.WithTimeout(ctx, lastLook)
	defer cancel()
	ch, err := c.Ledger.Channel(short, c.Job.ActID)
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if err != nil || !ch.MovedFrom(was) {
		return false, nil
	}
	err = c.mayFollow(short, ch, was, once)
	var w *Withdrawn
	switch {
	case errors.As(err, &w):
		return true, err
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	}
	return err == nil, nil
}

// mayFollow says that a job has to end whose channel has moved its start, if that is
// another reminder: the platform asks for one, this one was sent already, or a newer
// job is for it. nil: the job follows, and becomes the reminder of the new start.
func (c *Checker) mayFollow(ctx context.Context, ch pushd.Channel, was int64, read reads) error {
	follows := !c.Job.Notified && !ch.AsksAgain(was)
	if follows {
		var last pushd.Job
		err := read(ctx, "read the channel's newest job", func(ctx context.Context) (err error) {
			last, err = c.Ledger.Last(ctx, c.Job.ActID)
			return err
		})
		if err != nil {
			return err
		}
		follows = last.ID == c.Job.ID
	}
	if follows {
		return nil
	}
	return withdrawn(pushd.StartMoved, "the channel's start moved, and its reminder is a new one; this job ended so that it can be sent")
}

// reads carries out a read of the ledger.
type reads func(ctx context.Context, what string, f func(context.Context) error) error

// once reads once.
func once(ctx context.Context, _ string, f func(context.Context) error) error { return f(ctx) }
