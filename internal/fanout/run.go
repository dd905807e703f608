package fanout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"pushd"
	"pushd/internal/account"
	"pushd/internal/compose"
	"pushd/internal/fanout/accountstate"
	"pushd/internal/fanout/allowance"
	"pushd/internal/fanout/breaker"
	"pushd/internal/fanout/channelcheck"
	"pushd/internal/fanout/deferral"
	"pushd/internal/fanout/earlier"
	"pushd/internal/fanout/frontier"
	"pushd/internal/fanout/listing"
	"pushd/internal/fanout/pagebuffer"
	"pushd/internal/fanout/readback"
	"pushd/internal/fanout/refusal"
	"pushd/internal/lease"
	"pushd/internal/meter"
	"pushd/internal/retry"
)

// run is one process's work on one job under one lease: from the claim to
// the moment when the job ends, waits, or is given back.
type run struct {
	e       *Engine
	job     pushd.Job
	account *accountstate.State
	wechat  account.Account
	channel *channelcheck.Checker
	tenure  *lease.Tenure
	log     *slog.Logger
	retry   retry.Retrier
	wg      sync.WaitGroup

	hard context.Context // ends when the lease is lost, or the drain's time is up
	kill context.CancelCauseFunc
	soft context.Context // ends when nothing more may start
	stop context.CancelCauseFunc
	wire context.Context // of the sends in flight
	cut  context.CancelFunc

	// Of the current attempt; begin sets them.
	attemptMu sync.Mutex
	restart   context.CancelCauseFunc // stops the attempt, not the run
	prepared  chan struct{}           // closed when letters is there
	letters   *compose.Letters        // of the sender's loop, from then on
	startTime atomic.Int64            // what the message says; -1 before it is made
	breaker   breaker.Breaker[pagebuffer.Place]

	// The list of followers, and what this claim knows of it.
	frontier  *frontier.Frontier
	pages     *readback.Reader
	listing   *listing.List
	earlier   earlier.Lists
	reopening *pagebuffer.Reopening
	deferrals deferral.Waits
	fruitless fruitless
	refusals  *refusal.Memory
	quiet     atomic.Pointer[pushd.QuietHours] // when no message leaves; nil is not known yet
	firstDone atomic.Bool                      // the first recipients were attempted, and others are left
	fitting   bool                             // the last pass ended with the account's own token, and some have the message
	doubted   int                              // how often the breaker tripped since a message was accepted
	unproven  bool                             // the token refused recipients and has delivered nothing: see judgeSuspects
	wary      atomic.Bool                      // the list has turned out to be another account's before

	// What WeChat has shown, in this claim or an earlier one.
	probing   atomic.Bool // it was down when last heard of
	delivered atomic.Bool // a recipient has the message
	answered  atomic.Bool // it has answered a send for good or bad

	// How far the run is, for those who look on: health, metrics, the walk.
	dead      atomic.Int64 // the deadline, a Time
	rate      meter.Rate
	inFlight  atomic.Int64
	settled   atomic.Int64 // recipients who got an outcome in this claim
	idle      atomic.Bool  // no recipient is in flight or waits for a send
	busyUntil atomic.Int64 // unix ns: waits on purpose until then
	recordAt  atomic.Int64 // unix ns: when an outcome was last recorded
	sentAt    atomic.Int64 // unix ns: when a send was last started, 0 = by this run never
}

// do works on the job, by one attempt after the other, and returns why it
// stopped: *ended, *parked, or another error if the lease is to be given back
// or is lost. It never returns nil.
func (r *run) do(ctx context.Context) error {
	defer r.wg.Wait()
	defer r.stop(errRelease)
	r.wg.Go(func() { r.watch() })
	for {
		// When the channel's start has moved, the message is prepared again and
		// the walk goes on; when the list was another account's, it is dropped
		// and walked again.
		err := r.attempt(ctx)
		rewalk := errors.Is(err, errStartOver)
		if rewalk {
			err = cmp.Or(r.startOver(r.soft), errMoved)
		}
		if !errors.Is(err, errMoved) {
			return err
		}
		// A page may have been stored whose answer was not waited for.
		job, err := r.reload(r.soft)
		if err != nil {
			return err
		}
		if rewalk {
			r.frontier.Set(job.Walk)
		} else {
			r.frontier.Advance(job.Walk)
		}
	}
}

