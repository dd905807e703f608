package fanout

import (
	"context"
	"fmt"
	"strings"
	"time"

	"pushd"
)

// keepHouse does what a daemon does beside its jobs: it ends jobs that wait
// past their deadline, keeps the status column true, and removes old pages.
func (e *Engine) keepHouse(ctx context.Context) {
	e.columns.spent = 0
	for i, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"read the database's clock", e.readClock},
		{"expire jobs", e.expire},
		{"mend status", e.mendStatus},
		{"count the jobs that are held", e.countHeld},
		{"purge pages", e.purge},
		{"forget accounts", e.forgetAccounts},
	} {
		if i > 0 && !e.ready() {
			return
		}
		if err := step.do(ctx); err != nil && ctx.Err() == nil {
			e.failed(ctx, step.name, err)
		}
	}
}

func (e *Engine) readClock(ctx context.Context) error {
	at := e.cfg.Boottime()
	now, err := e.cfg.Ledger.Now(ctx)
	if err == nil {
		e.clock.Read(now, at)
	}
	return err
}

// expire ends jobs that wait past their deadline. The column follows.
func (e *Engine) expire(ctx context.Context) error {
	const batch = 100
	for range 10 { // the rest waits for the next time
		ids, err := e.cfg.Ledger.Expire(ctx, batch)
		for _, id := range ids {
			e.counters.ended(pushd.Expired)
			e.log.Info("job ended", "job_id", id, "state", pushd.Expired, "reason", pushd.DeadlinePassed)
		}
		for _, id := range ids {
			if job, err := e.cfg.Ledger.Reload(ctx, id); err == nil {
				e.mend(ctx, job, true)
			}
		}
		if err != nil || len(ids) < batch {
			return err
		}
	}
	return nil
}

func (e *Engine) purge(ctx context.Context) error {
	for range 10 { // the rest waits for the next time
		more, err := e.cfg.Ledger.Purge(ctx, e.clock.Now().Add(-e.cfg.Retention))
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// forgetAccounts drops what was learned about accounts that have been idle
// for an hour.
func (e *Engine) forgetAccounts(context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.runs {
		r.account.used = time.Now()
	}
	for id, a := range e.accounts {
		if time.Since(a.used) > time.Hour {
			delete(e.accounts, id)
		}
	}
	return nil
}

// Health says how the engine does. schema and tokens are told by those who
// know: what is wrong with the tables, and with PHP's token endpoint
// ("" = nothing).
func (e *Engine) Health(schema, tokens string) pushd.Health {
	now := time.Now()
	h := pushd.Health{Status: pushd.OK, Draining: e.draining.Load()}
	add := func(name string, level pushd.Level, text string) {
		h.Parts = append(h.Parts, pushd.HealthPart{Name: name, Status: level, Text: text})
		if level == pushd.Down || level == pushd.Degraded && h.Status == pushd.OK {
			h.Status = level
		}
	}
	e.mu.Lock()
	silent := now.Sub(e.beat)
	e.mu.Unlock()
	switch {
	case silent >= 10*time.Second:
		add("database", pushd.Down, fmt.Sprintf("has taken no write for %s", silent.Round(time.Second)))
	default:
		add("database", pushd.OK, "")
	}
	if schema == "" {
		add("schema", pushd.OK, "")
	} else {
		add("schema", pushd.Down, schema)
	}
	level, text := e.jobsHealth(now)
	add("jobs", level, text)
	if level, text := e.ledgerHealth(); level != pushd.OK {
		add("ledger", level, text)
	}
	if tokens == "" {
		add("token_endpoint", pushd.OK, "")
	} else {
		add("token_endpoint", pushd.Degraded, tokens)
	}
	if h.Draining {
		add("drain", pushd.Degraded, "shutting down; new jobs are refused")
	}
	if n := len(e.cfg.Only); e.cfg.Only != nil {
		add("only_openids", pushd.OK, fmt.Sprintf("staging: only %d openids are told, everyone else is skipped", n))
	}
	return h
}

// jobsHealth finds jobs that are stuck, and jobs that wait for the world.
func (e *Engine) jobsHealth(now time.Time) (pushd.Level, string) {
	var stuck []string
	running := 0
	for _, r := range e.running() {
		switch {
		case r.stuck(now):
			stuck = append(stuck, string(r.job.ID))
			running++
		default:
			running++
		}
	}
	switch {
	case len(stuck) > 0:
		return pushd.Down, "no outcome recorded for 60 s: " + strings.Join(stuck, ", ")
	case e.downFor(now) > 0:
		return pushd.Degraded, fmt.Sprintf("WeChat gives no good answer to %d accounts; %d running, %d parked", e.downFor(now), running, e.parked.Load())
	case e.parked.Load() > 0:
		return pushd.Degraded, fmt.Sprintf("%d running, %d parked", running, e.parked.Load())
	}
	return pushd.OK, fmt.Sprintf("%d running", running)
}

// downFor is to how many accounts WeChat gave no good answer when last heard of.
func (e *Engine) downFor(now time.Time) (accounts int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, a := range e.accounts {
		if a.isDown(now) {
			accounts++
		}
	}
	return accounts
}

// stuck says that a running job has recorded no outcome for 60 s although it
// does not wait on purpose.
func (r *run) stuck(now time.Time) bool {
	last := max(r.recordAt.Load(), r.busyUntil.Load())
	return now.Sub(time.Unix(0, last)) > time.Minute
}
