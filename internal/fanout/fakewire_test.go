package fanout

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"pushd/internal/control"

	"pushd"
	"pushd/internal/fanout/readback"
)

// process is one life of one instance: when it crashes, or is frozen, all its
// calls to the world are.
type process struct {
	w      *sim
	owner  pushd.Owner
	engine *Engine
	tokens *fakeTokens
	stop   context.CancelFunc // as SIGTERM does
	ended  chan struct{}
	rev    atomic.Int64 // numbers its writes, as package store does
	pace   float64      // of its clock

	mu     sync.Mutex
	dead   chan struct{} // closed by a crash
	thawed chan struct{} // closed while it is not frozen
	offset time.Duration // of its clock
	stands time.Time     // since when its clock stands still; zero = it goes
	stood  bool          // and that it did so
}

func newProcess(w *sim, o pushd.Owner) *process {
	p := &process{w: w, owner: o, ended: make(chan struct{}), dead: make(chan struct{}), thawed: make(chan struct{}), pace: 1}
	close(p.thawed)
	p.tokens = newFakeTokens(p)
	if w.faults&processClocks != 0 {
		d := w.dice("clock")
		p.pace, p.offset = 1+(d.Float64()-0.5)/1000, time.Duration(d.IntN(1000))*time.Hour
	}
	return p
}

// boottime is the process's clock.
func (p *process) boottime() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if !p.stands.IsZero() {
		now = p.stands
	}
	return time.Duration(float64(now.Sub(p.w.start))*p.pace) + p.offset
}

// step sets the process's clock.
func (p *process) step(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.offset += d
}

// odd says that the process can't know how long its lease lasts.
func (p *process) odd() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stood || !p.stands.IsZero()
}

// mayRecord says that what the process hears of a message can get into the database: not
// where its clock stood still until another process had the job, or the database had
// lost it.
func (p *process) mayRecord(id pushd.MsgID) bool {
	if !p.odd() {
		return true
	}
	job := p.w.ledger.Sending(id)
	if job == "" {
		return false
	}
	owner, _ := p.w.ledger.Holder(job)
	return owner == p.owner
}

// die ends the process, and says whether it lived.
func (p *process) die() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.crashed() {
		return false
	}
	close(p.dead)
	return true
}

var errDatabase = errors.New("connection refused")

// crashed says whether the process is no more.
func (p *process) crashed() bool {
	select {
	case <-p.dead:
		return true
	default:
		return false
	}
}

// travel is the way to the world or back: it takes d, and does not end while
// the process is frozen. It returns early when ctx ends or the process dies.
func (p *process) travel(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-p.dead:
		return errDatabase
	}
	p.mu.Lock()
	thawed := p.thawed
	p.mu.Unlock()
	select {
	case <-thawed:
		return nil
	case <-p.dead:
		return errDatabase
	}
}

// wire is the ledger as one process sees it.
type wire struct {
	*fakeLedger
	p *process
}

// call makes one call to the database: it may be slow, fail, or be carried
// out although its answer is lost.
func (c wire) call(ctx context.Context, name string, f func() error) error {
	if c.p.crashed() || ctx.Err() != nil {
		return errDatabase
	}
	w, d := c.p.w, c.p.w.dice("database", name)
	way := time.Duration(1+d.IntN(3)) * time.Millisecond
	if w.has(slowDatabase) && d.IntN(20) == 0 {
		way = time.Duration(d.IntN(3000)) * time.Millisecond
	}
	life := c.Life()
	if err := c.p.travel(ctx, way); err != nil {
		// It may have been on its way already, and lands some time later.
		// Taking back is left out: landing behind the claim of the life after
		// next it would lapse a good lease. The epoch then keeps the ledger
		// right and WeChat's dedup the people, but two may send at once.
		if d.IntN(2) == 0 && name != "take back" {
			w.late.Go(func() {
				time.Sleep(time.Duration(d.IntN(5000)) * time.Millisecond)
				if c.Life() == life { // else its server is no more
					_ = f()
				}
			})
		}
		return err
	}
	if w.down() || c.Life() != life || w.has(failingDatabase) && d.IntN(15) == 0 {
		return errDatabase
	}
	err := f()
	if w.has(lostCommits) && d.IntN(15) == 0 {
		w.trace("database carries out %s of %s, the answer is lost (%v)", name, c.p.owner.Boot, err)
		return errDatabase
	}
	if back := c.p.travel(ctx, way); back != nil {
		return back
	}
	return err
}

