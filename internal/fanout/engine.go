package fanout

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"pushd"
	"pushd/internal/account"
	"pushd/internal/fanout/accountstate"
	"pushd/internal/fanout/intake"
	"pushd/internal/health"
	"pushd/internal/housekeeping"
	"pushd/internal/lease"
	"pushd/internal/meter"
	"pushd/internal/pace"
	"pushd/internal/retry"
)

// Engine works on jobs: it claims what is due, runs each job in goroutines of
// its own, keeps the leases, hears commands, and keeps the status column true.
type Engine struct {
	cfg      Config
	log      *slog.Logger
	clock    *lease.Clock
	jitter   *retry.Jitter
	wechat   *account.Client
	retry    retry.Retrier
	counters meter.Counters
	slots    *intake.Slots
	total    *pace.Bucket
	observer *lease.Observer
	refusals intake.Refusals
	house    *housekeeping.Keeper
	database *health.Database
	accounts *accountstate.Table

	wake     chan struct{}
	events   chan pushd.Event // to be written down
	draining atomic.Bool
	pulse    atomic.Pointer[time.Time] // when share last came round; nil before that

	mu   sync.Mutex
	runs map[pushd.JobID]*run
}

// New makes an engine. Nothing runs before Run.
func New(cfg Config) *Engine {
	e := &Engine{
		cfg: cfg, log: cfg.Log, jitter: retry.NewJitter(cfg.Rand), slots: intake.NewSlots(cfg.MaxJobs),
		total: pace.NewBucket(float64(cfg.TotalRate)), wake: make(chan struct{}, 1), events: make(chan pushd.Event, 256),
		runs: map[pushd.JobID]*run{}, database: health.NewDatabase(time.Now()),
	}
	e.accounts = accountstate.NewTable(func() *pace.Pacer { return pace.New(cfg.Concurrency, cfg.Rate, e.total) })
	e.wechat = account.New(cfg.WeChat, cfg.Tokens, e.jitter)
	e.clock = lease.NewClock(cfg.Boottime)
	e.observer = lease.NewObserver(cfg.Lease)
	e.house = housekeeping.New(housekeeping.Config{
		Ledger: cfg.Ledger, Work: work{e}, Log: cfg.Log, Clock: e.clock, Boottime: cfg.Boottime, Ready: e.ready,
		DedupWindow: cfg.DedupWindow, Retention: cfg.Retention, JobRetention: cfg.JobRetention, RefusalMemory: cfg.RefusalMemory, StatusFailed: cfg.StatusFailed, Counter: cfg.Counter, Hold: cfg.Hold, Overdue: cfg.Overdue,
	})
	e.retry = retry.Retrier{Log: cfg.Log, Jitter: e.jitter, Failures: &e.counters.LedgerErrors}
	return e
}

// Draining says that the engine takes no new work any more.
func (e *Engine) Draining() bool { return e.draining.Load() }

// Run works until ctx ends, then drains: nothing new is claimed or started,
// what is in flight is finished and recorded, and the leases go back. drain
// bounds that. It returns when all its goroutines have ended.
func (e *Engine) Run(ctx context.Context, drain time.Duration) error {
	ctx = pushd.ActedBy(ctx, pushd.Actor(e.cfg.Owner.Instance))
	hard, kill := context.WithCancelCause(context.WithoutCancel(ctx))
	defer kill(errRelease)
	if !e.awaitTables(ctx) {
		e.draining.Store(true)
		return nil
	}
	if err := e.retry.Do(ctx, "look at the counter", e.Look); err != nil {
		return err
	}
	if err := e.retry.Do(ctx, "take back leases", func(ctx context.Context) error {
		n, err := e.cfg.Ledger.TakeBack(ctx, e.cfg.Owner)
		if n > 0 {
			e.log.Info("took back the leases of an earlier start", "jobs", n)
		}
		return err
	}); err != nil {
		return err
	}
	e.pass(PointTookBack)
	var loops, jobs sync.WaitGroup
	loops.Go(func() { e.every(hard, watchEvery, nil, e.hearOrders) })
	loops.Go(func() { e.every(hard, e.cfg.Lease/3, nil, e.renew) })
	loops.Go(func() { e.every(hard, shareEvery, nil, e.share) })
	loops.Go(func() { e.writeEvents(hard) })
	loops.Go(func() { e.every(hard, housekeeping.RaiseEvery, nil, e.raiseCounter) })
	e.keepHouse(ctx, &loops)
	loops.Go(func() { e.every(ctx, housekeeping.OverlookEvery, nil, e.house.Overlook) })
	loops.Go(func() { e.every(ctx, housekeeping.OverdueEvery, nil, e.house.CountOverdue) })
	e.every(ctx, claimEvery, e.wake, func(ctx context.Context) { e.claim(ctx, hard, &jobs) })

	e.draining.Store(true)
	e.log.Info("draining", "jobs", len(e.running()))
	// Sends in flight get the drain timeout less two seconds; the rest is
	// for writing down what came of them.
	cut := time.AfterFunc(max(drain-2*time.Second, drain/2), func() { e.cutSends() })
	defer cut.Stop()
	last := time.AfterFunc(drain, func() { kill(errRelease) })
	defer last.Stop()
	jobs.Wait()
	kill(errRelease)
	loops.Wait()
	return nil
}

