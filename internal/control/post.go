package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"pushd"
)

// Post asks for a reminder. Posting it again is safe: the answer is the job
// that is there, or a refusal that says why there will be none.
func (c *Controller) Post(ctx context.Context, req pushd.Request) (pushd.Outcome, error) {
	for range 5 { // a job may appear or end while we look
		out, err := c.post(ctx, req)
		if !errors.Is(err, pushd.ErrExists) && !errors.Is(err, pushd.ErrLost) {
			if err == nil {
				c.offer(req)
				c.cfg.Workers.Wake()
			}
			return out, err
		}
	}
	return pushd.Outcome{}, fmt.Errorf("post job of channel %d: it keeps changing", req.ActID)
}

// post decides by the channel and by the job that is there: a new job is
// created, an active one is answered with, an ended one goes on, or the request
// is refused. ErrExists and ErrLost: another request was faster, so look again.
func (c *Controller) post(ctx context.Context, req pushd.Request) (pushd.Outcome, error) {
	ch, now, err := c.channel(ctx, req)
	if err != nil {
		return pushd.Outcome{}, err
	}
	old, err := c.previous(ctx, req.ActID, ch.StartTime)
	differs := jobProblem(req, old, ch)
	switch {
	case err != nil:
		return pushd.Outcome{}, err
	case differs != nil:
		return pushd.Outcome{}, differs
	case old != nil && old.AppID != req.AppID:
		return pushd.Outcome{}, &pushd.Problem{Code: pushd.CodeAppIDMismatch, Field: "appid", Job: old,
			Text: fmt.Sprintf("the reminder is being sent for account %s", old.AppID)}
	case old != nil && old.State.Active() && ofAnotherStart(*old, ch):
		return c.supersede(ctx, *old)
	case old != nil && old.State.Active():
		return c.existing(ctx, req, *old)
	case old != nil && !req.Restart && old.Reason == pushd.StartMoved && !old.Notified, // the start has moved back to it
		old != nil && req.Continue && old.State != pushd.Succeeded:
		return c.resumeEnded(ctx, req, ch, *old, now)
	case old != nil && !req.Restart && !c.lapsed(*old, ch, now):
		return pushd.Outcome{}, endedProblem(old)
	case old == nil && !req.Restart && ch.Status != nil && *ch.Status == pushd.StatusDone: // by a job that is no more on record
		if err := c.doneBefore(ctx, ch); err != nil {
			return pushd.Outcome{}, err
		}
	}
	return c.create(ctx, req, ch, old, now)
}

// jobProblem refuses to continue or restart another job than the one that a person
// has seen: its start may have moved since, or it was started again. A job at work is
// answered with, whichever it is: it may be what an earlier try of this POST has made.
func jobProblem(req pushd.Request, old *pushd.Job, ch pushd.Channel) error {
	switch {
	case req.Job == "":
		return nil
	case old == nil || old.State.Active() && ofAnotherStart(*old, ch):
		return &pushd.Problem{Code: pushd.CodeJobDiffers, Field: "job", Job: old, Text: fmt.Sprintf(
			"job %s is not of the channel's reminder any more: its start has moved, and the reminder of the new start is a new one", req.Job)}
	case old.ID != req.Job && old.State.Ended():
		return &pushd.Problem{Code: pushd.CodeJobDiffers, Field: "job", Job: old, Text: fmt.Sprintf(
			"the reminder's newest job is %s, which ended %s, and not %s any more; look at that one", old.ID, old.State, req.Job)}
	}
	return nil
}

// ofAnotherStart says that the channel asks for another reminder than a job's: the
// platform has moved the start and put the status back to 0, or has moved it after
// the job's reminder was sent.
func ofAnotherStart(job pushd.Job, ch pushd.Channel) bool {
	return ch.AsksAgain(job.StartTime) || job.Notified && ch.MovedFrom(job.StartTime)
}

// channel reads the channel and checks that the request fits it.
func (c *Controller) channel(ctx context.Context, req pushd.Request) (pushd.Channel, pushd.Time, error) {
	ch, err := c.book.Channel(ctx, req.ActID)
	if err != nil {
		return ch, 0, channelProblem(err, req.ActID)
	}
	if ch.AppID != "" && ch.AppID != req.AppID {
		return ch, 0, &pushd.Problem{Code: pushd.CodeAppIDMismatch, Field: "appid",
			Text: fmt.Sprintf("channel %d belongs to account %s", req.ActID, ch.AppID)}
	}
	now, err := c.book.Now(ctx)
	return ch, now, err
}

// previous is the job that decides about a POST: the channel's active one,
// else the newest of the reminder; nil if there is none. Where no start tells one
// reminder from the next it is the channel's newest: a start that is not known any
// more asks for nothing new.
func (c *Controller) previous(ctx context.Context, id pushd.ActID, start int64) (*pushd.Job, error) {
	job, err := c.book.Active(ctx, id)
	switch {
	case errors.Is(err, pushd.ErrNotFound) && start == 0:
		job, err = c.book.Last(ctx, id)
	case errors.Is(err, pushd.ErrNotFound):
		job, err = c.book.Newest(ctx, id, start)
	}
	if errors.Is(err, pushd.ErrNotFound) {
		return nil, nil
	}
	return &job, err
}