// ask is call for something that returns a value. A call that is carried out late,
// when nobody waits for it any more, keeps its value for itself.
func ask[T any](c wire, ctx context.Context, name string, f func(context.Context) (T, error)) (T, error) {
	var mu sync.Mutex
	var v T
	err := c.call(ctx, name, func() error {
		got, err := f(context.Background())
		mu.Lock()
		v = got
		mu.Unlock()
		return err
	})
	mu.Lock()
	defer mu.Unlock()
	if err != nil && ctx.Err() != nil { // it may still be under way
		var none T
		return none, err
	}
	return v, err
}

// read is ask for something that changes nothing, and may be answered by a node
// of the database that is some seconds behind.
func read[T any](c wire, ctx context.Context, name string, f func(*fakeLedger) (T, error)) (T, error) {
	return ask(c, ctx, name, func(context.Context) (T, error) {
		w, node := c.p.w, c.fakeLedger
		if d := w.dice("node", name); w.has(staleReads) && d.IntN(4) == 0 {
			if old := w.ago(time.Duration(d.IntN(6000)) * time.Millisecond); old != nil {
				node = old
			}
		}
		return f(node)
	})
}

func (c wire) Now(ctx context.Context) (pushd.Time, error) {
	return ask(c, ctx, "now", c.fakeLedger.Now)
}

func (c wire) TakeBack(ctx context.Context, o pushd.Owner) (int, error) {
	return ask(c, ctx, "take back", func(ctx context.Context) (int, error) { return c.fakeLedger.TakeBack(ctx, o) })
}

func (c wire) Due(ctx context.Context, limit int) ([]pushd.JobID, error) {
	return read(c, ctx, "due", func(l *fakeLedger) ([]pushd.JobID, error) { return l.Due(ctx, limit) })
}

func (c wire) Leases(ctx context.Context) ([]pushd.Observation, error) {
	return read(c, ctx, "leases", func(l *fakeLedger) ([]pushd.Observation, error) { return l.Leases(ctx) })
}

func (c wire) Lapse(ctx context.Context, seen pushd.Observation) (bool, error) {
	return ask(c, ctx, "lapse", func(ctx context.Context) (bool, error) { return c.fakeLedger.Lapse(ctx, seen) })
}

func (c wire) Claim(ctx context.Context, o pushd.Owner, id pushd.JobID, term time.Duration) (pushd.Job, error) {
	return ask(c, ctx, "claim", func(ctx context.Context) (pushd.Job, error) {
		j, err := c.fakeLedger.Claim(ctx, o, id, term)
		if err == nil {
			c.p.w.tookOver(id)
		}
		c.p.w.trace("%s claims: epoch %d, %v", o.Boot, j.Epoch, err)
		return j, err
	})
}

func (c wire) Renew(ctx context.Context, o pushd.Owner, term time.Duration, held []pushd.Held) ([]pushd.JobID, error) {
	return ask(c, ctx, "renew", func(ctx context.Context) ([]pushd.JobID, error) { return c.fakeLedger.Renew(ctx, o, term, held) })
}

func (c wire) Orders(ctx context.Context, o pushd.Owner) ([]pushd.Order, error) {
	return read(c, ctx, "orders", func(l *fakeLedger) ([]pushd.Order, error) { return l.Orders(ctx, o) })
}

func (c wire) Release(ctx context.Context, l pushd.Lease) error {
	return c.call(ctx, "release", func() error {
		c.p.w.trace("%s releases epoch %d", c.p.owner.Boot, l.Epoch)
		return c.fakeLedger.Release(context.Background(), l)
	})
}

