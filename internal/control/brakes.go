package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"pushd"
	"pushd/internal/retry"
)

// A POST decides again where another job of the account was accepted meanwhile, or
// a node of the database lags behind.
const (
	decisions   = 40
	decideAgain = 10 * time.Millisecond // longer each time
)

// braked lets do accept a job if the brakes of its account allow another reminder
// now. seen is what do must not have been overtaken by; nil: no brake applies.
//
// The jobs that count are those of the ledger, and whoever accepts one says by
// which it has decided: of two POSTs in two processes one decides again. old is the
// job that there was. Where an equal POST has been faster, and a brake would forbid
// what it was given, that is ErrExists.
func (c *Controller) braked(ctx context.Context, req pushd.Request, ch pushd.Channel, old *pushd.Job, now pushd.Time, do func(seen *pushd.Activity) (pushd.Job, error)) (pushd.Job, error) {
	for n := range decisions {
		seen, err := c.mayFollow(ctx, req, ch, now)
		if _, refused := errors.AsType[*pushd.Problem](err); refused {
			is, failed := c.previous(ctx, req.ActID, ch.StartTime)
			if err = cmp.Or(failed, err); failed == nil && appeared(is, old) {
				err = pushd.ErrExists
			}
		}
		if err != nil {
			return pushd.Job{}, err
		}
		job, err := do(seen)
		if !errors.Is(err, pushd.ErrOvertaken) {
			return job, err
		}
		if !retry.Sleep(ctx, time.Duration(n)*decideAgain) {
			return pushd.Job{}, context.Cause(ctx)
		}
	}
	return pushd.Job{}, fmt.Errorf("post job of account %s: %w", req.AppID, pushd.ErrOvertaken)
}

// appeared says that a job is at work that was not, before.
func appeared(is, before *pushd.Job) bool {
	return is != nil && is.State.Active() && (before == nil || before.ID != is.ID || before.State.Ended())
}

// mayFollow is a problem if the brakes of the account allow no other reminder now;
// else what that was decided by, nil if no brake applies.
func (c *Controller) mayFollow(ctx context.Context, req pushd.Request, ch pushd.Channel, now pushd.Time) (*pushd.Activity, error) {
	b := newBrakes(ch.Brakes.Or(c.cfg.Brakes), c.cfg.Location)
	if req.Force || !b.any() {
		return nil, nil
	}
	seen, err := c.book.Activity(ctx, req.AppID, b.since(now))
	if err != nil {
		return nil, err
	}
	if p := b.refusal(seen, now); p != nil {
		return nil, p
	}
	return &seen, nil
}

// Braked says whether a brake of its account refuses the reminder of a channel now. It
// asks the database and no one else, and changes nothing.
func (c *Controller) Braked(ctx context.Context, id pushd.ActID) (bool, error) {
	ch, err := c.book.Channel(ctx, id)
	if err != nil {
		return false, err
	}
	now, err := c.book.Now(ctx)
	if err != nil {
		return false, err
	}
	req := pushd.Request{ActID: id, AppID: ch.AppID}
	if _, err = c.mayBegin(req, ch, now); err == nil {
		_, err = c.mayFollow(ctx, req, ch, now)
	}
	var p *pushd.Problem
	if !errors.As(err, &p) {
		return false, err
	}
	return p.Code == pushd.CodeTooSoon || p.Code == pushd.CodeTooManyToday || p.Code == pushd.CodeQuietHours, nil
}

// first is how many recipients a new job attempts before it waits for a person.
func first(req pushd.Request, ch pushd.Channel) int {
	if n := cmp.Or(req.First, ch.Brakes.First); n != nil {
		return *n
	}
	return 0
}

// brakes are those that apply to a POST.
type brakes struct {
	minGap time.Duration
	perDay int
	zone   *time.Location
}

func newBrakes(b pushd.Brakes, zone *time.Location) brakes {
	is := brakes{zone: zone}
	if b.MinGap != nil {
		is.minGap = *b.MinGap
	}
	if b.PerDay != nil {
		is.perDay = *b.PerDay
	}
	return is
}

func (b brakes) any() bool { return b.minGap > 0 || b.perDay > 0 }

// since is from when on the account's activity matters.
func (b brakes) since(now pushd.Time) pushd.Time {
	return min(b.midnight(now, 0), now.Add(-b.minGap))
}

// midnight is when the day of a time began, or some days after it.
func (b brakes) midnight(now pushd.Time, days int) pushd.Time {
	y, m, d := now.Std().In(b.zone).Date()
	return pushd.Time(time.Date(y, m, d+days, 0, 0, 0, 0, b.zone).UnixMicro())
}

// refusal is why no other reminder is accepted now; nil if one is.
func (b brakes) refusal(seen pushd.Activity, now pushd.Time) *pushd.Problem {
	if p := b.tooMany(seen, now); p != nil {
		return p
	}
	return b.tooSoon(seen, now)
}

// tooMany refuses a reminder beyond the number a day. A job counts on each day on
// which it may have sent: one that was accepted yesterday and has not ended counts
// today, too.
func (b brakes) tooMany(seen pushd.Activity, now pushd.Time) *pushd.Problem {
	today, begin := 0, b.midnight(now, 0)
	for _, job := range seen.Jobs {
		if job.Until == 0 || job.Until >= begin {
			today++
		}
	}
	if b.perDay == 0 || today < b.perDay {
		return nil
	}
	next := b.midnight(now, 1)
	return &pushd.Problem{Code: pushd.CodeTooManyToday, NotBefore: next, Text: fmt.Sprintf(
		"the account has had %d reminders today, and %d a day are allowed; the next is accepted from %s on, or with force at once", today, b.perDay, b.words(next))}
}

// tooSoon refuses a reminder within the gap after another one, or while another
// one is at work.
func (b brakes) tooSoon(seen pushd.Activity, now pushd.Time) *pushd.Problem {
	if b.minGap == 0 {
		return nil
	}
	var last pushd.JobActivity
	for _, job := range seen.Jobs {
		if job.Until == 0 {
			return &pushd.Problem{Code: pushd.CodeTooSoon, Text: fmt.Sprintf(
				"job %s of the account has not ended, and %s have to pass between two reminders; cancel it, or POST with force to send this one all the same", job.Job, b.minGap)}
		}
		if job.Until > last.Until {
			last = job
		}
	}
	next := last.Until.Add(b.minGap)
	if last.Until == 0 || next <= now {
		return nil
	}
	return &pushd.Problem{Code: pushd.CodeTooSoon, NotBefore: next, Text: fmt.Sprintf(
		"the account's last reminder, job %s, ended at %s, and %s have to pass between two; the next is accepted from %s on, or with force at once", last.Job, b.words(last.Until), b.minGap, b.words(next))}
}

func (b brakes) words(at pushd.Time) string { return at.Std().In(b.zone).Format(time.RFC3339) }
