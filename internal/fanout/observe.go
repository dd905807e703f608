package fanout

import (
	"context"
	"time"

	"pushd"
)

// observer judges leases by what it sees, not by a clock that another process
// or another node of the database may have set: a lease has lapsed when it has
// not changed for its own term on the observer's monotonic clock. Its owner
// stops sending two seconds before that, counted on its own clock from before
// the renewal was sent.
type observer struct {
	term time.Duration // of leases that do not tell theirs
	seen map[pushd.JobID]sighted
}

type sighted struct {
	pushd.Observation
	since time.Duration // on the boot clock
}

// lapsed takes the leases that are held at now, and returns those that have not
// changed for their term.
func (o *observer) lapsed(held []pushd.Observation, now time.Duration) (gone []pushd.Observation) {
	seen := make(map[pushd.JobID]sighted, len(held))
	for _, l := range held {
		s, known := o.seen[l.Job]
		if !known || s.Observation != l {
			s = sighted{l, now}
		}
		seen[l.Job] = s
		term := l.Term
		if term == 0 {
			term = o.term
		}
		if now-s.since >= term {
			gone = append(gone, l)
		}
	}
	o.seen = seen
	return gone
}

// observe frees the leases that have lapsed.
func (e *Engine) observe(ctx context.Context) {
	held, err := e.cfg.Ledger.Leases(ctx)
	if err != nil {
		e.failed(ctx, "list leases", err)
		return
	}
	// The time is taken after the answer: a slow one makes leases look younger.
	for _, l := range e.observer.lapsed(held, e.cfg.Boottime()) {
		freed, err := e.cfg.Ledger.Lapse(ctx, l)
		if err != nil {
			e.failed(ctx, "lapse lease", err)
			return
		}
		if freed {
			e.log.Warn("a lease has lapsed; its process no longer renews it", "job_id", l.Job, "epoch", l.Epoch)
		}
	}
}
