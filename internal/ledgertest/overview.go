package ledgertest

import (
	"context"

	"pushd"
)

// Overview reads what the ledger says of the whole. See pushd.Housekeeping.
func (l *Memory) Overview(context.Context) (pushd.Overview, error) {
	now := l.begin()
	defer l.Unlock()
	o := pushd.Overview{Now: now, HostSeen: l.Install.HostSeen, Holds: len(l.OnHold), Ended: map[pushd.State]int{}}
	for _, j := range l.ByID {
		o.NewestJob = max(o.NewestJob, j.CreatedAt)
		if g := o.Group(j.State, j.Reason); g != nil {
			since := j.waitingSince
			if since == 0 {
				since = j.CreatedAt
			}
			g.Add(1, since)
		} else if j.FinishedAt > now.Add(-pushd.EndedWithin) {
			o.Ended[j.State]++
		}
		o.Due(j.State, j.Reason, j.Deadline)
		if j.State.Active() && j.State != pushd.Running && (j.ParkedUntil >= j.Deadline || j.Deadline <= now.Add(pushd.LateWithin)) {
			o.Late++
		}
		if short := j.Shortfall; j.State.Active() && short != nil && *short > 0 {
			o.Short++
			o.Shortfall += *short
		}
	}
	return o, nil
}

// wait notes since when no message of the job flows.
func (j *Job) wait(now pushd.Time) {
	if j.waitingSince == 0 {
		j.waitingSince = now
	}
}

// Size is how many bytes the openids take. See pushd.Housekeeping.
func (l *Memory) Size(context.Context) (bytes int64, err error) {
	l.begin()
	defer l.Unlock()
	for _, j := range l.ByID {
		for _, b := range j.Blobs {
			bytes += int64(len(b))
		}
	}
	return bytes, nil
}
