package fanout

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"pushd"
)

// jitter draws delays. It is safe for concurrent use.
type jitter struct {
	mu  sync.Mutex
	rng *rand.Rand
}

// spread returns a delay between d/2 and d.
func (j *jitter) spread(d time.Duration) time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	return d/2 + time.Duration(j.rng.Int64N(int64(d/2)+1))
}

// backoff is the delay before try n+1 of one person: from a quarter of a
// second, doubling up to 30 s, with jitter.
func (j *jitter) backoff(tries int) time.Duration {
	return j.spread(min(30*time.Second, 250*time.Millisecond<<min(max(tries-1, 0), 10)))
}

// retrier repeats calls to the ledger until the database answers. Every write
// is idempotent, so a call whose answer was lost is simply made again.
type retrier struct {
	log    *slog.Logger
	jitter *jitter
	errs   *atomic.Uint64
}

// do calls f until it succeeds, the ledger gives a definite answer (one of
// its errors), or ctx ends.
func (r retrier) do(ctx context.Context, what string, f func(context.Context) error) error {
	for tries := 1; ; tries++ {
		err := f(ctx)
		if err == nil || definite(err) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r.errs.Add(1)
		if tries == 1 || tries%20 == 0 {
			r.log.Warn("database call failed; trying again", "call", what, "tries", tries, "err", err)
		}
		if !sleep(ctx, r.jitter.spread(min(2*time.Second, 50*time.Millisecond<<min(tries, 6)))) {
			return context.Cause(ctx)
		}
	}
}

// staleFor is how long a read that finds less than there must be is taken for
// the answer of a node of the database that lags behind.
const staleFor = 15 * time.Second

// errStale says that a read shows less than this process knows to be there.
var errStale = errors.New("the read is older than what was written")

// patiently is do for a read of something that must be there.
func (r retrier) patiently(ctx context.Context, what string, f func(context.Context) error) error {
	first := time.Now()
	return r.do(ctx, what, func(ctx context.Context) error {
		err := f(ctx)
		if errors.Is(err, pushd.ErrNotFound) && time.Since(first) < staleFor {
			return errStale
		}
		if errors.Is(err, errStale) && time.Since(first) >= staleFor {
			return pushd.ErrNotFound
		}
		return err
	})
}

// definite says whether the ledger has answered.
func definite(err error) bool {
	for _, e := range []error{pushd.ErrLost, pushd.ErrAccountBusy, pushd.ErrNotFound, pushd.ErrExists, pushd.ErrIncomplete} {
		if errors.Is(err, e) {
			return true
		}
	}
	if _, ok := errors.AsType[*ended](err); ok {
		return true
	}
	return pushd.BadChannel(err) != nil
}

// sleep waits for d, and says whether it slept it out.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