func (c wire) Park(ctx context.Context, l pushd.Lease, k pushd.Parking) error {
	return c.call(ctx, "park", func() error {
		c.p.w.trace("%s parks epoch %d: %s until %s", c.p.owner.Boot, l.Epoch, k.Reason, k.Until.Std().Format(time.TimeOnly))
		return c.fakeLedger.Park(context.Background(), l, k)
	})
}

func (c wire) StorePage(ctx context.Context, l pushd.Lease, pg pushd.Page, walk pushd.Walk) error {
	rev := c.p.rev.Add(1)
	return c.call(ctx, "store page", func() error {
		c.p.w.trace("%s stores page %d: %d people, cursor %q", c.p.owner.Boot, pg.No, len(pg.OpenIDs), walk.Cursor)
		return c.fakeLedger.StorePageAs(ctx, l, pg, walk, rev)
	})
}

func (c wire) SaveWalk(ctx context.Context, l pushd.Lease, walk pushd.Walk) error {
	return c.call(ctx, "save walk", func() error {
		c.p.w.trace("%s saves walk: pass %d, cursor %q, complete %v", c.p.owner.Boot, walk.Pass, walk.Cursor, walk.Complete)
		return c.fakeLedger.SaveWalk(context.Background(), l, walk)
	})
}

func (c wire) StartOver(ctx context.Context, l pushd.Lease, passAt pushd.Time) error {
	return c.call(ctx, "start over", func() error { return c.fakeLedger.StartOver(context.Background(), l, passAt) })
}

func (c wire) Progress(ctx context.Context, id pushd.JobID, from, to int) ([]pushd.Progress, error) {
	return read(c, ctx, "progress", func(l *fakeLedger) ([]pushd.Progress, error) { return l.Progress(ctx, id, from, to) })
}

func (c wire) People(ctx context.Context, id pushd.JobID, page, offset, limit int) ([]byte, error) {
	return read(c, ctx, "people", func(l *fakeLedger) ([]byte, error) {
		if limit == readback.SomeBytes {
			limit = 300 // so that a small page is fed in several batches, as a large one is
		}
		return l.People(ctx, id, page, offset, limit)
	})
}

func (c wire) Record(ctx context.Context, l pushd.Lease, rows []pushd.Progress) error {
	rev := c.p.rev.Add(1)
	return c.call(ctx, "record", func() error { return c.RecordAs(l, rows, rev) })
}

func (c wire) Reload(ctx context.Context, id pushd.JobID) (pushd.Job, error) {
	return read(c, ctx, "reload", func(l *fakeLedger) (pushd.Job, error) { return l.Reload(ctx, id) })
}

func (c wire) SaveMessage(ctx context.Context, l pushd.Lease, m pushd.Prepared) (int, error) {
	return ask(c, ctx, "save message", func(ctx context.Context) (int, error) { return c.fakeLedger.SaveMessage(ctx, l, m) })
}

func (c wire) SaveQuota(ctx context.Context, l pushd.Lease, remain, short *int64) error {
	return c.call(ctx, "save quota", func() error { return c.fakeLedger.SaveQuota(context.Background(), l, remain, short) })
}

func (c wire) Finish(ctx context.Context, l pushd.Lease, e pushd.Ending) error {
	return c.call(ctx, "finish", func() error {
		err := c.fakeLedger.Finish(context.Background(), l, e)
		c.p.w.trace("%s finishes epoch %d: %s %s, %v", c.p.owner.Boot, l.Epoch, e.State, e.Reason, err)
		return err
	})
}

func (c wire) Channel(ctx context.Context, id pushd.ActID) (pushd.Channel, error) {
	return read(c, ctx, "channel", func(l *fakeLedger) (pushd.Channel, error) {
		c.p.w.mu.Lock()
		away := time.Now().Before(c.p.w.away)
		c.p.w.mu.Unlock()
		if away && id == 1 {
			return pushd.Channel{}, pushd.ErrNotFound
		}
		return l.Channel(ctx, id)
	})
}

