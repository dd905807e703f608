package fanout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Book is what the controller needs of the database.
type Book interface {
	Channels
	Now(ctx context.Context) (Time, error)
	// Installation reads the installation's row.
	Installation(ctx context.Context) (Installation, error)
	// Job reads one job; ErrNotFound.
	Job(ctx context.Context, id JobID) (Job, error)
	// Active returns the channel's active job, whatever its start time;
	// ErrNotFound.
	Active(ctx context.Context, id ActID) (Job, error)
	// Newest returns the newest job (highest Run) of the reminder (id,
	// startTime); with startTime 0 that of the channel's jobs without a
	// start time. ErrNotFound.
	Newest(ctx context.Context, id ActID, startTime int64) (Job, error)
	// Create inserts a job that is queued or held, and writes status 1 for the channel in the
	// same transaction where its row can be had within a second; it sets CreatedAt. ErrExists: there is an active job
	// for the channel, or the reminder's Run is taken; nothing is written.
	Create(ctx context.Context, j Job) (Job, error)
	// Last returns the channel's newest job, whatever its start; ErrNotFound.
	Last(ctx context.Context, id ActID) (Job, error)
	// Command moves a job from one of the states From to To, in one UPDATE
	// that carries the condition. A job that is queued gets a new epoch, unless
	// its last worker still holds the lease. ErrLost: the job is in none of the
	// states. ErrExists: the channel has another active job. It returns the job
	// as it is after.
	Command(ctx context.Context, id JobID, cmd Command) (Job, error)
}

// Controller takes what people and programs ask of jobs. It only talks to the
// database: the work is the engine's, in whatever process that runs.
type Controller struct {
	book   Book
	engine *Engine
}

// NewController makes a controller on the engine's settings; the engine is
// woken when there is work.
func NewController(book Book, engine *Engine) *Controller {
	return &Controller{book, engine}
}

// Post asks for a reminder. Posting it again is safe: the answer is the job
// that is there, or a refusal that says why there will be none.
func (c *Controller) Post(ctx context.Context, req Request) (Outcome, error) {
	for range 5 { // a job may appear or end while we look
		out, err := c.post(ctx, req)
		if !errors.Is(err, ErrExists) && !errors.Is(err, ErrLost) {
			if err == nil {
				c.offer(req)
				c.engine.Wake()
			}
			return out, err
		}
	}
	return Outcome{}, fmt.Errorf("post job of channel %d: it keeps changing", req.ActID)
}

func (c *Controller) post(ctx context.Context, req Request) (Outcome, error) {
	ch, now, err := c.channel(ctx, req)
	if err != nil {
		return Outcome{}, err
	}
	old, err := c.previous(ctx, req.ActID, ch.StartTime)
	switch {
	case err != nil:
		return Outcome{}, err
	case old != nil && old.AppID != req.AppID:
		return Outcome{}, &Problem{Code: CodeAppIDMismatch, Field: "appid", Job: old,
			Text: fmt.Sprintf("the reminder is being sent for account %s", old.AppID)}
	case old != nil && old.State.Active() && (asksAnew(ch, old.StartTime) || old.Notified && movedFrom(ch, old.StartTime)):
		return c.supersede(ctx, *old)
	case old != nil && old.State.Active():
		return c.existing(ctx, req, *old)
	case old != nil && !req.Restart && old.Reason == StartMoved && !old.Notified, // and has moved back
		old != nil && req.Continue && old.State != Succeeded:
		return c.resumeEnded(ctx, req, ch, *old, now)
	case old != nil && !req.Restart && !c.lapsed(*old, ch, now):
		return Outcome{}, endedProblem(old)
	case old == nil && !req.Restart && ch.Status != nil && *ch.Status == StatusDone:
		if err := c.doneBefore(ctx, ch); err != nil {
			return Outcome{}, err
		}
	}
	return c.create(ctx, req, ch, old, now)
}

// supersede ends a job whose channel has moved its start and asks for a
// reminder of the new one. The caller then looks again.
func (c *Controller) supersede(ctx context.Context, old Job) (Outcome, error) {
	_, err := c.book.Command(ctx, old.ID, Command{From: ActiveStates, To: Canceled, Reason: StartMoved,
		Detail: "the channel's start moved, and a reminder of the new one was asked for"})
	if err == nil {
		err = ErrLost
	}
	return Outcome{}, err
}

