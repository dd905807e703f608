package fanout

import (
	"context"
	"errors"

	"pushd"
	"pushd/internal/compose"
)

// prepareErr maps a failed preparation to the end of the job.
func prepareErr(u *compose.Unprepared) error {
	return &ended{pushd.Ending{State: pushd.Failed, Reason: u.Reason, Detail: u.Detail + "; then POST with continue"}}
}

// prepare makes the job's message, unless an earlier claim already has for the same
// start. It runs beside the first page.
func (r *run) prepare(ctx context.Context) error {
	ch, err := r.readChannel(ctx, r.job.StartTime)
	p := r.job.Prepared
	if bad := pushd.BadChannel(err); bad != nil {
		ch.StartTime, err = p.StartTime, r.withBadChannel(bad)
	}
	if err != nil {
		return err
	}
	if p.Message == nil || p.StartTime != ch.StartTime {
		if p, err = r.render(ctx, ch); err != nil {
			return err
		}
		if err := r.retry.Do(ctx, "save message", func(ctx context.Context) (err error) {
			r.job.MessageVersion, err = r.e.cfg.Ledger.SaveMessage(ctx, r.job.Lease(), p)
			return err
		}); err != nil {
			return err
		}
		r.job.Prepared = p
		if p.StartTime != 0 {
			r.job.StartTime = p.StartTime
		}
		if p.Deadline != 0 { // unless a person set one meanwhile
			job, err := r.reload(ctx)
			if err != nil {
				return err
			}
			r.setDeadline(job.Deadline)
		}
	}
	r.letters = compose.NewLetters(p.Message, r.job.MsgID, r.e.cfg.Location)
	r.startTime.Store(p.StartTime)
	return nil
}

// render makes the message from what the job, the owner, the platform and
// WeChat know.
func (r *run) render(ctx context.Context, ch pushd.Channel) (pushd.Prepared, error) {
	src := compose.Source{Asked: r.job.Asked, Facts: compose.Facts{Channel: ch, Location: r.e.cfg.Location, Now: r.e.clock.Now()}}
	if err := src.LookUp(ctx, r.retry, r.e.cfg.Ledger, r.wechat); err != nil {
		return pushd.Prepared{}, r.unanswered(err)
	}
	m, err := src.Render()
	if err != nil {
		var u *compose.Unprepared
		errors.As(err, &u)
		return pushd.Prepared{}, prepareErr(u)
	}
	var deadline pushd.Time
	if !r.job.DeadlineAsked && ch.StartTime != r.job.StartTime {
		deadline = pushd.DefaultDeadline(ch.StartTime, r.job.CreatedAt, r.e.cfg.Grace)
	}
	return pushd.Prepared{Message: m, StartTime: ch.StartTime, Deadline: deadline}, nil
}
