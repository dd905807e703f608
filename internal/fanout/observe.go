package fanout

import (
	"context"
)

// observe frees the leases that have lapsed.
func (e *Engine) observe(ctx context.Context) {
	held, err := e.cfg.Ledger.Leases(ctx)
	if err != nil {
		e.failed(ctx, "list leases", err)
		return
	}
	// The time is taken after the answer: a slow one makes leases look younger.
	for _, l := range e.observer.Lapsed(held, e.cfg.Boottime()) {
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
