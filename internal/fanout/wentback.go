package fanout

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

// CounterStore keeps the counter outside of the database.
type CounterStore interface {
	// Load returns what was saved last; the zero Counter if nothing was.
	Load() (pushd.Counter, error)
	// Save keeps c in place of what was there.
	Save(c pushd.Counter) error
}

const (
	raiseEvery = 3 * time.Second // how often the counter is raised
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

// Look compares the ledger with what an earlier life of this process has kept,
// and holds the jobs if the ledger went back, or if Config.Hold asks for it. No
// job may be taken or accepted before it has succeeded once.
func (e *Engine) Look(ctx context.Context) error {
	if e.memory.looked.Load() {
		return nil
	}
	in, err := e.cfg.Ledger.Installation(ctx)
	if err != nil {
		return err
	}
	e.memory.last = e.loadCounter(in)
	if e.cfg.Hold {
		if err := e.keepUp(func() error { return e.holdAll(ctx) }); err != nil {
			return err
		}
	}
	if err := e.raise(ctx); err != nil {
		return err
	}
	if err := e.countHeld(ctx); err != nil {
		return err
	}
	e.memory.looked.Store(true)
	return nil
}

// Looked says whether Look has succeeded.
func (e *Engine) Looked() bool { return e.memory.looked.Load() }

// loadCounter reads what an earlier life has kept. A file that can't be used is
// no reason to send no reminders: it is as if there was none.
func (e *Engine) loadCounter(in pushd.Installation) pushd.Counter {
	if e.cfg.Counter == nil {
		return pushd.Counter{}
	}
	c, err := e.cfg.Counter.Load()
	switch {
	case err != nil:
		e.log.Warn("the counter in PUSHD_STATE_DIR can't be used and is begun anew; was the database restored from a copy? Then stop, and start with --hold", "err", err)
		return pushd.Counter{}
	case c.Value != 0 && c.Installation != in.Installation:
		e.log.Warn("the counter in PUSHD_STATE_DIR is of another installation and is begun anew; was the database restored from a copy? Then stop, and start with --hold")
		return pushd.Counter{}
	}
	return c
}

// raising raises the counter, and says what is wrong if it can't.
func (e *Engine) raising(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 3*raiseEvery)
	defer cancel()
	if err := e.raise(ctx); err != nil {
		e.failed(ctx, "raise the counter", err)
	}
}

// raise raises the counter. If it is lower than this process knows it to have
// been, the ledger went back.
func (e *Engine) raise(ctx context.Context) error {
	return e.keepUp(func() error {
		c, err := e.cfg.Ledger.Raise(ctx, e.memory.last.Value)
		if err == nil {
			e.answered()
			e.remember(c)
		}
		if !errors.Is(err, pushd.ErrLost) {
			return err
		}
		if err := e.wentBack(ctx); err != nil {
			return err
		}
		e.beginAnew()
		return pushd.ErrLost // and is raised from there
	})
}

// keepUp calls f again while it fails because another process has changed the
// counter.
func (e *Engine) keepUp(f func() error) error {
	for range 5 {
		if err := f(); !errors.Is(err, pushd.ErrLost) {
			return err
		}
	}
	return errors.New("the counter keeps changing")
}

// remember keeps what the database has acknowledged.
func (e *Engine) remember(c pushd.Counter) {
	e.memory.last = c
	if e.cfg.Counter == nil {
		return
	}
	if err := e.cfg.Counter.Save(c); err != nil {
		text := err.Error()
		if e.memory.unsaved.Swap(&text) == nil {
			e.log.Warn("the counter can't be kept in PUSHD_STATE_DIR: a database that is restored would not be recognised", "err", err)
		}
		return
	}
	if e.memory.unsaved.Swap(nil) != nil {
		e.log.Info("the counter is kept in PUSHD_STATE_DIR again")
	}
}

// wentBack writes down that the ledger went back, and holds the jobs if WeChat
// may have forgotten what the ledger has forgotten.
//
// The gap begins when the ledger's own counter was raised last, not when this
// process saw it last: what was sent first was sent then.
func (e *Engine) wentBack(ctx context.Context) error {
	in, err := e.cfg.Ledger.Installation(ctx)
	if err != nil {
		return err
	}
	last := e.memory.last
	if last.Installation != "" && in.Installation != last.Installation {
		e.log.Warn("the database is another installation's now; if it was restored from a copy, start pushd again with --hold")
		e.memory.last = pushd.Counter{}
		return nil
	}
	if in.Value >= last.Value {
		return nil // another process has seen to it
	}
	lost := pushd.Gap{From: min(in.At, last.At), To: last.At}
	b := pushd.StepBack{Found: in.Value, Value: last.Value + counterLeap, Lost: lost.Joined(in.Lost),
		Hold: lost.Forgotten(in.Now, e.cfg.DedupWindow), Detail: lost.String() + "; " + pushd.HeldAdvice}
	held, err := e.cfg.Ledger.StepBack(ctx, b)
	if err != nil {
		return err
	}
	e.memory.last.Value = b.Value
	if !b.Hold {
		e.log.Warn("the ledger went back; nothing is held, for WeChat recognises what was sent since", "from", lost.From.Std(), "to", lost.To.Std())
		return nil
	}
	e.log.Error("the ledger went back: all jobs that have not ended are held; resume or cancel each", "held", held, "from", lost.From.Std(), "to", lost.To.Std())
	return e.stopHeld(ctx)
}

// beginAnew gives back the jobs that are run here, to be claimed again: what
// their runs know of the ledger, such as pages and outcomes, is in it no more.
func (e *Engine) beginAnew() {
	for _, r := range e.running() {
		r.stop(errRelease)
	}
	e.Wake()
}

// holdAll holds all jobs because a person has asked for it.
func (e *Engine) holdAll(ctx context.Context) error {
	in, err := e.cfg.Ledger.Installation(ctx)
	if err != nil {
		return err
	}
	b := pushd.StepBack{Found: in.Value, Value: max(in.Value, e.memory.last.Value) + counterLeap, Lost: pushd.Gap{To: in.Now},
		Hold: true, Detail: "pushd was started with --hold at " + in.Now.Std().Format(time.RFC3339) + "; " + pushd.HeldAdvice}
	held, err := e.cfg.Ledger.StepBack(ctx, b)
	if err != nil {
		return err
	}
	e.memory.last.Value = b.Value
	e.log.Warn("--hold: all jobs that have not ended are held; resume or cancel each", "held", held)
	return nil
}

// stopHeld lets go of the jobs that were held here, without waiting for the
// next renewal.
func (e *Engine) stopHeld(ctx context.Context) error {
	e.renew(ctx)
	return e.countHeld(ctx)
}

// countHeld counts the jobs that are held, for the health.
func (e *Engine) countHeld(ctx context.Context) error {
	n, err := e.cfg.Ledger.CountHeld(ctx)
	if err == nil {
		e.memory.held.Store(int64(n))
	}
	return err
}

// ledgerHealth says what a person has to do because the ledger went back.
func (e *Engine) ledgerHealth() (pushd.Level, string) {
	if n := e.memory.held.Load(); n > 0 {
		return pushd.Degraded, fmt.Sprintf("%d jobs are held because the ledger went back (ledger_went_back): resume or cancel each", n)
	}
	if why := e.memory.unsaved.Load(); why != nil {
		return pushd.Degraded, "the counter can't be kept, so a restored database would not be recognised: " + *why
	}
	return pushd.OK, ""
}