// doneBefore refuses a reminder of which no job is known because the column says
// that it was sent, unless the 2 is that of the channel's last job, which was for
// another start.
func (c *Controller) doneBefore(ctx context.Context, ch Channel) error {
	last, err := c.book.Last(ctx, ch.ActID)
	switch {
	case err == nil && last.Notified && ch.StartTime != 0 && last.StartTime != ch.StartTime:
		return nil
	case err != nil && !errors.Is(err, ErrNotFound):
		return err
	}
	return &Problem{Code: CodeAlreadyNotified,
		Text: "live_notify_status is 2: this reminder was sent before; POST with restart to send it again"}
}

// channel reads the channel and checks that the request fits it.
func (c *Controller) channel(ctx context.Context, req Request) (Channel, Time, error) {
	ch, err := c.book.Channel(ctx, req.ActID)
	if err != nil {
		return ch, 0, channelProblem(err, req.ActID)
	}
	if ch.AppID != "" && ch.AppID != req.AppID {
		return ch, 0, &Problem{Code: CodeAppIDMismatch, Field: "appid",
			Text: fmt.Sprintf("channel %d belongs to account %s", req.ActID, ch.AppID)}
	}
	now, err := c.book.Now(ctx)
	return ch, now, err
}

// previous is the job that decides about a POST: the channel's active one,
// else the newest of the reminder; nil if there is none.
func (c *Controller) previous(ctx context.Context, id ActID, start int64) (*Job, error) {
	job, err := c.book.Active(ctx, id)
	if errors.Is(err, ErrNotFound) {
		job, err = c.book.Newest(ctx, id, start)
	}
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return &job, err
}

// existing answers with the active job. Its people get a token that came
// along, and if it waits for one it tries now.
func (c *Controller) existing(ctx context.Context, req Request, job Job) (Outcome, error) {
	if names := req.Asked.differs(job.Asked); len(names) > 0 {
		return Outcome{}, &Problem{Code: CodeMessageDiffers, Field: names[0], Job: &job, Text: fmt.Sprintf(
			"the job at work was asked to send something else: %s differs. To send this instead, pause the job, PATCH it with the new text and resume it: those who have the message are left alone", strings.Join(names, ", "))}
	}
	if job.State == Parked && req.AccessToken != "" && (job.Reason == TokenUnavailable || job.Reason == AccountMismatch) {
		c.offer(req)
		unparked, err := c.book.Command(ctx, job.ID, Command{From: []State{Parked}, Unpark: true, Anew: true})
		if err == nil {
			job = unparked
		}
	}
	return Outcome{Job: job, Existing: true}, nil
}

// lapsed says that an ended job does not stand in the way of a new one: only
// where no start time tells one reminder from the next, the platform has put
// the status back to 0, and six hours have passed.
func (c *Controller) lapsed(old Job, ch Channel, now Time) bool {
	return ch.StartTime == 0 && ch.Status != nil && *ch.Status == StatusNotNotified &&
		now.Sub(old.FinishedAt) > 6*time.Hour
}

func endedProblem(old *Job) *Problem {
	if old.State == Succeeded {
		return &Problem{Code: CodeAlreadyNotified, Job: old,
			Text: "this reminder was sent; POST with restart to send it to everyone again, or retry the job for those it failed to reach"}
	}
	return &Problem{Code: CodeJobEnded, Job: old, Text: fmt.Sprintf(
		"the job ended %s (%s: %s); POST with continue to go on where it stopped, or with restart to begin anew", old.State, old.Reason, old.Detail)}
}

// create makes a new job.
func (c *Controller) create(ctx context.Context, req Request, ch Channel, old *Job, now Time) (Outcome, error) {
	deadline, err := c.mayBegin(req, ch, now)
	if err != nil {
		return Outcome{}, err
	}
	job := Job{
		ID: NewJobID(), ActID: req.ActID, AppID: req.AppID, StartTime: ch.StartTime, State: Queued,
		Asked: req.Asked, Rate: req.Rate, Deadline: deadline, DeadlineAsked: req.Deadline != 0,
	}
	if old != nil {
		job.Run = old.Run + 1
	}
	if !req.Restart { // which asks to send to everyone again
		if err := c.holdBack(ctx, &job, ch); err != nil {
			return Outcome{}, err
		}
	}
	job, err = c.book.Create(ctx, job)
	if err == nil {
		c.engine.pass(PointAccepted)
	}
	return Outcome{Job: job}, err
}

