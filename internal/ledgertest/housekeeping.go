package ledgertest

import (
	"cmp"
	"context"
	"slices"

	"pushd"
)

// newest says that no job of j's channel is newer.
func (l *Memory) newest(j *Job) bool {
	for _, o := range l.ByID {
		if o.ActID == j.ActID && (o.CreatedAt > j.CreatedAt || o.CreatedAt == j.CreatedAt && o.ID > j.ID) {
			return false
		}
	}
	return true
}

// mayWrite says whether the column of j's channel, which has this start, is j's.
func (l *Memory) mayWrite(j *Job, start int64) bool {
	for _, o := range l.ByID {
		if o.ActID == j.ActID && o.StartTime == start && (j.StartTime != start || o.Run > j.Run) {
			return false
		}
	}
	return j.StartTime == start || l.newest(j)
}

// Working lists the active jobs. See pushd.Housekeeping.
func (l *Memory) Working(_ context.Context, after pushd.ActID, limit int) ([]pushd.Job, error) {
	now := l.begin()
	defer l.Unlock()
	return l.standing(now, limit, func(j *Job) bool { return j.State.Active() && j.ActID > after },
		func(a, b *Job) int { return cmp.Compare(a.ActID, b.ActID) }), nil
}

// Ended lists jobs in the order of their ends. See pushd.Housekeeping.
func (l *Memory) Ended(_ context.Context, after pushd.EndMark, until pushd.Time, limit int) ([]pushd.Job, error) {
	now := l.begin()
	defer l.Unlock()
	return l.standing(now, limit, func(j *Job) bool {
		return j.State.Ended() && after.Less(j.EndMark()) && j.FinishedAt < until
	}, byEnd), nil
}

func byEnd(a, b *Job) int {
	return cmp.Or(cmp.Compare(a.FinishedAt, b.FinishedAt), cmp.Compare(a.ID, b.ID))
}

// standing lists jobs that are the newest of their reminders, with the counts that
// are stored with them.
func (l *Memory) standing(now pushd.Time, limit int, wanted func(*Job) bool, order func(a, b *Job) int) (jobs []pushd.Job) {
	for _, j := range l.list(limit, func(j *Job) bool { return wanted(j) && l.mayWrite(j, j.StartTime) }, order) {
		job := j.row(now)
		l.explain(j, &job)
		jobs = append(jobs, job)
	}
	return jobs
}

// Statuses reads live_notify_status of many channels. See pushd.Housekeeping.
func (l *Memory) Statuses(_ context.Context, ids []pushd.ActID) (map[pushd.ActID]int, error) {
	l.begin()
	defer l.Unlock()
	statuses := map[pushd.ActID]int{}
	for _, id := range ids {
		if ch := l.Channels[id]; ch != nil && ch.Status != nil {
			statuses[id] = *ch.Status
		}
	}
	return statuses, nil
}

// CorrectStatus corrects live_notify_status. See pushd.Housekeeping.
func (l *Memory) CorrectStatus(_ context.Context, seen pushd.Job, start int64, status int) (bool, error) {
	l.begin()
	defer l.Unlock()
	j := l.ByID[seen.ID]
	if j == nil || j.State != seen.State || j.StartTime != seen.StartTime || j.Notified != seen.Notified || !l.mayWrite(j, start) {
		return false, nil
	}
	if ch := l.Channels[j.ActID]; ch != nil && ch.StartTime != start {
		return false, nil
	}
	l.SetStatus(j.ActID, status)
	return true, nil
}

// purgeJobs and removeJobs bound one call of Purge and of RemoveJobs.
const (
	purgeJobs  = 5
	removeJobs = 200
)

// Purge removes the pages of jobs that ended before t. See pushd.Housekeeping.
func (l *Memory) Purge(_ context.Context, t pushd.Time) (more bool, err error) {
	now := l.begin()
	defer l.Unlock()
	old := l.list(purgeJobs+1, func(j *Job) bool { return !j.purged && j.FinishedAt > 0 && j.FinishedAt < t }, byEnd)
	for _, j := range old[:min(len(old), purgeJobs)] {
		j.StoreTotals()
		j.PurgedAt, j.purged = now, true
		j.forget()
	}
	l.events = slices.DeleteFunc(l.events, func(e pushd.Event) bool { return e.At < t })
	return len(old) > purgeJobs, nil
}

// RemoveJobs removes jobs whose pages are gone. See pushd.Housekeeping.
func (l *Memory) RemoveJobs(_ context.Context, t pushd.Time) (more bool, err error) {
	l.begin()
	defer l.Unlock()
	old := l.list(removeJobs+1, func(j *Job) bool { return j.purged && j.FinishedAt > 0 && j.FinishedAt < t }, byEnd)
	for _, j := range old[:min(len(old), removeJobs)] {
		delete(l.ByID, j.ID)
		delete(l.sums, j.ID)
	}
	return len(old) > removeJobs, nil
}
