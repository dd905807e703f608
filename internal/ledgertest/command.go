package ledgertest

import (
	"cmp"
	"context"
	"slices"

	"pushd"
)

// Job reads one job.
func (l *Memory) Job(_ context.Context, id pushd.JobID) (pushd.Job, error) {
	now := l.begin()
	defer l.Unlock()
	if j := l.ByID[id]; j != nil {
		return l.read(j, now), nil
	}
	return pushd.Job{}, pushd.ErrNotFound
}

// Active returns the channel's active job.
func (l *Memory) Active(_ context.Context, id pushd.ActID) (pushd.Job, error) {
	return l.Pick(func(j *Job) bool { return j.ActID == id && j.State.Active() })
}

// Newest returns the newest job of a reminder.
func (l *Memory) Newest(_ context.Context, id pushd.ActID, start int64) (pushd.Job, error) {
	return l.Pick(func(j *Job) bool { return j.ActID == id && j.StartTime == start })
}

// Last returns the channel's newest job. See pushd.Notes.
func (l *Memory) Last(_ context.Context, id pushd.ActID) (pushd.Job, error) {
	return l.Pick(func(j *Job) bool { return j.ActID == id && l.newest(j) })
}

// Pick reads the job of the highest run among those that are wanted.
func (l *Memory) Pick(wanted func(*Job) bool) (pushd.Job, error) {
	now := l.begin()
	defer l.Unlock()
	var best *Job
	for _, j := range l.ByID {
		if wanted(j) && (best == nil || j.Run > best.Run) {
			best = j
		}
	}
	if best == nil {
		return pushd.Job{}, pushd.ErrNotFound
	}
	return l.read(best, now), nil
}

// Create makes a job of what one is asked for with.
func (l *Memory) Create(ctx context.Context, asked pushd.Job) (pushd.Job, error) {
	return l.create(ctx, asked, nil)
}

// create makes a job, if no other of its account was accepted since seen.
func (l *Memory) create(ctx context.Context, asked pushd.Job, seen *pushd.Activity) (pushd.Job, error) {
	now := l.begin()
	defer l.Unlock()
	job := pushd.Job{
		ID: asked.ID, ActID: asked.ActID, AppID: asked.AppID, Audience: asked.Audience.Or(""), StartTime: asked.StartTime, Run: asked.Run,
		State: cmp.Or(asked.State, pushd.Queued), Reason: asked.Reason, Detail: pushd.ClipDetail(asked.Detail), Asked: stored(asked.Asked),
		Rate: asked.Rate, First: asked.First, Forced: asked.Forced, Deadline: asked.Deadline, DeadlineAsked: asked.DeadlineAsked, CreatedAt: now,
	}
	if job.ID == "" {
		job.ID = pushd.NewJobID()
	}
	if l.taken(&job) {
		return pushd.Job{}, pushd.ErrExists
	}
	l.identify(&job)
	if l.taken(&job) {
		return pushd.Job{}, pushd.ErrExists
	}
	if err := l.accept(job.AppID, seen); err != nil {
		return pushd.Job{}, err
	}
	for _, o := range l.ByID {
		if o.ActID == job.ActID {
			job.CreatedAt = max(job.CreatedAt, o.CreatedAt+1)
		}
	}
	j := &Job{Job: job, Where: map[pushd.OpenID][2]int{}, waitingSince: now}
	l.ByID[job.ID] = j
	l.SetStatus(job.ActID, pushd.StatusNotifying)
	job = l.read(j, now)
	l.event(ctx, pushd.AcceptedEvent(job), now)
	return job, nil
}

// taken says that another job has what only one may have.
func (l *Memory) taken(job *pushd.Job) bool {
	for _, j := range l.ByID {
		if j.ID == job.ID || j.ActID == job.ActID && (j.State.Active() || j.StartTime == job.StartTime && j.Run == job.Run) {
			return true
		}
	}
	return false
}

// identify gives a new job its id at WeChat, and another run where a job that
// followed its channel to another start has the id of this one.
func (l *Memory) identify(job *pushd.Job) {
	for taken := true; taken; {
		job.MsgID = pushd.ReminderMsgID("sim", job.AppID, job.ActID, job.StartTime, job.Run)
		taken = false
		for _, o := range l.ByID {
			taken = taken || o.MsgID == job.MsgID
		}
		if taken {
			job.Run++
		}
	}
}

