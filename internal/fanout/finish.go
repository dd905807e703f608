package fanout

import (
	"context"
	"errors"
	"time"

	"pushd"
	"pushd/internal/fanout/readback"
	"pushd/internal/retry"
)

// inexplicable says that work stopped for a reason that would come again at
// once if the job was only given back, such as a page that is not there.
func inexplicable(cause error) bool {
	var e *ended
	var p *parked
	return !errors.As(cause, &e) && !errors.As(cause, &p) && !errors.Is(cause, pushd.ErrLost) &&
		!errors.Is(cause, errRelease) && !errors.Is(cause, readback.ErrForgotten) && !errors.Is(cause, context.Canceled)
}

// finish ends the job in the ledger. A sum that does not add up may be that of
// a node which lags behind, so it is asked for some time.
//
// readback.ErrForgotten: after that the ledger still lacks what this claim has recorded,
// so a failover has lost it. A claim that has recorded nothing would find the
// same again.
func (r *run) finish(ctx context.Context, lease pushd.Lease, e *ended) error {
	first := time.Now()
	for {
		err := r.retry.Do(ctx, "finish job", func(ctx context.Context) error {
			return r.e.cfg.Ledger.Finish(ctx, lease, e.Ending)
		})
		if !errors.Is(err, pushd.ErrIncomplete) {
			return err
		}
		if time.Since(first) >= retry.StaleFor {
			if r.pages.Written.Any() {
				return readback.ErrForgotten
			}
			e.Ending = pushd.Ending{State: pushd.Failed, Reason: pushd.LedgerMismatch, Detail: "the ledger does not account for everyone"}
		} else if !retry.Sleep(ctx, time.Second) {
			return context.Cause(ctx)
		}
	}
}