func (c wire) Texts(ctx context.Context, app pushd.AppID, id pushd.TemplateID) (pushd.Texts, error) {
	return read(c, ctx, "texts", func(l *fakeLedger) (pushd.Texts, error) { return l.Texts(ctx, app, id) })
}

func (c wire) Working(ctx context.Context, after pushd.ActID, limit int) ([]pushd.Job, error) {
	return read(c, ctx, "working", func(l *fakeLedger) ([]pushd.Job, error) { return l.Working(ctx, after, limit) })
}

func (c wire) Ended(ctx context.Context, after pushd.EndMark, until pushd.Time, limit int) ([]pushd.Job, error) {
	return read(c, ctx, "ended", func(l *fakeLedger) ([]pushd.Job, error) { return l.Ended(ctx, after, until, limit) })
}

func (c wire) Statuses(ctx context.Context, ids []pushd.ActID) (map[pushd.ActID]int, error) {
	return read(c, ctx, "statuses", func(l *fakeLedger) (map[pushd.ActID]int, error) { return l.Statuses(ctx, ids) })
}

func (c wire) CorrectStatus(ctx context.Context, seen pushd.Job, start int64, status int) (bool, error) {
	return ask(c, ctx, "correct status", func(ctx context.Context) (bool, error) {
		return c.fakeLedger.CorrectStatus(ctx, seen, start, status)
	})
}

func (c wire) Expire(ctx context.Context, limit int) ([]pushd.JobID, error) {
	return ask(c, ctx, "expire", func(ctx context.Context) ([]pushd.JobID, error) {
		ids, err := c.fakeLedger.Expire(ctx, limit)
		for _, id := range ids {
			c.p.w.tookOver(id)
		}
		return ids, err
	})
}

func (c wire) RemoveJobs(ctx context.Context, t pushd.Time) (bool, error) {
	return ask(c, ctx, "remove jobs", func(ctx context.Context) (bool, error) { return c.fakeLedger.RemoveJobs(ctx, t) })
}

func (c wire) Last(ctx context.Context, id pushd.ActID) (pushd.Job, error) {
	return read(c, ctx, "last", func(l *fakeLedger) (pushd.Job, error) { return l.Last(ctx, id) })
}

func (c wire) SaveSent(ctx context.Context, l pushd.Lease, at pushd.Time) error {
	return c.call(ctx, "save sent", func() error { return c.fakeLedger.SaveSent(context.Background(), l, at) })
}

func (c wire) Holds(ctx context.Context) ([]pushd.Hold, error) {
	return read(c, ctx, "holds", func(l *fakeLedger) ([]pushd.Hold, error) { return l.Holds(ctx) })
}

func (c wire) Note(ctx context.Context, e pushd.Event) error {
	return c.call(ctx, "note", func() error { return c.fakeLedger.Note(context.Background(), e) })
}

// ---- What the API asks

// holding is a hold and whether it was there.
type holding struct {
	hold    pushd.Hold
	existed bool
}

func (c wire) SetHold(ctx context.Context, h pushd.Hold) (pushd.Hold, bool, error) {
	got, err := ask(c, ctx, "set hold", func(ctx context.Context) (holding, error) {
		in, existed, err := c.fakeLedger.SetHold(ctx, h)
		c.p.w.trace("hold of %q, %v", h.AppID, err)
		return holding{in, existed}, err
	})
	return got.hold, got.existed, err
}

func (c wire) LiftHold(ctx context.Context, appID pushd.AppID) (pushd.Hold, error) {
	return ask(c, ctx, "lift hold", func(ctx context.Context) (pushd.Hold, error) {
		c.p.w.trace("hold of %q is lifted", appID)
		return c.fakeLedger.LiftHold(ctx, appID)
	})
}

