package ledgertest

import (
	"cmp"
	"context"

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

// Standing lists the newest job of every reminder that the reconciler looks
// after, with the counts that are stored with it. See pushd.Housekeeping.
func (l *Memory) Standing(_ context.Context, since pushd.Time, after pushd.JobID, limit int) (jobs []pushd.Job, err error) {
	now := l.begin()
	defer l.Unlock()
	standing := l.list(limit, func(j *Job) bool {
		return j.ID > after && (j.State.Active() || j.FinishedAt >= since) && l.mayWrite(j, j.StartTime)
	}, func(a, b *Job) int { return cmp.Compare(a.ID, b.ID) })
	for _, j := range standing {
		job := j.row(now)
		l.explain(j, &job)
		jobs = append(jobs, job)
	}
	return jobs, nil
}

// MendStatus puts live_notify_status right. See pushd.Housekeeping.
func (l *Memory) MendStatus(_ context.Context, seen pushd.Job, start int64, status int) (bool, error) {
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

// purgeJobs bounds one call of Purge.
const purgeJobs = 5

// Purge removes the pages of jobs that ended before t. See pushd.Housekeeping.
func (l *Memory) Purge(_ context.Context, t pushd.Time) (more bool, err error) {
	now := l.begin()
	defer l.Unlock()
	old := l.list(purgeJobs+1, func(j *Job) bool { return !j.purged && j.FinishedAt > 0 && j.FinishedAt < t },
		func(a, b *Job) int { return cmp.Or(cmp.Compare(a.FinishedAt, b.FinishedAt), cmp.Compare(a.ID, b.ID)) })
	for _, j := range old[:min(len(old), purgeJobs)] {
		j.StoreTotals()
		j.PurgedAt, j.purged = now, true
		j.forget()
	}
	return len(old) > purgeJobs, nil
}
