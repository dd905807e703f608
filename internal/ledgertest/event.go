package ledgertest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"pushd"
)

// event writes down what has happened.
func (l *Memory) event(ctx context.Context, e pushd.Event, now pushd.Time) {
	e.By, e.Detail, e.Figures = cmp.Or(e.By, pushd.ActorOf(ctx)), pushd.ClipDetail(e.Detail), maps.Clone(e.Figures)
	if j := l.ByID[e.Job]; j != nil {
		e.AppID = j.AppID
	}
	var alike []int
	for i, o := range l.events {
		if o.Job == e.Job && o.Kind == e.Kind && o.Reason == e.Reason &&
			(e.Job != "" || o.AppID == e.AppID && o.At > now.Add(-time.Hour)) {
			alike = append(alike, i)
		}
	}
	if len(alike) >= pushd.EventsOfAKind {
		o := &l.events[alike[len(alike)-1]]
		o.Times, o.Last, o.By, o.Detail, o.Figures = o.Times+1, now, e.By, e.Detail, e.Figures
		return
	}
	l.lastEvent++
	e.ID, e.At, e.Last, e.Times = l.lastEvent, now, now, 1
	l.events = append(l.events, e)
}

// Note writes an event down. See pushd.Events.
func (l *Memory) Note(ctx context.Context, e pushd.Event) error {
	now := l.begin()
	defer l.Unlock()
	l.event(ctx, e, now)
	return nil
}

// Events lists events. See pushd.Events.
func (l *Memory) Events(_ context.Context, f pushd.EventFilter) (events []pushd.Event, next string, err error) {
	now := l.begin()
	defer l.Unlock()
	var at pushd.Time
	var id int64
	if f.Cursor != "" {
		if n, err := fmt.Sscanf(f.Cursor, "%d-%d", &at, &id); n != 2 || err != nil {
			return nil, "", pushd.ErrCursor
		}
	}
	all := slices.SortedFunc(slices.Values(l.events), func(a, b pushd.Event) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID))
	})
	next = f.Cursor
	for _, e := range all {
		if f.Job != "" && e.Job != f.Job || f.AppID != "" && e.AppID != f.AppID || e.At < f.Since ||
			f.Settled && e.At >= now.Add(-time.Second) || e.At < at || e.At == at && e.ID <= id || len(events) == f.Limit {
			continue
		}
		e.Figures = maps.Clone(e.Figures)
		events, next = append(events, e), fmt.Sprintf("%d-%d", e.At, e.ID)
	}
	return events, next, nil
}