// attempt prepares, walks and sends at the same time, until everyone is
// accounted for: reconcile then returns how the job ends. One goroutine makes the
// message, one walks, one asks for the quota; this one sends, round after round,
// to whom the walk has stored so far.
func (r *run) attempt(ctx context.Context) error {
	var walked error
	var helpers sync.WaitGroup
	walking := make(chan struct{})
	soft, stop := context.WithCancelCause(r.soft)
	defer helpers.Wait()
	defer stop(errRelease)
	r.begin(stop)
	r.frontier.Begin()
	helpers.Go(func() {
		if err := r.prepare(soft); err != nil {
			stop(err)
			return
		}
		close(r.prepared)
	})
	helpers.Go(func() {
		defer close(walking)
		walk, _ := r.frontier.Get()
		w := newWalker(r, walk)
		err := w.do(soft)
		switch {
		case errors.Is(err, errWalkIncomplete): // it is sent to those listed all the same
			walked = incomplete(w.walk)
		case err != nil:
			stop(err)
			return
		}
		r.frontier.End()
	})
	helpers.Go(func() { r.noteQuota(soft) })
	for {
		err := r.round(ctx, soft)
		if err == nil {
			r.idle.Store(true) // a walk that lets others be sent to first has nothing to wait for
			<-walking
			err = r.reconcile(soft)
		}
		err = r.consider(err) // of either: the walk may stop the job after the round
		var e *ended
		switch {
		case err == nil, errors.Is(err, errAgain):
		case errors.As(err, &e) && e.State == pushd.Succeeded && walked != nil: // only behind the walk's end
			return walked // everyone listed is accounted for, and not all are listed
		default:
			return err
		}
	}
}

// round sends to everyone who is unsettled and may be sent to now, and last to whomever
// WeChat has refused with a code that may be about the job: where they come first, they
// would stop it each time, and always the same would be asked. So they come behind
// those who are put off, too, unless others have the message by the account's own
// token: then their code is about themselves, and they stop nothing.
func (r *run) round(ctx, soft context.Context) error {
	err := r.pass(ctx, soft, deferral.NoSuspects)
	for _, who := range []deferral.Suspects{deferral.SomeSuspects, deferral.AllSuspects} {
		if err == nil && r.deferrals.Behind() && (r.fitting || !r.deferrals.Waiting()) {
			err = r.pass(ctx, soft, who)
		}
	}
	return err
}

// pass is a round, or a part of one: without those who come last, or with some of
// them, or all. It follows the walk: it ends after the walk has ended, or when it is stopped.
func (r *run) pass(ctx, soft context.Context, who deferral.Suspects) error {
	feedCtx, cancel := context.WithCancel(soft)
	defer cancel()
	f := &feeder{pages: r.pages, frontier: r.frontier, earlier: r.earlier, again: r.reopening, out: make(chan batch)}
	f.prepared, f.template, f.refusals = r.prepared, r.template, r.refusals
	f.only, f.first = r.e.cfg.Only, allowance.Of(&r.job, r.earlier.Doubts())
	f.due = r.deferrals.Round(r.e.clock.Now(), r.deadline(), who, r.job.Epoch)
	fed := make(chan error, 1)
	r.wg.Go(func() { fed <- f.run(feedCtx) })
	s := newSender(r, f)
	s.last = who != deferral.NoSuspects
	err := s.loop(ctx, soft)
	cancel()
	if ferr := <-fed; err == nil && ferr != nil {
		return fmt.Errorf("feed round: %w", ferr)
	}
	r.firstDone.Store(f.first.Reached())
	r.fitting = s.fitting()
	return err
}

// consider turns what stopped a round into what happens to the job. nil and
// errAgain go on with another round, errAgain at once.
func (r *run) consider(err error) error {
	var m *mismatch
	var f *firstRefused
	var q *quotaSpent
	switch {
	case errors.As(err, &m):
		return r.mismatched(r.soft, m) // where the walk has noticed, ctx has ended by that
	case errors.As(err, &f):
		return r.pauseAfterFirst(r.soft, f.String())
	case errors.As(err, &q):
		return r.quotaPark(q.code)
	case errors.Is(err, errLater):
		return nil
	}
	return err
}