func (c wire) Standstill(ctx context.Context, appID pushd.AppID, since pushd.Time) (pushd.Standstill, error) {
	return read(c, ctx, "standstill", func(l *fakeLedger) (pushd.Standstill, error) { return l.Standstill(ctx, appID, since) })
}

func (c wire) Job(ctx context.Context, id pushd.JobID) (pushd.Job, error) {
	return read(c, ctx, "job", func(l *fakeLedger) (pushd.Job, error) { return l.Job(ctx, id) })
}

func (c wire) Active(ctx context.Context, id pushd.ActID) (pushd.Job, error) {
	return read(c, ctx, "active", func(l *fakeLedger) (pushd.Job, error) { return l.Active(ctx, id) })
}

func (c wire) Newest(ctx context.Context, id pushd.ActID, start int64) (pushd.Job, error) {
	return read(c, ctx, "newest", func(l *fakeLedger) (pushd.Job, error) { return l.Newest(ctx, id, start) })
}

func (c wire) Create(ctx context.Context, job pushd.Job) (pushd.Job, error) {
	return ask(c, ctx, "create", func(ctx context.Context) (pushd.Job, error) { return c.fakeLedger.Create(ctx, job) })
}

func (c wire) Refuse(ctx context.Context, app pushd.AppID, id pushd.TemplateID, who []pushd.OpenID) error {
	return c.call(ctx, "refuse", func() error { return c.fakeLedger.Refuse(context.Background(), app, id, who) })
}

func (c wire) Refused(ctx context.Context, app pushd.AppID, id pushd.TemplateID, within time.Duration, who []pushd.OpenID) ([]pushd.OpenID, error) {
	return ask(c, ctx, "refused", func(ctx context.Context) ([]pushd.OpenID, error) {
		return c.fakeLedger.Refused(ctx, app, id, within, who)
	})
}

func (c wire) PurgeRefusals(ctx context.Context, t pushd.Time) (bool, error) {
	return ask(c, ctx, "purge refusals", func(ctx context.Context) (bool, error) { return c.fakeLedger.PurgeRefusals(ctx, t) })
}

func (c wire) Activity(ctx context.Context, app pushd.AppID, since pushd.Time) (pushd.Activity, error) {
	return read(c, ctx, "activity", func(l *fakeLedger) (pushd.Activity, error) { return l.Activity(ctx, app, since) })
}

func (c wire) CreateAfter(ctx context.Context, job pushd.Job, seen pushd.Activity) (pushd.Job, error) {
	return ask(c, ctx, "create", func(ctx context.Context) (pushd.Job, error) { return c.fakeLedger.CreateAfter(ctx, job, seen) })
}

func (c wire) Command(ctx context.Context, id pushd.JobID, cmd pushd.Command) (pushd.Job, error) {
	return ask(c, ctx, "command", func(ctx context.Context) (pushd.Job, error) {
		c.p.w.commanded(id, cmd)
		return c.fakeLedger.Command(ctx, id, cmd)
	})
}

var (
	_ pushd.Ledger = wire{}
	_ control.Book = wire{}
)

func (c wire) Raise(ctx context.Context, least int64) (pushd.Counter, error) {
	return ask(c, ctx, "raise", func(ctx context.Context) (pushd.Counter, error) { return c.fakeLedger.Raise(ctx, least) })
}

func (c wire) Installation(ctx context.Context) (pushd.Installation, error) {
	return ask(c, ctx, "installation", c.fakeLedger.Installation)
}

func (c wire) StepBack(ctx context.Context, b pushd.StepBack) (int, error) {
	return ask(c, ctx, "step back", func(ctx context.Context) (int, error) { return c.fakeLedger.StepBack(ctx, b) })
}

func (c wire) CountHeld(ctx context.Context) (int, error) {
	return ask(c, ctx, "count held", c.fakeLedger.CountHeld)
}

// kept keeps a process's counter outside of the database.
type kept struct{ pushd.Counter }

func (k *kept) Load() (pushd.Counter, error) { return k.Counter, nil }

func (k *kept) Save(c pushd.Counter) error {
	k.Counter = c
	return nil
}