// supersede ends a job whose channel has moved its start and asks for a
// reminder of the new one. The caller then looks again.
func (c *Controller) supersede(ctx context.Context, old pushd.Job) (pushd.Outcome, error) {
	_, err := c.book.Command(ctx, old.ID, pushd.Command{Kind: pushd.EventCanceled, From: pushd.ActiveStates, To: pushd.Canceled, Reason: pushd.StartMoved,
		Detail: "the channel's start moved, and a reminder of the new one was asked for"})
	if err == nil {
		err = pushd.ErrLost
	}
	return pushd.Outcome{}, err
}

// existing answers with the active job, if that sends what is asked for. Where it
// waits for a token and the request brings one, it goes on with that.
func (c *Controller) existing(ctx context.Context, req pushd.Request, job pushd.Job) (pushd.Outcome, error) {
	if names := req.Asked.Differs(job.Asked); len(names) > 0 {
		return pushd.Outcome{}, &pushd.Problem{Code: pushd.CodeMessageDiffers, Field: names[0], Job: &job, Text: fmt.Sprintf(
			"the job at work was asked to send something else: %s differs. To send this instead, pause the job, PATCH it with the new text and resume it: those who have the message are left alone", strings.Join(names, ", "))}
	}
	if p := audienceProblem(req, job); p != nil {
		return pushd.Outcome{}, p
	}
	if n := req.First; n != nil && *n > 0 && (job.First == 0 || job.First > *n) {
		return pushd.Outcome{}, &pushd.Problem{Code: pushd.CodeMessageDiffers, Field: "first", Job: &job, Text: fmt.Sprintf(
			"the job at work does not wait for a person after the first %d recipients; to have it so, cancel it and POST with restart: whoever has the message gets it again", *n)}
	}
	if job.State == pushd.Parked && req.AccessToken != "" && (job.Reason == pushd.TokenUnavailable || job.Reason == pushd.AccountMismatch) {
		c.offer(req)
		unparked, err := c.book.Command(ctx, job.ID, pushd.Command{Kind: pushd.EventResumed, From: []pushd.State{pushd.Parked}, Unpark: true, Recompose: true})
		if err == nil {
			job = unparked
		}
	}
	var err error
	if req.Force && !job.Forced { // also one that has not come to wait yet
		cmd := pushd.Command{Kind: pushd.EventChanged, From: pushd.ActiveStates, Force: true, Detail: "in spite of the brakes"}
		if job.State == pushd.Parked && job.Reason == pushd.InQuietHours {
			cmd.Kind = pushd.EventResumed
		}
		job, err = c.book.Command(ctx, job.ID, cmd)
	}
	return pushd.Outcome{Job: job, Existing: true}, err
}

// resumeEnded makes an ended job go on where it stopped.
func (c *Controller) resumeEnded(ctx context.Context, req pushd.Request, ch pushd.Channel, old pushd.Job, now pushd.Time) (pushd.Outcome, error) {
	deadline, err := c.mayBegin(req, ch, now)
	if err != nil {
		return pushd.Outcome{}, err
	}
	if p := audienceProblem(req, old); p != nil {
		return pushd.Outcome{}, p
	}
	if old.PurgedAt != 0 {
		return pushd.Outcome{}, &pushd.Problem{Code: pushd.CodeJobEnded, Job: &old,
			Text: "the job's recipients were removed after the retention time, so it can't go on; POST with restart to start again"}
	}
	cmd := pushd.Command{Kind: pushd.EventContinued, From: []pushd.State{pushd.Failed, pushd.Expired, pushd.Canceled}, To: pushd.Queued, Deadline: deadline, Force: req.Force, Recompose: true, Retry: again(pushd.AgainNobody)}
	if old.Reason == pushd.TooManyFailures || old.Counts.Sent == 0 { // what failed them is put right now
		cmd.Retry = again(pushd.AgainFailed)
	}
	if !req.Asked.Empty() {
		cmd.Asked = &req.Asked
	}
	if req.Rate != 0 {
		cmd.Rate = &req.Rate
	}
	req.Force = req.Force || req.Continue // which is a person's word, and the reminder was let through before
	job, err := c.braked(ctx, req, ch, &old, now, func(seen *pushd.Activity) (pushd.Job, error) {
		cmd.After = seen
		return c.book.Command(ctx, old.ID, cmd)
	})
	if err == nil {
		c.cfg.Workers.Follow(ctx, job)
	}
	return pushd.Outcome{Job: job}, err
}

// lapsed says that an ended job does not stand in the way of a new one: only
// where no start time tells one reminder from the next, the platform has put
// the status back to 0, and six hours have passed.
func (c *Controller) lapsed(old pushd.Job, ch pushd.Channel, now pushd.Time) bool {
	return ch.StartTime == 0 && ch.Status != nil && *ch.Status == pushd.StatusNotNotified &&
		now.Sub(old.FinishedAt) > 6*time.Hour
}

