package ledgertest

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"pushd"
)

// Jobs lists jobs, newest first.
func (l *Memory) Jobs(_ context.Context, f pushd.Filter) (jobs []pushd.Job, next string, err error) {
	if f.Limit < 1 {
		return nil, "", fmt.Errorf("list jobs: limit %d is below 1", f.Limit)
	}
	var at pushd.ListCursor
	if f.Cursor != "" {
		if at, err = pushd.ParseListCursor(f.Cursor); err != nil {
			return nil, "", err
		}
	}
	now := l.begin()
	defer l.Unlock()
	found := l.list(f.Limit+1, func(j *Job) bool {
		return (len(f.States) == 0 || slices.Contains(f.States, j.State)) &&
			(f.ActID == 0 || f.ActID == j.ActID) && (f.AppID == "" || f.AppID == j.AppID) && j.CreatedAt >= f.Since &&
			(f.Cursor == "" || j.CreatedAt < at.CreatedAt || j.CreatedAt == at.CreatedAt && j.ID < at.ID)
	}, func(a, b *Job) int { return cmp.Or(cmp.Compare(b.CreatedAt, a.CreatedAt), cmp.Compare(b.ID, a.ID)) })
	if len(found) > f.Limit {
		found = found[:f.Limit]
		last := found[f.Limit-1]
		next = pushd.ListCursor{CreatedAt: last.CreatedAt, ID: last.ID}.String()
	}
	for _, j := range found {
		jobs = append(jobs, l.read(j, now))
	}
	return jobs, next, nil
}

// QueuePosition is how many jobs of the same account will be taken up before a
// queued job, plus one; 0 if it is not queued.
func (l *Memory) QueuePosition(_ context.Context, id pushd.JobID) (n int, err error) {
	l.begin()
	defer l.Unlock()
	j := l.ByID[id]
	if j == nil || j.State != pushd.Queued {
		return 0, nil
	}
	for _, q := range l.ByID {
		if q.AppID == j.AppID && q.State == pushd.Queued && byDeadline(q, j) <= 0 {
			n++
		}
	}
	return n, nil
}

// Failures calls yield for everyone of a job who is in one of the states, in
// the order of the walk. It ends early with yield's error.
func (l *Memory) Failures(_ context.Context, id pushd.JobID, states []pushd.PersonState, yield func(pushd.Failure) error) error {
	for _, f := range l.failures(id, states) {
		if err := yield(f); err != nil {
			return err
		}
	}
	return nil
}

func (l *Memory) failures(id pushd.JobID, states []pushd.PersonState) (list []pushd.Failure) {
	l.begin()
	defer l.Unlock()
	j := l.ByID[id]
	if j == nil {
		return nil
	}
	for no := range j.Progress {
		for i, p := range j.Progress[no].people() {
			if slices.Contains(states, p.State) {
				list = append(list, pushd.Failure{OpenID: j.Pages[no].OpenIDs[i], State: p.State, Code: int(p.Code), Page: no + 1, Receipt: j.receipts[no+1].Of(i)})
			}
		}
	}
	return list
}

// Recipient says what became of one recipient; ErrNotFound if the walk has not
// met them.
func (l *Memory) Recipient(_ context.Context, id pushd.JobID, openid pushd.OpenID) (pushd.Recipient, error) {
	l.begin()
	defer l.Unlock()
	if j := l.ByID[id]; j != nil {
		if at, known := j.Where[openid]; known {
			return pushd.Recipient{Person: j.Progress[at[0]].people()[at[1]], Receipt: j.receipts[at[0]+1].Of(at[1])}, nil
		}
	}
	return pushd.Recipient{}, pushd.ErrNotFound
}
