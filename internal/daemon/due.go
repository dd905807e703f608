package daemon

import (
	"context"
	"sync"
	"time"

	"pushd"
)

const (
	dueSoon  = time.Hour       // how far ahead is looked for what is due
	dueBack  = 24 * time.Hour  // and how far back for what is overdue
	dueLate  = 5 * time.Minute // after which a reminder is overdue
	dueEvery = 30 * time.Second
	dueFor   = 5 * time.Second // longest wait for the platform's query
)

// overdue counts what is overdue, and apart from it what a brake refuses: of that no
// one is to be woken. Which it is can be known only of reminders that are listed.
type overdue struct {
	count  func(ctx context.Context, before pushd.Time) (int64, error)
	list   func(ctx context.Context, from, to pushd.Time) ([]pushd.Due, error) // nil = there is no PUSHD_DUE_LIST
	braked func(ctx context.Context, id pushd.ActID) (bool, error)
}

func (o *overdue) before(ctx context.Context, at pushd.Time) (pushd.Overdue, error) {
	n, err := o.count(ctx, at)
	if err != nil || n == 0 || o.list == nil {
		return pushd.Overdue{Missed: n}, err
	}
	all, err := o.listed(ctx, at.Add(-dueBack), at)
	if err != nil {
		return pushd.Overdue{}, err
	}
	var braked int64
	for _, d := range all {
		if d.Braked {
			braked++
		}
	}
	braked = min(braked, n)
	return pushd.Overdue{Missed: n - braked, Braked: braked}, nil
}

// listed lists what is overdue, with what is known of brakes. A channel that can't be
// read is no reason to keep the others back.
func (o *overdue) listed(ctx context.Context, from, to pushd.Time) ([]pushd.Due, error) {
	all, err := o.list(ctx, from, to)
	for i := range all {
		braked, err := o.braked(ctx, all[i].ActID)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		all[i].Braked = err == nil && braked
	}
	return all, err
}

// due is what is due soon, and what is overdue, as it was when last
// asked for. However many look, the platform is asked every dueEvery.
type due struct {
	list   func(ctx context.Context, from, to pushd.Time) ([]pushd.Due, error)
	listed func(ctx context.Context, from, to pushd.Time) ([]pushd.Due, error) // of what is overdue

	mu         sync.Mutex
	asked      time.Time
	soon, over []pushd.Due
	err        error
}

// look gives what was found, and looks again where that is old.
func (d *due) look(caller context.Context) (soon, over []pushd.Due, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if !d.asked.IsZero() && now.Sub(d.asked) < dueEvery {
		return d.soon, d.over, d.err
	}
	ctx, cancel := context.WithTimeout(caller, dueFor)
	defer cancel()
	at := func(t time.Time) pushd.Time { return pushd.Time(t.UnixMicro()) }
	d.soon, d.err = d.list(ctx, at(now.Add(-dueLate)), at(now.Add(dueSoon)))
	if d.err == nil {
		d.over, d.err = d.listed(ctx, at(now.Add(-dueBack)), at(now.Add(-dueLate)))
	}
	if caller.Err() == nil { // whoever has gone keeps nothing from the next
		d.asked = now
	}
	return d.soon, d.over, d.err
}

// dueList is how the console asks; nil where the platform has no such query.
func (d *Daemon) dueList() func(context.Context) (soon, over []pushd.Due, err error) {
	if d.c.Store.DueList == "" {
		return nil
	}
	return (&due{list: d.store.DueBetween, listed: d.overdue.listed}).look
}