// endedProblem refuses a reminder whose job has ended.
func endedProblem(old *pushd.Job) *pushd.Problem {
	if old.State == pushd.Succeeded {
		return &pushd.Problem{Code: pushd.CodeAlreadyNotified, Job: old,
			Text: "this reminder was sent; POST with restart to send it to everyone again, or retry the job for those it failed to reach"}
	}
	return &pushd.Problem{Code: pushd.CodeJobEnded, Job: old, Text: fmt.Sprintf(
		"the job ended %s (%s: %s); POST with continue to go on where it stopped, or with restart to start again", old.State, old.Reason, old.Detail)}
}

// doneBefore refuses a reminder of which no job is known because the column says
// that it was sent, unless the 2 is that of the channel's last job, which was for
// another start.
func (c *Controller) doneBefore(ctx context.Context, ch pushd.Channel) error {
	last, err := c.book.Last(ctx, ch.ActID)
	switch {
	case err == nil && last.Notified && ch.StartTime != 0 && last.StartTime != ch.StartTime:
		return nil
	case err != nil && !errors.Is(err, pushd.ErrNotFound):
		return err
	}
	return &pushd.Problem{Code: pushd.CodeAlreadyNotified,
		Text: "live_notify_status is 2: this reminder was sent before; POST with restart to send it again"}
}

// create accepts a new job: the ledger writes it and live_notify_status in one
// transaction.
func (c *Controller) create(ctx context.Context, req pushd.Request, ch pushd.Channel, old *pushd.Job, now pushd.Time) (pushd.Outcome, error) {
	deadline, err := c.mayBegin(req, ch, now)
	if err != nil {
		return pushd.Outcome{}, err
	}
	job := pushd.Job{
		ID: pushd.NewJobID(), ActID: req.ActID, AppID: req.AppID, Audience: req.Audience.Or(ch.Audience), StartTime: ch.StartTime, State: pushd.Queued,
		Asked: req.Asked, Rate: req.Rate, First: first(req, ch), Forced: req.Force, Deadline: deadline, DeadlineAsked: req.Deadline != 0,
	}
	if err := c.mayList(ctx, job.ActID, job.Audience); err != nil {
		return pushd.Outcome{}, err
	}
	if old != nil {
		job.Run = old.Run + 1
	}
	if !req.Restart { // which asks to send to everyone again
		if err := c.holdBack(ctx, &job, ch); err != nil {
			return pushd.Outcome{}, err
		}
	}
	job, err = c.braked(ctx, req, ch, old, now, func(seen *pushd.Activity) (pushd.Job, error) {
		if seen == nil {
			return c.book.Create(ctx, job)
		}
		return c.book.CreateAfter(ctx, job, *seen)
	})
	if err == nil {
		c.cfg.Workers.Accepted()
	}
	return pushd.Outcome{Job: job}, err
}

// mayBegin checks what has to hold before anything is sent, and returns the
// deadline.
func (c *Controller) mayBegin(req pushd.Request, ch pushd.Channel, now pushd.Time) (pushd.Time, error) {
	switch {
	case ch.LiveNotify != nil && !*ch.LiveNotify:
		return 0, &pushd.Problem{Code: pushd.CodeReminderOff, Text: "the channel's reminder is switched off (live_notify = 0)"}
	case ch.ConfigEnabled != nil && !*ch.ConfigEnabled:
		return 0, &pushd.Problem{Code: pushd.CodeOwnerDisabled, Text: "the owner has switched live subscription off (user_wx_config.status = 0)"}
	}
	deadline := pushd.DefaultDeadline(ch.StartTime, now, c.cfg.Grace)
	if req.Deadline != 0 {
		deadline = pushd.Time(req.Deadline * 1e6)
	}
	if deadline <= now {
		return 0, tooLate(deadline, nil, "send a later deadline to send it all the same")
	}
	if quiet := ch.Brakes.Or(c.cfg.Brakes).Quiet; quiet != nil && !req.Force {
		if end := quiet.End(now, c.cfg.Location); end >= deadline {
			return 0, &pushd.Problem{Code: pushd.CodeQuietHours, NotBefore: end, Text: fmt.Sprintf(
				"no message leaves in the quiet hours %s, and the deadline comes before they end; POST with force to send it now", quiet)}
		}
	}
	return deadline, nil
}

// holdBack holds a job to be made if the ledger may have lost that its
// reminder was sent.
func (c *Controller) holdBack(ctx context.Context, job *pushd.Job, ch pushd.Channel) error {
	in, err := c.book.Installation(ctx)
	if err == nil && in.Lost.Covers(ch, in.Now, c.cfg.DedupWindow) {
		job.State, job.Reason = pushd.Paused, pushd.LedgerWentBack
		job.Detail = in.Lost.String() + ", and this reminder may have been sent then; " + pushd.HeldAdvice
	}
	return err
}

// offer hands on the token that came with the request.
func (c *Controller) offer(req pushd.Request) {
	if req.AccessToken != "" {
		c.cfg.Tokens.Offer(req.AppID, req.AccessToken, req.ExpiresIn)
	}
}