// holdBack holds a job to be made if the ledger may have forgotten that its
// reminder was sent.
func (c *Controller) holdBack(ctx context.Context, job *Job, ch Channel) error {
	in, err := c.book.Installation(ctx)
	if err == nil && in.Lost.covers(ch, in.Now, c.engine.cfg.DedupWindow) {
		job.State, job.Reason = Paused, LedgerWentBack
		job.Detail = in.Lost.String() + ", and this reminder may have been sent then; " + whatToDo
	}
	return err
}

// resumeEnded makes an ended job go on where it stopped.
func (c *Controller) resumeEnded(ctx context.Context, req Request, ch Channel, old Job, now Time) (Outcome, error) {
	deadline, err := c.mayBegin(req, ch, now)
	if err != nil {
		return Outcome{}, err
	}
	if old.PurgedAt != 0 {
		return Outcome{}, &Problem{Code: CodeJobEnded, Job: &old,
			Text: "the job's people were removed after the retention time, so it can't go on; POST with restart to begin anew"}
	}
	cmd := Command{From: []State{Failed, Expired, Canceled}, To: Queued, Deadline: deadline, Anew: true, Retry: again(AgainNobody)}
	if old.Reason == TooManyFailures || old.Counts.Sent == 0 { // what failed them is put right now
		cmd.Retry = again(AgainFailed)
	}
	if !req.Asked.empty() {
		cmd.Asked = &req.Asked
	}
	if req.Rate != 0 {
		cmd.Rate = &req.Rate
	}
	job, err := c.book.Command(ctx, old.ID, cmd)
	if err == nil {
		c.engine.follow(ctx, job)
	}
	return Outcome{Job: job}, err
}

// mayBegin checks what has to hold before anything is sent, and returns the
// deadline.
func (c *Controller) mayBegin(req Request, ch Channel, now Time) (Time, error) {
	switch {
	case ch.LiveNotify != nil && !*ch.LiveNotify:
		return 0, &Problem{Code: CodeReminderOff, Text: "the channel's reminder is switched off (live_notify = 0)"}
	case ch.ConfigEnabled != nil && !*ch.ConfigEnabled:
		return 0, &Problem{Code: CodeOwnerDisabled, Text: "the owner has switched live subscription off (user_wx_config.status = 0)"}
	}
	deadline := DefaultDeadline(ch.StartTime, now, c.engine.cfg.Grace)
	if req.Deadline != 0 {
		deadline = Time(req.Deadline * 1e6)
	}
	if deadline <= now {
		return 0, &Problem{Code: CodeDeadlinePassed, Field: "deadline", Text: fmt.Sprintf(
			"it is too late: the deadline was %s; send a later deadline to remind people all the same", deadline.Std().Format(time.RFC3339))}
	}
	return deadline, nil
}

func (c *Controller) offer(req Request) {
	if req.AccessToken != "" {
		c.engine.cfg.Tokens.Offer(req.AppID, req.AccessToken, req.ExpiresIn)
	}
}

// Pause stops a job within a second; what is in flight is finished. The
// deadline runs on.
func (c *Controller) Pause(ctx context.Context, id JobID) (Job, error) {
	return c.command(ctx, id, Command{From: []State{Queued, Running, Parked, Paused}, To: Paused})
}

// Resume makes a paused job go on, and a parked one try now. Queued and running
// jobs need no resuming.
func (c *Controller) Resume(ctx context.Context, id JobID) (Job, error) {
	return c.command(ctx, id, Command{From: ActiveStates, Resume: true})
}

// Cancel ends a job for good; what is in flight is finished and counted.
func (c *Controller) Cancel(ctx context.Context, id JobID) (Job, error) {
	job, err := c.book.Job(ctx, id)
	if err == nil && job.State == Canceled {
		return job, nil
	}
	return c.command(ctx, id, Command{From: ActiveStates, To: Canceled, Reason: CanceledByUser, Detail: "canceled by a person"})
}

