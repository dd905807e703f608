// Package retry repeats what may be repeated: calls to a database that does not
// answer, and reads that show less than must be there. How long it waits in
// between is drawn from a source that it is given.
//
// There is one loop for each kind of trouble:
//
//	two transactions are in conflict   internal/sqldb/tx.go: the transaction is repeated, ten times within seconds
//	the database does not answer       Retrier.Do: for as long as the caller's context lets it
//	a node of it lags behind           Retrier.Patiently: for StaleFor
//	WeChat is busy, a token refused    internal/account; of a job's sends their sender decides
//	PHP gives no token                 internal/tokenclient: one question, for all who wait for its answer
//
// The first two are not one loop, although a job's worker goes through both. A
// conflict is certain to have changed nothing, is over in milliseconds, and must
// not reach those who can't wait for a database: to a POST it would be a 503, in
// the metrics a failure, in the log a warning. An outage lasts for minutes; only
// those who hold a lease wait it out, and what they repeat may have been carried
// out. A conflict that ten tries did not resolve is an outage to them.
package retry

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

// Jitter draws delays. It is safe for concurrent use.
type Jitter struct {
	mu  sync.Mutex
	rng *rand.Rand
}

// NewJitter draws from rng.
func NewJitter(rng *rand.Rand) *Jitter { return &Jitter{rng: rng} }

// Spread returns a delay between d/2 and d.
func (j *Jitter) Spread(d time.Duration) time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	return d/2 + time.Duration(j.rng.Int64N(int64(d/2)+1))
}

// Backoff is the delay before try n+1 of one person: from a quarter of a
// second, doubling up to 30 s, with jitter.
func (j *Jitter) Backoff(tries int) time.Duration {
	return j.Spread(min(30*time.Second, 250*time.Millisecond<<min(max(tries-1, 0), 10)))
}

// Retrier repeats calls to the ledger until the database answers. Every write
// is idempotent, so a call whose answer was lost is simply made again.
type Retrier struct {
	Log      *slog.Logger
	Jitter   *Jitter
	Failures *atomic.Uint64 // counts the calls that were repeated
}

// Do calls f until it succeeds, the ledger gives a definite answer (one of
// its errors), or ctx ends.
func (r Retrier) Do(ctx context.Context, what string, f func(context.Context) error) error {
	for tries := 1; ; tries++ {
		err := f(ctx)
		if err == nil || definite(err) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r.Failures.Add(1)
		if tries == 1 || tries%20 == 0 {
			r.Log.Warn("database call failed; trying again", "call", what, "tries", tries, "err", err)
		}
		if !Sleep(ctx, r.Jitter.Spread(min(2*time.Second, 50*time.Millisecond<<min(tries, 6)))) {
			return context.Cause(ctx)
		}
	}
}

// StaleFor is how long a read that finds less than there must be is taken for
// the answer of a node of the database that lags behind.
const StaleFor = 15 * time.Second

// ErrStale says that a read shows less than this process knows to be there.
var ErrStale = errors.New("the read is older than what was written")

// Patiently is Do for a read of something that must be there.
func (r Retrier) Patiently(ctx context.Context, what string, f func(context.Context) error) error {
	first := time.Now()
	return r.Do(ctx, what, func(ctx context.Context) error {
		err := f(ctx)
		if errors.Is(err, pushd.ErrNotFound) && time.Since(first) < StaleFor {
			return ErrStale
		}
		if errors.Is(err, ErrStale) && time.Since(first) >= StaleFor {
			return pushd.ErrNotFound
		}
		return err
	})
}

// definite says whether the ledger has answered.
func definite(err error) bool {
	for _, e := range []error{pushd.ErrLost, pushd.ErrAccountBusy, pushd.ErrNotFound, pushd.ErrExists, pushd.ErrIncomplete, pushd.ErrNoRefusals} {
		if errors.Is(err, e) {
			return true
		}
	}
	return pushd.BadChannel(err) != nil || pushd.BadAudience(err) != nil
}

// Sleep waits for d, and says whether it slept it out.
func Sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