// Command moves a job from one of its states to another.
func (l *Memory) Command(ctx context.Context, id pushd.JobID, cmd pushd.Command) (pushd.Job, error) {
	now := l.begin()
	defer l.Unlock()
	j := l.ByID[id]
	switch {
	case j == nil:
		return pushd.Job{}, pushd.ErrNotFound
	case !slices.Contains(cmd.From, j.State), cmd.AskedBefore != nil && encoded(cmd.AskedBefore) != encoded(j.Asked):
		return pushd.Job{}, pushd.ErrLost
	case cmd.InTime && j.Deadline <= now:
		return pushd.Job{}, pushd.ErrLost
	case cmd.To != "" && cmd.To.Active() && j.PurgedAt != 0:
		return pushd.Job{}, pushd.ErrLost
	case cmd.To != "" && cmd.To.Active() && l.otherActive(j):
		return pushd.Job{}, pushd.ErrExists
	}
	if cmd.After != nil {
		if err := l.accept(j.AppID, cmd.After); err != nil {
			return pushd.Job{}, err
		}
	}
	j.change(cmd, now)
	if cmd.Resume {
		j.resume()
	}
	if cmd.Unpark || cmd.To != "" && cmd.To != pushd.Parked {
		j.ParkedUntil = 0
	}
	if cmd.To != "" {
		j.move(cmd, now)
	}
	job := l.read(j, now)
	if e := cmd.Event(id); e != nil {
		e.Complete(job)
		l.event(ctx, *e, now)
	}
	return job, nil
}

// otherActive says that the channel has another active job.
func (l *Memory) otherActive(j *Job) bool {
	for _, o := range l.ByID {
		if o.ActID == j.ActID && o.ID != j.ID && o.State.Active() {
			return true
		}
	}
	return false
}

// change does what a command does beside the state.
func (j *Job) change(cmd pushd.Command, now pushd.Time) {
	if cmd.Rate != nil {
		j.Rate = *cmd.Rate
	}
	if cmd.Deadline != 0 {
		j.DeadlineAsked = j.DeadlineAsked || cmd.Deadline != j.Deadline
		j.Deadline = cmd.Deadline
	}
	if cmd.Force {
		j.Forced = true
		if j.State == pushd.Parked && j.Reason == pushd.InQuietHours {
			j.ParkedUntil = 0
		}
	}
	if cmd.Recompose {
		j.Prepared.Message, j.Prepared.StartTime = nil, 0
	}
	if cmd.Asked != nil {
		j.Asked = stored(*cmd.Asked)
	}
	if cmd.Message != nil {
		j.Prepared.Message = stored(cmd.Message)
		j.number(cmd.Message, now)
	}
	if cmd.Retry != nil {
		j.Retry = *cmd.Retry
	}
}

// resume queues a paused job, and makes a parked one due with its message made
// anew.
func (j *Job) resume() {
	j.ParkedUntil = 0
	switch j.State {
	case pushd.Parked:
		j.Prepared.Message, j.Prepared.StartTime = nil, 0
	case pushd.Paused:
		j.FirstPassed = j.FirstPassed || j.Reason == pushd.FirstReached
		j.State, j.Reason, j.Detail = pushd.Queued, "", ""
		j.queued()
	}
}

// move gives the job its next state.
func (j *Job) move(cmd pushd.Command, now pushd.Time) {
	if cmd.To != pushd.Paused || j.State != pushd.Paused {
		j.Reason, j.Detail = cmd.Reason, pushd.ClipDetail(cmd.Detail)
	}
	j.State = cmd.To
	j.runs = j.runs && (cmd.To == pushd.Running || j.Leased != 0)
	if cmd.To == pushd.Queued {
		j.queued()
	}
	if cmd.To.Active() {
		if j.FinishedAt > 0 {
			j.waitingSince = 0
		}
		j.wait(now)
		j.FinishedAt = 0
		return
	}
	j.Retry, j.FinishedAt = pushd.AgainNobody, cmp.Or(j.FinishedAt, now)
	j.StoreTotals()
}

// queued gives a job that was queued by a command a new epoch, unless its last
// worker has not let go of it.
func (j *Job) queued() {
	if j.Leased == 0 {
		j.Epoch++
	}
}
