package fanout

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"pushd"
	"pushd/internal/fanout/frontier"
	"pushd/internal/fanout/listing"
	"pushd/internal/fanout/pagebuffer"
	"pushd/internal/fanout/readback"
	"pushd/internal/fanout/refusal"
	"pushd/internal/lease"
)

// claim takes the jobs that are due, as long as there are slots. A drain ends
// ctx and so stops the work softly; hard ends the work at once.
func (e *Engine) claim(ctx, hard context.Context, jobs *sync.WaitGroup) {
	if e.ready() {
		e.observe(ctx)
		e.readHolds(ctx)
	}
	for e.ready() && e.slots.Free() > 0 && ctx.Err() == nil {
		// The ledger lists those that are left alone among the due, and they must
		// not take the places of others.
		refused := e.refusals.Now(time.Now())
		due, err := e.cfg.Ledger.Due(ctx, min(e.slots.Free(), 50)+len(refused))
		if err != nil {
			e.failed(ctx, "look for due jobs", err)
			return
		}
		due = slices.DeleteFunc(due, func(id pushd.JobID) bool { return refused[id] })
		if e.claimAll(ctx, hard, jobs, due) == 0 {
			return
		}
	}
}

// claimsAtOnce bounds the claims under way: one after the other, hundreds of
// jobs that fall due together would wait seconds for their first message.
const claimsAtOnce = 8

// claimAll claims these jobs, and says how many it got.
func (e *Engine) claimAll(ctx, hard context.Context, jobs *sync.WaitGroup, due []pushd.JobID) int {
	var claimed atomic.Int64
	var claims sync.WaitGroup
	turns := make(chan struct{}, claimsAtOnce)
	for _, id := range due {
		if e.isRunning(id) || !e.slots.TryAcquire() {
			continue
		}
		turns <- struct{}{}
		claims.Go(func() {
			defer func() { <-turns }()
			if e.claimOne(ctx, hard, jobs, id) {
				claimed.Add(1)
			} else {
				e.slots.Release()
			}
		})
	}
	claims.Wait()
	return int(claimed.Load())
}

// claimOne claims a job and, if it gets it, works on it in a goroutine of its
// own: do works, end writes what came of it and gives the lease back. false: it did
// not get it, because another process or another job of the account was faster, or
// because the database did not give it.
func (e *Engine) claimOne(ctx, hard context.Context, jobs *sync.WaitGroup, id pushd.JobID) bool {
	boot := e.cfg.Boottime() // before the claim: the tenure must end no later than the lease
	job, err := e.cfg.Ledger.Claim(ctx, e.cfg.Owner, id, e.cfg.Lease)
	if err != nil {
		if !errors.Is(err, pushd.ErrLost) && !errors.Is(err, pushd.ErrAccountBusy) {
			e.refusals.Add(id, time.Now())
			e.failed(ctx, "claim job "+string(id), err)
		}
		return false
	}
	e.refusals.Clear(id)
	e.pass(PointClaimed)
	e.clock.Read(job.Now, boot)
	r := e.newRun(hard, job, lease.NewTenure(e.cfg.Boottime, e.cfg.Lease, boot))
	e.mu.Lock()
	e.runs[id] = r
	e.mu.Unlock()
	jobs.Go(func() {
		defer e.forget(r)
		// A drain ends the work softly.
		stop := context.AfterFunc(ctx, func() { r.stop(errRelease) })
		defer stop()
		defer r.kill(errRelease)
		r.log.Info("job claimed", "epoch", job.Epoch, "walked", job.Walk.Walked, "settled", job.Counts.Settled())
		r.end(hard, r.do(r.hard))
	})
	return true
}

// newRun is the work on a job that was just claimed. It goes on where the
// ledger says that an earlier claim has stopped.
func (e *Engine) newRun(hard context.Context, job pushd.Job, t *lease.Tenure) *run {
	r := &run{
		e: e, job: job, account: e.accounts.Of(job.AppID), wechat: e.wechat.Of(job.AppID, job.ActID), tenure: t,
		log:      e.log.With("job_id", job.ID, "actid", job.ActID),
		frontier: frontier.New(job.Walk), reopening: pagebuffer.NewReopening(job.Retry),
		listing: listing.New(job.Walk.Pages > 0),
	}
	r.account.Claimed(job.ID)
	r.earlier = r.account.Earlier(job.ID)
	r.retry = e.retry
	r.retry.Log = r.log
	r.pages = &readback.Reader{Ledger: e.cfg.Ledger, Lease: job.Lease(), Retry: r.retry, Written: readback.NewWritten(), Claimed: job.Walk.Pages}
	r.channel = r.newChecker()
	r.refusals = refusal.New(e.cfg.Ledger, r.retry, job.AppID, e.cfg.RefusalMemory)
	r.hard, r.kill = context.WithCancelCause(hard)
	r.soft, r.stop = context.WithCancelCause(r.hard)
	r.wire, r.cut = context.WithCancel(r.hard)
	r.startTime.Store(-1)
	r.delivered.Store(job.Counts.Sent > 0)
	r.answered.Store(job.Counts.Answered())
	r.probing.Store(job.Reason == pushd.WeChatDown)
	r.wary.Store(job.Reason == pushd.AccountMismatch)
	r.setDeadline(job.Deadline)
	r.recordAt.Store(time.Now().UnixNano())
	r.deferrals.Begin(job.Now, job.Reason == pushd.WaitingDeferred && job.ParkedUntil <= job.Now)
	if c := job.Counts; c.Failed > 0 && c.Errors[pushd.CodeDuplicate]+c.Errors[pushd.CodeTooFrequent] > 0 {
		r.deferrals.Miss() // so an earlier claim gave them up
	}
	r.account.Pacer.SetRate(e.rateFor(job.Rate))
	return r
}

// forget drops a run that has ended.
func (e *Engine) forget(r *run) {
	e.mu.Lock()
	delete(e.runs, r.job.ID)
	e.mu.Unlock()
	e.slots.Release()
	e.Wake()
}
