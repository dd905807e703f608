package ledgertest

import (
	"cmp"
	"context"

	"pushd"
)

// Finish ends a job. See pushd.Notes.
func (l *Memory) Finish(ctx context.Context, lease pushd.Lease, e pushd.Ending) error {
	now := l.begin()
	defer l.Unlock()
	j := l.endable(lease)
	if j == nil || e.State == pushd.Expired && j.Deadline > now {
		return pushd.ErrLost
	}
	if e.State == pushd.Succeeded && !j.complete() {
		return pushd.ErrIncomplete
	}
	j.release()
	j.end(e, now)
	j.Notified = j.Notified || e.State == pushd.Succeeded
	if e.Hold != nil && !l.setHold(*e.Hold, now) {
		l.event(ctx, pushd.HeldEvent(*e.Hold), now)
	}
	l.ended(ctx, j, e, now)
	if ch := l.Channels[j.ActID]; ch != nil && ch.StartTime == j.StartTime && l.mayWrite(j, ch.StartTime) {
		l.SetStatus(j.ActID, j.LiveNotifyStatus(StatusFailed))
	}
	return nil
}

// ended writes the end of a job down.
func (l *Memory) ended(ctx context.Context, j *Job, e pushd.Ending, now pushd.Time) {
	l.event(ctx, pushd.Event{Job: j.ID, Kind: pushd.EventEnded, State: e.State, Reason: e.Reason, Detail: e.Detail, Figures: pushd.SumsOf(j.Counts, j.Walk.Walked)}, now)
}

// complete says that the walk is and everyone on the pages has an outcome.
func (j *Job) complete() bool {
	people := int64(0)
	for _, p := range j.Progress {
		people += int64(p.People)
	}
	return j.Walk.Complete && j.sum().Settled() == people && people == j.Walk.Walked
}

// end is what every end of a job sets.
func (j *Job) end(e pushd.Ending, now pushd.Time) {
	j.State, j.Reason, j.Detail = e.State, e.Reason, pushd.ClipDetail(e.Detail)
	j.FinishedAt, j.ParkedUntil, j.Retry = now, 0, pushd.AgainNobody
	j.StoreTotals()
}

// SetStatus writes a channel's live_notify_status, as the platform may too. The
// caller holds the lock.
func (l *Memory) SetStatus(id pushd.ActID, status int) {
	if ch := l.Channels[id]; ch != nil {
		ch.Status = &status
	}
}

// Expire ends what waits past its deadline. See pushd.Housekeeping.
func (l *Memory) Expire(ctx context.Context, limit int) ([]pushd.JobID, error) {
	now := l.begin()
	defer l.Unlock()
	late := l.list(limit, func(j *Job) bool { return j.State.Active() && j.Deadline <= now && j.Leased == 0 },
		func(a, b *Job) int { return cmp.Or(cmp.Compare(a.Deadline, b.Deadline), cmp.Compare(a.ID, b.ID)) })
	for _, j := range late {
		if j.Owner.Instance != "" {
			l.Unclean[j.ID]++
		}
		j.release()
		j.Epoch++
		e := pushd.Ending{State: pushd.Expired, Reason: pushd.DeadlinePassed, Detail: "the deadline passed before every recipient had an outcome"}
		j.end(e, now)
		l.ended(ctx, j, e, now)
	}
	return ids(late), nil
}
