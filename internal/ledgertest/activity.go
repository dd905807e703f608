package ledgertest

import (
	"cmp"
	"context"
	"slices"

	"pushd"
)

// Activity reads what the followers of an account were sent. See
// pushd.Activities.
func (l *Memory) Activity(_ context.Context, appID pushd.AppID, since pushd.Time) (pushd.Activity, error) {
	l.begin()
	defer l.Unlock()
	a := pushd.Activity{Version: l.accepted[appID]}
	var jobs []*Job
	for _, j := range l.ByID {
		until := max(j.FinishedAt, j.LastSent)
		if j.AppID == appID && (j.State.Active() || j.Leased != 0 || until >= since && j.haveSent()) {
			jobs = append(jobs, j)
		}
	}
	slices.SortFunc(jobs, func(x, y *Job) int {
		return cmp.Or(cmp.Compare(y.CreatedAt, x.CreatedAt), cmp.Compare(y.ID, x.ID))
	})
	for _, j := range jobs[:min(len(jobs), pushd.ActivityMax)] {
		did := pushd.JobActivity{Job: j.ID}
		if !j.State.Active() && j.Leased == 0 {
			did.Until = max(j.FinishedAt, j.LastSent)
		}
		a.Jobs = append(a.Jobs, did)
	}
	return a, nil
}

// haveSent says that the job may have started a send.
func (j *Job) haveSent() bool {
	return j.LastSent > 0 || j.Counts.Sent+j.Counts.Failed+j.Counts.Unknown > 0 ||
		slices.ContainsFunc(j.Progress, func(p Progress) bool {
			c := p.Counts
			return p.Mark > 0 && (p.DoubtAt > 0 || len(c.Errors) > 0 || c.Sent+c.Failed+c.Unknown > 0)
		})
}

// CreateAfter is Create for who has decided by an activity. See pushd.Activities.
func (l *Memory) CreateAfter(ctx context.Context, asked pushd.Job, seen pushd.Activity) (pushd.Job, error) {
	return l.create(ctx, asked, &seen)
}

// accept gives the account its next version, unless it has another than was seen.
func (l *Memory) accept(appID pushd.AppID, seen *pushd.Activity) error {
	if seen != nil && seen.Version != l.accepted[appID] {
		return pushd.ErrOvertaken
	}
	l.accepted[appID]++
	return nil
}