// pulseFor is for how long the engine counts as alive after its loop has come
// round, which it does every shareEvery.
const pulseFor = 10 * time.Second

// Alive says that the engine's own loop comes round. It waits for no database and
// for no answer, so that only a process that hangs lets it stand still. Before
// Run has begun its loops there is nothing to stand still.
func (e *Engine) Alive() bool {
	last := e.pulse.Load()
	return last == nil || time.Since(*last) < pulseFor
}

// ready says whether the tables may be worked on.
func (e *Engine) ready() bool { return e.cfg.Ready == nil || e.cfg.Ready() }

// awaitTables waits until the tables may be worked on, and says whether that
// came before ctx ended.
func (e *Engine) awaitTables(ctx context.Context) bool {
	const looks = 20 // between readings of the clock, by which the health knows that the database answers
	for n := 0; !e.ready(); n++ {
		if n%looks == 0 && e.house.ReadClock(ctx) == nil { // a database that does not answer shows in the health
			e.answered()
		}
		if !retry.Sleep(ctx, 50*time.Millisecond) {
			return false
		}
	}
	return true
}

// every calls f each d, and when poked, until ctx ends.
func (e *Engine) every(ctx context.Context, d time.Duration, poke <-chan struct{}, f func(context.Context)) {
	t := time.NewTicker(d)
	defer t.Stop()
	for {
		f(ctx)
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-poke:
		}
	}
}

// renew prolongs the leases, and tells runs that lost theirs.
func (e *Engine) renew(ctx context.Context) {
	runs := e.running()
	if len(runs) == 0 {
		return
	}
	held := make([]pushd.Held, len(runs))
	for i, r := range runs {
		held[i] = pushd.Held{Lease: r.job.Lease(), SendRate: r.rate.PerSecond(time.Now()), LastSent: r.lastSent()}
	}
	ctx, cancel := context.WithTimeout(ctx, e.cfg.Lease/3)
	defer cancel()
	boot := e.cfg.Boottime()
	lost, err := e.cfg.Ledger.Renew(ctx, e.cfg.Owner, e.cfg.Lease, held)
	if err != nil {
		e.failed(ctx, "renew leases", err)
		return
	}
	e.answered()
	gone := map[pushd.JobID]bool{}
	for _, id := range lost {
		gone[id] = true
	}
	for _, r := range runs {
		if gone[r.job.ID] {
			r.kill(pushd.ErrLost)
		} else {
			r.tenure.Renewed(boot)
		}
	}
}

// hearOrders hears commands about the jobs held here.
func (e *Engine) hearOrders(ctx context.Context) {
	if len(e.running()) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	orders, err := e.cfg.Ledger.Orders(ctx, e.cfg.Owner)
	if err != nil {
		e.failed(ctx, "read orders", err)
		return
	}
	for _, o := range orders {
		if r := e.find(o.Job); r != nil {
			r.order(o)
		}
	}
}

// rateFor combines a job's ceiling with the setting's.
func (e *Engine) rateFor(job int) int {
	if job == 0 || e.cfg.Rate != 0 && e.cfg.Rate < job {
		return e.cfg.Rate
	}
	return job
}

// cutSends ends the sends that are still in flight.
func (e *Engine) cutSends() {
	for _, r := range e.running() {
		r.cut()
	}
}

func (e *Engine) running() []*run {
	e.mu.Lock()
	defer e.mu.Unlock()
	runs := make([]*run, 0, len(e.runs))
	for _, r := range e.runs {
		runs = append(runs, r)
	}
	return runs
}

func (e *Engine) find(id pushd.JobID) *run {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.runs[id]
}

func (e *Engine) isRunning(id pushd.JobID) bool { return e.find(id) != nil }

// answered notes that the database answers, which only a write shows: a node of a
// cluster without quorum still tells the time, and a read-only server everything.
// Until the tables are there, an answer must do.
func (e *Engine) answered() {
	if lasted, calls := e.database.Wrote(time.Now()); calls > 0 {
		e.log.Info("the database takes writes again", "after", lasted.Round(time.Millisecond), "failed", calls)
	}
}

func (e *Engine) failed(ctx context.Context, what string, err error) {
	if ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
		e.counters.LedgerErrors.Add(1)
		if say, unsaid := e.database.Failed(time.Now()); say {
			e.log.Warn("database call failed", "call", what, "err", err, "others", unsaid)
		}
	}
}
