package housekeeping

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"pushd"
)

// A ledger goes back when its database is restored from a copy, or fails over
// to a replica that had not received everything. Every process raises a counter
// in the database and keeps the last value outside of it, so that a value which
// is lower than one that was seen shows it. What the ledger does not know of any
// more may have been sent; WeChat recognises it only for DedupWindow.

const (
	// RaiseEvery is how often the counter is to be raised.
	RaiseEvery = 3 * time.Second
	// counterLeap is by how much the counter rises when the ledger went back:
	// above everything that another process can have seen.
	counterLeap = 1_000_000
)

// memory is what this process knows of the counter.
type memory struct {
	last    pushd.Counter // of look and raise alone
	looked  atomic.Bool
	held    atomic.Int64
	unsaved atomic.Pointer[string] // why the counter can't be kept
}

// Look compares the ledger with what an earlier start of this process has kept,
// and holds the jobs if the ledger went back, or if Config.Hold asks for it. No
// job may be taken or accepted before it has succeeded once.
func (k *Keeper) Look(ctx context.Context) error {
	if k.memory.looked.Load() {
		return nil
	}
	in, err := k.cfg.Ledger.Installation(ctx)
	if err != nil {
		return err
	}
	k.memory.last = k.loadCounter(in)
	if k.cfg.Hold {
		if err := k.keepUp(func() error { return k.holdAll(ctx) }); err != nil {
			return err
		}
	}
	if err := k.Raise(ctx); err != nil {
		return err
	}
	if err := k.countHeld(ctx); err != nil {
		return err
	}
	k.memory.looked.Store(true)
	return nil
}

// Looked says whether Look has succeeded.
func (k *Keeper) Looked() bool { return k.memory.looked.Load() }

// loadCounter reads what an earlier start has kept. A file that can't be used is
// no reason to send no reminders: it is as if there was none.
func (k *Keeper) loadCounter(in pushd.Installation) pushd.Counter {
	if k.cfg.Counter == nil {
		return pushd.Counter{}
	}
	c, err := k.cfg.Counter.Load()
	switch {
	case err != nil:
		k.cfg.Log.Warn("the counter in PUSHD_STATE_DIR can't be used and starts over; was the database restored from a copy? Then stop, and start with --hold", "err", err)
		return pushd.Counter{}
	case c.Value != 0 && c.Installation != in.Installation:
		k.cfg.Log.Warn("the counter in PUSHD_STATE_DIR is of another installation and starts over; was the database restored from a copy? Then stop, and start with --hold")
		return pushd.Counter{}
	}
	return c
}

// Raise raises the counter. If it is lower than this process knows it to have
// been, the ledger went back.
func (k *Keeper) Raise(ctx context.Context) error {
	return k.keepUp(func() error {
		c, err := k.cfg.Ledger.Raise(ctx, k.memory.last.Value)
		if err == nil {
			k.cfg.Work.Answered()
			k.remember(c)
		}
		if !errors.Is(err, pushd.ErrLost) {
			return err
		}
		if err := k.wentBack(ctx); err != nil {
			return err
		}
		k.cfg.Work.GiveBack()
		return pushd.ErrLost // and is raised from there
	})
}

// keepUp calls f again while it fails because another process has changed the
// counter.
func (k *Keeper) keepUp(f func() error) error {
	for range 5 {
		if err := f(); !errors.Is(err, pushd.ErrLost) {
			return err
		}
	}
	return errors.New("the counter keeps changing")
}

// remember keeps what the database has acknowledged.
func (k *Keeper) remember(c pushd.Counter) {
	k.memory.last = c
	if k.cfg.Counter == nil {
		return
	}
	if err := k.cfg.Counter.Save(c); err != nil {
		text := err.Error()
		if k.memory.unsaved.Swap(&text) == nil {
			k.cfg.Log.Warn("the counter can't be kept in PUSHD_STATE_DIR: a database that is restored would not be recognised", "err", err)
		}
		return
	}
	if k.memory.unsaved.Swap(nil) != nil {
		k.cfg.Log.Info("the counter is kept in PUSHD_STATE_DIR again")
	}
}

// wentBack writes down that the ledger went back, and holds the jobs if WeChat
// may no longer know what the ledger has lost.
//
// The gap begins when the ledger's own counter was raised last, not when this
// process saw it last: what was sent first was sent then.
func (k *Keeper) wentBack(ctx context.Context) error {
	in, err := k.cfg.Ledger.Installation(ctx)
	if err != nil {
		return err
	}
	last := k.memory.last
	if last.Installation != "" && in.Installation != last.Installation {
		k.cfg.Log.Warn("the database is another installation's now; if it was restored from a copy, start pushd again with --hold")
		k.memory.last = pushd.Counter{}
		return nil
	}
	if in.Value >= last.Value {
		return nil // another process has seen to it
	}
	lost := pushd.Gap{From: min(in.At, last.At), To: last.At}
	b := pushd.StepBack{Found: in.Value, Value: last.Value + counterLeap, Lost: lost.Joined(in.Lost),
		Hold: lost.Forgotten(in.Now, k.cfg.DedupWindow), Detail: lost.String() + "; " + pushd.HeldAdvice}
	held, err := k.cfg.Ledger.StepBack(ctx, b)
	if err != nil {
		return err
	}
	k.memory.last.Value = b.Value
	if !b.Hold {
		k.cfg.Log.Warn("the ledger went back; nothing is held, for WeChat recognises what was sent since", "from", lost.From.Std(), "to", lost.To.Std())
		return nil
	}
	k.cfg.Log.Error("the ledger went back: all jobs that have not ended are held; resume or cancel each", "held", held, "from", lost.From.Std(), "to", lost.To.Std())
	k.cfg.Work.LetGo(ctx)
	return k.countHeld(ctx)
}

// holdAll holds all jobs because a person has asked for it.
func (k *Keeper) holdAll(ctx context.Context) error {
	in, err := k.cfg.Ledger.Installation(ctx)
	if err != nil {
		return err
	}
	b := pushd.StepBack{Found: in.Value, Value: max(in.Value, k.memory.last.Value) + counterLeap, Lost: pushd.Gap{To: in.Now},
		Hold: true, Detail: "pushd was started with --hold at " + in.Now.Std().Format(time.RFC3339) + "; " + pushd.HeldAdvice}
	held, err := k.cfg.Ledger.StepBack(ctx, b)
	if err != nil {
		return err
	}
	k.memory.last.Value = b.Value
	k.cfg.Log.Warn("--hold: all jobs that have not ended are held; resume or cancel each", "held", held)
	return nil
}

// Health says what a person has to do because the ledger went back.
func (k *Keeper) Health() (pushd.Level, string) {
	if n := k.memory.held.Load(); n > 0 {
		return pushd.Degraded, fmt.Sprintf("%d jobs are held because the ledger went back (ledger_went_back): resume or cancel each", n)
	}
	if why := k.memory.unsaved.Load(); why != nil {
		return pushd.Degraded, "the counter can't be kept, so a restored database would not be recognised: " + *why
	}
	return pushd.OK, ""
}
