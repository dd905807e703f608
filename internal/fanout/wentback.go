package fanout

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// A ledger goes back when its database is restored from a copy, or fails over
// to a replica that had not received everything. Every process raises a counter
// in the database and keeps the last value outside of it, so that a value which
// is lower than one that was seen shows it. What the ledger does not know of any
// more may have been sent; WeChat recognises it only for DedupWindow.

// Counter is the installation's counter as somebody saw it.
type Counter struct {
	// Installation tells one installation from another; it derives from the
	// salt and does not tell it.
	Installation string
	Value        int64 // 0 = none was seen yet
	At           Time  // when it was raised to this
}

// Installation is what the ledger says of itself.
type Installation struct {
	Counter
	Lost Gap  // what it has forgotten, when it went back last
	Now  Time // the database's clock when it was read
}

// Gap is a time of which a ledger that went back has forgotten what happened.
// The zero Gap is none.
type Gap struct {
	From Time // 0 = not known
	To   Time
}

// StepBack is what is to be written down when the ledger went back.
type StepBack struct {
	Found int64 // the counter as it was found
	Value int64 // and what it becomes
	Lost  Gap
	// Hold says whether all jobs that have not ended are held, and Detail why,
	// for people.
	Hold   bool
	Detail string
}

// Counting is the part of the ledger by which a process recognises that the
// database went back.
type Counting interface {
	// Raise raises the counter by one. ErrLost: it is below least, or not
	// there, and nothing was written. A value that was raised once is never
	// below another that was read before, unless the database went back.
	Raise(ctx context.Context, least int64) (Counter, error)
	// Installation reads the installation's row. It is made where there is none.
	Installation(ctx context.Context) (Installation, error)
	// StepBack writes down that the ledger went back, and holds the jobs, in one
	// transaction. A job that is held is paused with LedgerWentBack; whoever had
	// it can't write any more. It says how many it held. ErrLost: the counter is
	// not Found any more, and nothing was written.
	StepBack(ctx context.Context, b StepBack) (held int, err error)
	// CountHeld counts the jobs that are held because the ledger went back.
	CountHeld(ctx context.Context) (int, error)
}

// CounterStore keeps the counter outside of the database.
type CounterStore interface {
	// Load returns what was saved last; the zero Counter if nothing was.
	Load() (Counter, error)
	// Save keeps c in place of what was there.
	Save(c Counter) error
}

const (
	raiseEvery = 3 * time.Second // how often the counter is raised
	// counterLeap is by how much the counter rises when the ledger went back:
	// above everything that another process can have seen.
	counterLeap = 1_000_000
	// lostFor is how long reminders are asked for of which the ledger has
	// forgotten that they were accepted.
	lostFor = 24 * time.Hour
)

// memory is what this process knows of the counter.
type memory struct {
	last    Counter // of look and raise alone
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
func (e *Engine) loadCounter(in Installation) Counter {
	if e.cfg.Counter == nil {
		return Counter{}
	}
	c, err := e.cfg.Counter.Load()
	switch {
	case err != nil:
		e.log.Warn("the counter in PUSHD_STATE_DIR can't be used and is begun anew; was the database restored from a copy? Then stop, and start with --hold", "err", err)
		return Counter{}
	case c.Value != 0 && c.Installation != in.Installation:
		e.log.Warn("the counter in PUSHD_STATE_DIR is of another installation and is begun anew; was the database restored from a copy? Then stop, and start with --hold")
		return Counter{}
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
		if !errors.Is(err, ErrLost) {
			return err
		}
		if err := e.wentBack(ctx); err != nil {
			return err
		}
		e.beginAnew()
		return ErrLost // and is raised from there
	})
}

// keepUp calls f again while it fails because another process has changed the
// counter.
func (e *Engine) keepUp(f func() error) error {
	for range 5 {
		if err := f(); !errors.Is(err, ErrLost) {
			return err
		}
	}
	return errors.New("the counter keeps changing")
}

// remember keeps what the database has acknowledged.
func (e *Engine) remember(c Counter) {
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
		e.memory.last = Counter{}
		return nil
	}
	if in.Value >= last.Value {
		return nil // another process has seen to it
	}
	lost := Gap{From: min(in.At, last.At), To: last.At}
	b := StepBack{Found: in.Value, Value: last.Value + counterLeap, Lost: lost.with(in.Lost),
		Hold: lost.forgotten(in.Now, e.cfg.DedupWindow), Detail: lost.String() + "; " + whatToDo}
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
	b := StepBack{Found: in.Value, Value: max(in.Value, e.memory.last.Value) + counterLeap, Lost: Gap{To: in.Now},
		Hold: true, Detail: "pushd was started with --hold at " + stamp(in.Now) + "; " + whatToDo}
	held, err := e.cfg.Ledger.StepBack(ctx, b)
	if err != nil {
		return err
	}
	e.memory.last.Value = b.Value
	e.log.Warn("--hold: all jobs that have not ended are held; resume or cancel each", "held", held)
	return nil
}

// whatToDo is the end of the detail of a job that is held.
const whatToDo = "resume the job to send to everyone of whom the ledger does not know that they got the message (some may get it twice), or cancel it"

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
func (e *Engine) ledgerHealth() (Level, string) {
	if n := e.memory.held.Load(); n > 0 {
		return Degraded, fmt.Sprintf("%d jobs are held because the ledger went back (ledger_went_back): resume or cancel each", n)
	}
	if why := e.memory.unsaved.Load(); why != nil {
		return Degraded, "the counter can't be kept, so a restored database would not be recognised: " + *why
	}
	return OK, ""
}

// forgotten says that WeChat may not recognise any more what was sent in the
// gap. A gap from the future is of a clock that can't be believed.
func (g Gap) forgotten(now Time, window time.Duration) bool {
	age := now.Sub(g.From)
	return g.From == 0 || age < -clockSlack || age >= window
}

// with is the gap together with an earlier one of which reminders may still be
// missing.
func (g Gap) with(earlier Gap) Gap {
	if earlier.To != 0 && g.To.Sub(earlier.To) < lostFor {
		g.From = min(g.From, earlier.From)
		g.To = max(g.To, earlier.To)
	}
	return g
}

// covers says whether a reminder of which the ledger knows nothing may have been
// accepted and sent in the gap: it was due by then, and WeChat may not recognise
// its messages any more.
func (g Gap) covers(ch Channel, now Time, window time.Duration) bool {
	if g.To == 0 || now.Sub(g.To) >= lostFor || !g.forgotten(now, window) {
		return false
	}
	if ch.StartTime == 0 || ch.NotifyMinutes == nil {
		return true // nobody knows when it was due
	}
	due := Time(ch.StartTime * 1e6).Add(-time.Duration(*ch.NotifyMinutes) * time.Minute)
	return due <= g.To.Add(clockSlack)
}

// String words the gap for people.
func (g Gap) String() string {
	from := "at a time that is not known"
	if g.From != 0 {
		from = "at " + stamp(g.From)
	}
	return fmt.Sprintf("the database went back to how it was %s; what happened from then until %s is not in it", from, stamp(g.To))
}

// stamp writes a time for people.
func stamp(t Time) string { return t.Std().Format(time.RFC3339) }