// Patch changes a job's rate or deadline, or what a paused job sends.
func (c *Controller) Patch(ctx context.Context, id JobID, p Patch) (Job, error) {
	cmd := Command{From: ActiveStates, Rate: p.Rate}
	if p.Deadline != nil {
		cmd.Deadline = Time(*p.Deadline * 1e6)
		job, err := c.book.Job(ctx, id)
		switch {
		case errors.Is(err, ErrNotFound):
			return Job{}, jobNotFound(id)
		case err != nil:
			return Job{}, err
		case job.State.Active() && cmd.Deadline <= job.Now:
			return Job{}, &Problem{Code: CodeDeadlinePassed, Field: "deadline", Job: &job, Text: "the deadline is in the past; cancel the job to end it now"}
		}
	}
	if !p.Edit.Empty() {
		return c.edit(ctx, id, p, cmd)
	}
	return c.command(ctx, id, cmd)
}

// command carries out a command, and explains why it can't be. An empty To
// leaves the state as it is.
func (c *Controller) command(ctx context.Context, id JobID, cmd Command) (Job, error) {
	job, err := c.book.Command(ctx, id, cmd)
	switch {
	case errors.Is(err, ErrNotFound):
		return Job{}, jobNotFound(id)
	case errors.Is(err, ErrLost):
		if job, err = c.book.Job(ctx, id); err != nil {
			return Job{}, err
		}
		return Job{}, &Problem{Code: CodeJobEnded, Job: &job, Text: fmt.Sprintf("the job has ended: %s", job.State)}
	case errors.Is(err, ErrExists):
		return Job{}, &Problem{Code: CodeJobActive, Text: "another job of the channel is at work"}
	case err == nil:
		c.engine.Wake()
		if cmd.To != "" {
			c.engine.follow(ctx, job)
		}
	}
	return job, err
}

// Retry sends again to the people a job failed to reach.
func (c *Controller) Retry(ctx context.Context, id JobID, req RetryRequest) (Job, error) {
	job, err := c.book.Job(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return Job{}, jobNotFound(id)
	}
	if err != nil {
		return Job{}, err
	}
	if job.State.Active() {
		return Job{}, &Problem{Code: CodeJobActive, Job: &job, Text: "the job is still at work; retry when it has ended"}
	}
	deadline := job.Deadline
	if req.Deadline != 0 {
		deadline = Time(req.Deadline * 1e6)
	}
	if deadline <= job.Now {
		return Job{}, &Problem{Code: CodeDeadlinePassed, Field: "deadline", Job: &job,
			Text: "the job's deadline is past; send a deadline with the retry"}
	}
	if job.PurgedAt != 0 {
		return Job{}, &Problem{Code: CodeNothingToRetry, Job: &job, Text: "the job's people were removed after the retention time"}
	}
	again := job.Counts.Failed
	if req.AcceptDuplicates {
		again += job.Counts.Unknown
	}
	if again == 0 && job.Counts.Settled() == job.Walk.Walked {
		return Job{}, &Problem{Code: CodeNothingToRetry, Job: &job, Text: nothingToRetry(job)}
	}
	if other, err := c.book.Active(ctx, job.ActID); err == nil {
		return Job{}, &Problem{Code: CodeJobActive, Job: &other, Text: "another job of the channel is at work; retry when it has ended"}
	} else if !errors.Is(err, ErrNotFound) {
		return Job{}, err
	}
	who := AgainFailed
	if req.AcceptDuplicates {
		who = AgainUnknown
	}
	return c.command(ctx, id, Command{From: EndedStates, To: Queued, Deadline: deadline, Retry: &who, Anew: true})
}

func nothingToRetry(job Job) string {
	if job.Counts.Unknown > 0 {
		return fmt.Sprintf("nobody failed; %d are unknown: send acceptDuplicates to retry them too, some may be told twice", job.Counts.Unknown)
	}
	return "nobody failed"
}

func jobNotFound(id JobID) error {
	return &Problem{Code: CodeJobNotFound, Text: fmt.Sprintf("there is no job %s", id)}
}

func again(who Again) *Again { return &who }
