package ledgertest

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"pushd"
)

// hold is the hold under which an account's jobs wait; nil if there is none.
func (l *Memory) hold(appID pushd.AppID) *pushd.Hold {
	for _, scope := range []pushd.AppID{"", appID} {
		if h, ok := l.OnHold[scope]; ok {
			return &h
		}
	}
	return nil
}

// setHold sets a hold unless there is one.
func (l *Memory) setHold(h pushd.Hold, now pushd.Time) (existed bool) {
	if _, existed = l.OnHold[h.AppID]; !existed {
		h.Reason, h.Since = pushd.ClipDetail(h.Reason), now
		l.OnHold[h.AppID] = h
	}
	return existed
}

// SetHold sets a hold. See pushd.Holds.
func (l *Memory) SetHold(ctx context.Context, h pushd.Hold) (in pushd.Hold, existed bool, err error) {
	now := l.begin()
	defer l.Unlock()
	h.Stopped = 0
	for _, j := range l.ByID {
		if j.under(h.AppID) && j.State == pushd.Running && j.Leased != 0 {
			h.Stopped++
		}
	}
	existed = l.setHold(h, now)
	in = l.OnHold[h.AppID]
	if !existed {
		l.event(ctx, pushd.HeldEvent(in), now)
	}
	return in, existed, nil
}

// under says that a hold of this account, or of all, is one on the job.
func (j *Job) under(scope pushd.AppID) bool { return scope == "" || scope == j.AppID }

// LiftHold removes a hold. See pushd.Holds.
func (l *Memory) LiftHold(ctx context.Context, appID pushd.AppID) (pushd.Hold, error) {
	now := l.begin()
	defer l.Unlock()
	h, ok := l.OnHold[appID]
	if !ok {
		return pushd.Hold{}, pushd.ErrNotFound
	}
	delete(l.OnHold, appID)
	l.event(ctx, pushd.LiftedEvent(h), now)
	return h, nil
}

// Holds lists the holds. See pushd.Holds.
func (l *Memory) Holds(context.Context) ([]pushd.Hold, error) {
	l.begin()
	defer l.Unlock()
	return slices.SortedFunc(maps.Values(l.OnHold), func(a, b pushd.Hold) int { return cmp.Compare(a.AppID, b.AppID) }), nil
}

// Standstill says how far jobs have come to rest. See pushd.Holds.
func (l *Memory) Standstill(_ context.Context, appID pushd.AppID, since pushd.Time) (s pushd.Standstill, err error) {
	l.begin()
	defer l.Unlock()
	for _, j := range l.ByID {
		if !j.under(appID) || j.State.Ended() && j.FinishedAt < since {
			continue
		}
		s.LastSent = max(s.LastSent, j.LastSent)
		switch {
		case j.Leased != 0:
			s.Stopping++
		case j.State.Active():
			s.Waiting++
		}
	}
	return s, nil
}

// SaveSent stores when a send was last started. See pushd.Notes.
func (l *Memory) SaveSent(_ context.Context, lease pushd.Lease, at pushd.Time) error {
	l.begin()
	defer l.Unlock()
	if j := l.ByID[lease.Job]; j != nil && j.Epoch == lease.Epoch && j.Owner.Instance != "" {
		j.LastSent = max(j.LastSent, at)
	}
	return nil
}