// end writes what came of the work: the job ends, is parked, or is only given
// back, to be claimed again. Each of them gives the lease back.
func (r *run) end(ctx context.Context, cause error) {
	var e *ended
	var p *parked
	lease, ledger := r.job.Lease(), r.e.cfg.Ledger
	r.saveLastSent(ctx)
	if inexplicable(cause) {
		cause = &ended{pushd.Ending{State: pushd.Failed, Reason: pushd.LedgerMismatch, Detail: "the job can't go on: " + cause.Error()}}
	}
	if errors.As(cause, &e) {
		r.e.pass(PointFinishing)
		r.signHold(e.Hold)
		err := r.finish(ctx, lease, e)
		r.holdAlone(ctx, e.Hold, err)
		if err == nil {
			r.e.counters.Ended(e.State)
			return
		}
		if errors.Is(err, readback.ErrForgotten) {
			cause = err
		}
	}
	switch {
	case errors.As(cause, &p):
		err := r.retry.Do(ctx, "park job", func(ctx context.Context) error { return ledger.Park(ctx, lease, p.Parking) })
		if err == nil {
			p.log(r.log)
			return
		}
	case errors.Is(cause, readback.ErrForgotten):
		r.log.Warn("the ledger lacks what was written; the job goes on from what it has")
	case errors.Is(cause, pushd.ErrLost):
		r.lost(ctx)
	}
	// A command was faster, or the work was stopped on purpose.
	if err := r.retry.Do(ctx, "release job", func(ctx context.Context) error { return ledger.Release(ctx, lease) }); err != nil {
		r.log.Warn("lease not given back; it will lapse", "err", err)
	}
}

// lost finds out who has the job: another process, which is a fault, or whoever
// has stopped it by a command.
func (r *run) lost(ctx context.Context) {
	job, err := r.e.cfg.Ledger.Reload(ctx, r.job.ID)
	if err == nil && (job.Epoch == r.job.Epoch || job.Reason == pushd.LedgerWentBack) {
		r.log.Info("the work stops: a command was faster", "state", job.State, "reason", job.Reason)
		return
	}
	r.e.counters.Lost.Add(1)
	r.log.Warn("lease lost; another process has the job")
}

// begin makes the run ready for an attempt, which restart stops.
func (r *run) begin(restart context.CancelCauseFunc) {
	r.attemptMu.Lock()
	defer r.attemptMu.Unlock()
	r.restart = restart
	r.prepared, r.breaker = make(chan struct{}), breaker.Breaker[pagebuffer.Place]{}
	r.startTime.Store(-1)
}

// moved makes the run prepare again.
func (r *run) moved() {
	r.attemptMu.Lock()
	defer r.attemptMu.Unlock()
	r.restart(errMoved)
}

// template is that of the message, once it is prepared.
func (r *run) template() pushd.TemplateID { return r.job.Prepared.Message.TemplateID }

// reload reads the job as the ledger has it now.
func (r *run) reload(ctx context.Context) (job pushd.Job, err error) {
	err = r.retry.Patiently(ctx, "reload job", func(ctx context.Context) (err error) {
		job, err = r.e.cfg.Ledger.Reload(ctx, r.job.ID)
		return err
	})
	return job, err
}

// unsettled says that someone of a walk has no outcome yet, as far as this claim
// knows.
func (r *run) unsettled(w pushd.Walk) bool {
	return r.job.Counts.Settled()+r.settled.Load() < w.Walked
}

// deadline is when nothing more is sent.
func (r *run) deadline() pushd.Time { return pushd.Time(r.dead.Load()) }

func (r *run) setDeadline(t pushd.Time) { r.dead.Store(int64(t)) }

// waiting says that the job waits on purpose until t, so that it does not
// count as stuck.
func (r *run) waiting(t time.Time) { r.busyUntil.Store(t.UnixNano()) }

// note logs an error of something that nothing depends on.
func (r *run) note(what string, err error) {
	if err != nil && !errors.Is(err, pushd.ErrLost) && r.soft.Err() == nil {
		r.log.Warn(what, "err", err)
	}
}
