package ledgertest

import (
	"context"

	"pushd"
)

// Reload reads the job. See pushd.Notes.
func (l *Memory) Reload(ctx context.Context, id pushd.JobID) (pushd.Job, error) {
	return l.Job(ctx, id)
}

// SaveMessage stores what the job sends. See pushd.Notes.
func (l *Memory) SaveMessage(ctx context.Context, lease pushd.Lease, m pushd.Prepared) (int, error) {
	now := l.begin()
	defer l.Unlock()
	j := l.endable(lease)
	if j == nil {
		return 0, pushd.ErrLost
	}
	j.Prepared = pushd.Prepared{Message: stored(m.Message), StartTime: m.StartTime, Deadline: m.Deadline}
	if m.Deadline > 0 && !j.DeadlineAsked {
		j.Deadline = m.Deadline
	}
	before := len(j.messages)
	made := j.number(m.Message, now)
	if made > before {
		l.event(ctx, pushd.MessageEvent(j.ID, made), now)
	}
	if m.StartTime != 0 && m.StartTime != j.StartTime {
		run := 0
		for _, o := range l.ByID {
			if o.ActID == j.ActID && o.StartTime == m.StartTime {
				run = max(run, o.Run+1)
			}
		}
		j.StartTime, j.Run = m.StartTime, run
	}
	return made, nil
}

// number gives the job's message its version, and returns it: 0 if there is no
// message.
func (j *Job) number(m *pushd.Message, now pushd.Time) int {
	if m == nil {
		return 0
	}
	text, n := encoded(m), len(j.messages)
	if n == 0 || j.messages[n-1].text != text {
		n++
		j.messages = append(j.messages, version{pushd.MessageVersion{Version: n, Message: stored(*m), At: now}, text})
	}
	j.MessageVersion = n
	return n
}

// Messages lists the versions of a job's message, the first first.
func (l *Memory) Messages(_ context.Context, id pushd.JobID) (versions []pushd.MessageVersion, err error) {
	l.begin()
	defer l.Unlock()
	if j := l.ByID[id]; j != nil {
		for _, v := range j.messages {
			versions = append(versions, v.MessageVersion)
		}
	}
	return versions, nil
}

// SaveQuota stores what is known of today's quota. See pushd.Notes.
func (l *Memory) SaveQuota(_ context.Context, lease pushd.Lease, remain, shortfall *int64) error {
	l.begin()
	defer l.Unlock()
	j := l.writable(lease)
	if j == nil {
		return pushd.ErrLost
	}
	j.QuotaRemain, j.Shortfall = copyOf(remain), copyOf(shortfall)
	return nil
}
