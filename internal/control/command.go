package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pushd"
)

// Pause stops a job within a second; what is in flight is finished. The
// deadline runs on.
func (c *Controller) Pause(ctx context.Context, id pushd.JobID) (pushd.Job, error) {
	return c.command(ctx, id, pushd.Command{Kind: pushd.EventPaused, From: []pushd.State{pushd.Queued, pushd.Running, pushd.Parked, pushd.Paused}, To: pushd.Paused})
}

// Resume makes a paused job go on, and a parked one try now. Queued and running
// jobs need no resuming. After the deadline none goes on: it would end at once.
func (c *Controller) Resume(ctx context.Context, id pushd.JobID) (pushd.Job, error) {
	return c.command(ctx, id, pushd.Command{Kind: pushd.EventResumed, From: pushd.ActiveStates, Resume: true, InTime: true})
}

// Cancel ends a job for good; what is in flight is finished and counted.
func (c *Controller) Cancel(ctx context.Context, id pushd.JobID) (pushd.Job, error) {
	job, err := c.book.Job(ctx, id)
	if err == nil && job.State == pushd.Canceled {
		return job, nil
	}
	return c.command(ctx, id, pushd.Command{Kind: pushd.EventCanceled, From: pushd.ActiveStates, To: pushd.Canceled, Reason: pushd.CanceledByUser, Detail: "canceled by a person"})
}

// Patch changes a job's rate or deadline, or what a paused job sends.
func (c *Controller) Patch(ctx context.Context, id pushd.JobID, p pushd.Patch) (pushd.Job, error) {
	cmd := pushd.Command{Kind: pushd.EventChanged, From: pushd.ActiveStates, Rate: p.Rate}
	if p.Deadline != nil {
		cmd.Deadline = pushd.Time(*p.Deadline * 1e6)
		job, err := c.job(ctx, id)
		switch {
		case err != nil:
			return pushd.Job{}, err
		case job.State.Active() && cmd.Deadline <= job.Now:
			return pushd.Job{}, &pushd.Problem{Code: pushd.CodeDeadlinePassed, Field: "deadline", Job: &job, Text: "the deadline is in the past; cancel the job to end it now"}
		}
	}
	if !p.Edit.Empty() {
		return c.edit(ctx, id, p, cmd)
	}
	return c.command(ctx, id, cmd)
}

// command carries out a command, and explains why it can't be. An empty To
// leaves the state as it is.
func (c *Controller) command(ctx context.Context, id pushd.JobID, cmd pushd.Command) (pushd.Job, error) {
	job, err := c.book.Command(ctx, id, cmd)
	switch {
	case errors.Is(err, pushd.ErrNotFound):
		return pushd.Job{}, jobNotFound(id)
	case errors.Is(err, pushd.ErrLost):
		if job, err = c.book.Job(ctx, id); err != nil {
			return pushd.Job{}, err
		}
		if cmd.InTime && job.State.Active() {
			return pushd.Job{}, tooLate(job.Deadline, &job, "send a later deadline first (PATCH), then resume the job")
		}
		text := fmt.Sprintf("the job has ended: %s", job.State)
		if cmd.Resume && job.State != pushd.Succeeded {
			text += "; POST with continue to go on where it stopped"
		}
		return pushd.Job{}, &pushd.Problem{Code: pushd.CodeJobEnded, Job: &job, Text: text}
	case errors.Is(err, pushd.ErrExists):
		return pushd.Job{}, &pushd.Problem{Code: pushd.CodeJobActive, Text: "another job of the channel is at work"}
	case err == nil:
		c.cfg.Workers.Wake()
		if cmd.To != "" {
			c.cfg.Workers.Follow(ctx, job)
		}
	}
	return job, err
}

// Retry sends again to the recipients whom a job failed to reach.
func (c *Controller) Retry(ctx context.Context, id pushd.JobID, req pushd.RetryRequest) (pushd.Job, error) {
	job, err := c.job(ctx, id)
	if err != nil {
		return pushd.Job{}, err
	}
	if job.State.Active() {
		return pushd.Job{}, &pushd.Problem{Code: pushd.CodeJobActive, Job: &job, Text: "the job is still at work; retry when it has ended"}
	}
	deadline := job.Deadline
	if req.Deadline != 0 {
		deadline = pushd.Time(req.Deadline * 1e6)
	}
	if deadline <= job.Now {
		return pushd.Job{}, tooLate(deadline, &job, "send a later deadline with the retry")
	}
	if job.PurgedAt != 0 {
		return pushd.Job{}, &pushd.Problem{Code: pushd.CodeNothingToRetry, Job: &job, Text: "the job's recipients were removed after the retention time"}
	}
	again := job.Counts.Failed
	if req.AcceptDuplicates {
		again += job.Counts.Unknown
	}
	if again == 0 && job.Counts.Settled() == job.Walk.Walked {
		return pushd.Job{}, &pushd.Problem{Code: pushd.CodeNothingToRetry, Job: &job, Text: nothingToRetry(job)}
	}
	if other, err := c.book.Active(ctx, job.ActID); err == nil {
		return pushd.Job{}, &pushd.Problem{Code: pushd.CodeJobActive, Job: &other, Text: "another job of the channel is at work; retry when it has ended"}
	} else if !errors.Is(err, pushd.ErrNotFound) {
		return pushd.Job{}, err
	}
	who := pushd.AgainFailed
	if req.AcceptDuplicates {
		who = pushd.AgainUnknown
	}
	return c.command(ctx, id, pushd.Command{Kind: pushd.EventRetried, From: pushd.EndedStates, To: pushd.Queued, Deadline: deadline, Retry: &who, Recompose: true})
}

// tooLate refuses what would send after the deadline, and says what to do.
func tooLate(deadline pushd.Time, job *pushd.Job, todo string) *pushd.Problem {
	return &pushd.Problem{Code: pushd.CodeDeadlinePassed, Field: "deadline", Job: job,
		Text: fmt.Sprintf("it is too late: the deadline was %s; %s", deadline.Std().Format(time.RFC3339), todo)}
}

func nothingToRetry(job pushd.Job) string {
	if job.Counts.Unknown > 0 {
		return fmt.Sprintf("no recipient failed; %d are unknown: send acceptDuplicates to retry them too, some may get it twice", job.Counts.Unknown)
	}
	return "no recipient failed"
}

// job reads a job. That there is none is a problem.
func (c *Controller) job(ctx context.Context, id pushd.JobID) (pushd.Job, error) {
	job, err := c.book.Job(ctx, id)
	if errors.Is(err, pushd.ErrNotFound) {
		err = jobNotFound(id)
	}
	return job, err
}

func jobNotFound(id pushd.JobID) error {
	return &pushd.Problem{Code: pushd.CodeJobNotFound, Text: fmt.Sprintf("there is no job %s", id)}
}

func again(who pushd.Again) *pushd.Again { return &who }
