package ledgertest

import (
	"context"

	"pushd"
)

// Raise raises the installation's counter. See pushd.Counting.
func (l *Memory) Raise(_ context.Context, least int64) (pushd.Counter, error) {
	now := l.begin()
	defer l.Unlock()
	if l.Install.Value < least {
		return pushd.Counter{}, pushd.ErrLost
	}
	l.Install.Value++
	l.Install.At = now
	return l.Install.Counter, nil
}

// Installation reads the installation's row. See pushd.Counting.
func (l *Memory) Installation(context.Context) (pushd.Installation, error) {
	now := l.begin()
	defer l.Unlock()
	in := l.Install
	in.Now = now
	return in, nil
}

// epochLeap is by how much a job's epoch rises when it is held.
const epochLeap = 1000

// StepBack writes down that the ledger went back. See pushd.Counting.
func (l *Memory) StepBack(ctx context.Context, b pushd.StepBack) (held int, err error) {
	now := l.begin()
	defer l.Unlock()
	if l.Install.Value != b.Found {
		return 0, pushd.ErrLost
	}
	l.Install.Value, l.Install.At, l.Install.Lost = b.Value, now, b.Lost
	for _, j := range l.ByID {
		if !b.Hold || j.State.Ended() || j.heldBack() {
			continue
		}
		j.release()
		j.wait(now)
		j.Epoch += epochLeap
		j.adopt()
		j.State, j.Reason, j.Detail, j.ParkedUntil = pushd.Paused, pushd.LedgerWentBack, pushd.ClipDetail(b.Detail), 0
		held++
	}
	if b.Hold {
		l.event(ctx, pushd.WentBackEvent(b, held), now)
	}
	return held, nil
}

// heldBack says that the job is held because the ledger went back.
func (j *Job) heldBack() bool { return j.State == pushd.Paused && j.Reason == pushd.LedgerWentBack }

// CountHeld counts the jobs that are held. See pushd.Counting.
func (l *Memory) CountHeld(context.Context) (n int, err error) {
	l.begin()
	defer l.Unlock()
	for _, j := range l.ByID {
		if j.heldBack() {
			n++
		}
	}
	return n, nil
}
