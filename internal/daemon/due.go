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

// due is what is due soon, and what is overdue, as it was when last
// asked for. However many look, the platform is asked every dueEvery.
type due struct {
	list func(ctx context.Context, from, to pushd.Time) ([]pushd.Due, error)

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
		d.over, d.err = d.list(ctx, at(now.Add(-dueBack)), at(now.Add(-dueLate)))
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
	return (&due{list: d.store.DueBetween}).look
}
