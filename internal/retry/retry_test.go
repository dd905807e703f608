package retry

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
)

func retrier() Retrier {
	return Retrier{Log: slog.New(slog.DiscardHandler), Jitter: NewJitter(rand.New(rand.NewPCG(1, 2))), Failures: new(atomic.Uint64)}
}

// What the database did not answer is asked again, what it has answered is not.
func TestRetrier_Do(t *testing.T) {
	for _, c := range []struct {
		last  error
		calls int
	}{{nil, 4}, {pushd.ErrLost, 4}, {pushd.ErrNotFound, 4}} {
		synctest.Test(t, func(t *testing.T) {
			r, calls := retrier(), 0
			err := r.Do(t.Context(), "test", func(context.Context) error {
				if calls++; calls < c.calls {
					return errors.New("no connection")
				}
				if calls > c.calls {
					return nil // it was asked again
				}
				return c.last
			})
			if !errors.Is(err, c.last) || calls != c.calls || r.Failures.Load() != uint64(c.calls-1) {
				t.Errorf("%v after %d calls, %d failures; want %v after %d", err, calls, r.Failures.Load(), c.last, c.calls)
			}
		})
	}
}

func TestRetrier_EndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(pushd.ErrLost) })
		err := retrier().Do(ctx, "test", func(context.Context) error { return errors.New("no connection") })
		if !errors.Is(err, pushd.ErrLost) {
			t.Errorf("%v, want why the context ended", err)
		}
	})
}

// A node that lags behind is waited for, but not for ever.
func TestRetrier_Patiently(t *testing.T) {
	for _, c := range []struct {
		lag  time.Duration
		want error
	}{{StaleFor / 2, nil}, {10 * StaleFor, pushd.ErrNotFound}} {
		synctest.Test(t, func(t *testing.T) {
			for _, stale := range []error{ErrStale, pushd.ErrNotFound} {
				first := time.Now()
				err := retrier().Patiently(t.Context(), "test", func(context.Context) error {
					if time.Since(first) < c.lag {
						return stale
					}
					return nil
				})
				if !errors.Is(err, c.want) {
					t.Errorf("%v for %s: %v, want %v", stale, c.lag, err, c.want)
				}
			}
		})
	}
}
