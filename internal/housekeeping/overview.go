package housekeeping

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"pushd"
)

const (
	// OverlookEvery is how often the ledger is asked about the whole: scrapes
	// and probes are shown what was read last.
	OverlookEvery = 15 * time.Second
	// OverdueEvery is how often the platform is asked for what is overdue: the
	// query is the operator's and may be slow.
	OverdueEvery = time.Minute

	sizeEvery   = 5 * time.Minute  // how often the size of the ledger is read
	overlookFor = 10 * time.Second // the longest such read
	// silentAfter is the silence after which the host counts as silent: its cron
	// runs every minute.
	silentAfter = 5 * time.Minute
	// overdueAfter is how long a reminder may be due before it is overdue: cron
	// runs every minute, and a run may take one.
	overdueAfter = 5 * time.Minute
	// staleAfter is the age at which what was read says nothing about now.
	staleAfter = time.Minute
)

// overdue is what is known of reminders that were not posted.
type overdue struct {
	count  atomic.Pointer[pushd.Overdue] // nil = it is not known
	failed bool                          // of CountOverdue alone
}

// Overlook reads what the ledger says of the whole.
func (k *Keeper) Overlook(ctx context.Context) {
	if !k.cfg.Ready() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, overlookFor)
	defer cancel()
	o, err := k.cfg.Ledger.Overview(ctx)
	if err != nil {
		k.cfg.Work.Failed(ctx, "read the overview", err)
		return
	}
	k.seen.Store(&o)
	if o.Now.Sub(k.sizedAt) < sizeEvery && k.sizedAt != 0 {
		return
	}
	if n, err := k.cfg.Ledger.Size(ctx); err == nil { // an estimate that nothing depends on
		k.size.Store(n)
	}
	k.sizedAt = o.Now
}

// Size is how many bytes the ledger takes, as last read; 0 = not known.
func (k *Keeper) Size() int64 { return k.size.Load() }

// Overview is what was read last; false before that, and when the ledger has not
// been read for so long that it says nothing about now.
func (k *Keeper) Overview() (pushd.Overview, bool) {
	o := k.seen.Load()
	if o == nil || k.cfg.Clock.Now().Sub(o.Now) > staleAfter {
		return pushd.Overview{}, false
	}
	return *o, true
}

// HostHealth says whether the host is heard of. seen is false if it never was,
// or if it is unknown.
func (k *Keeper) HostHealth() (level pushd.Level, text string, seen bool) {
	o, ok := k.Overview()
	if !ok || o.HostSeen == 0 {
		return "", "", false
	}
	if silent := k.cfg.Clock.Now().Sub(o.HostSeen); silent > silentAfter {
		return pushd.Degraded, fmt.Sprintf("the host's cron was last heard of %s ago, at %s: does cron.php run, and reach its database and pushd?",
			silent.Round(time.Second), o.HostSeen.Std().Format(time.RFC3339)), true
	}
	return pushd.OK, "", true
}

// CountOverdue counts the reminders that are overdue. It is no matter of the
// ledger's: a query that fails says nothing about it.
func (k *Keeper) CountOverdue(ctx context.Context) {
	if k.cfg.Overdue == nil || !k.cfg.Ready() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, overlookFor)
	defer cancel()
	n, err := k.cfg.Overdue(ctx, k.cfg.Clock.Now().Add(-overdueAfter))
	if errors.Is(err, context.Canceled) {
		return // the process stops
	}
	if failed := err != nil; failed != k.overdue.failed {
		k.overdue.failed = failed
		if failed {
			k.cfg.Log.Warn("PUSHD_DUE_QUERY fails: it is not known what is overdue", "err", err)
		} else {
			k.cfg.Log.Info("PUSHD_DUE_QUERY works again")
		}
	}
	if k.overdue.count.Store(nil); err == nil {
		k.overdue.count.Store(&n)
	}
}

// Overdue is how many reminders were overdue when they were last counted; false
// if it is unknown.
func (k *Keeper) Overdue() (pushd.Overdue, bool) {
	if n := k.overdue.count.Load(); n != nil {
		return *n, true
	}
	return pushd.Overdue{}, false
}
