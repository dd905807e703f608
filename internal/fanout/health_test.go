package fanout

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
)

// readOnly is a ledger on a server that answers and takes no writes for a while.
type readOnly struct {
	pushd.Ledger
	on atomic.Bool
}

var errReadOnly = errors.New("the server is read-only")

func (l *readOnly) Raise(ctx context.Context, least int64) (pushd.Counter, error) {
	if l.on.Load() {
		return pushd.Counter{}, errReadOnly
	}
	return l.Ledger.Raise(ctx, least)
}

func (l *readOnly) Renew(ctx context.Context, o pushd.Owner, term time.Duration, held []pushd.Held) ([]pushd.JobID, error) {
	if l.on.Load() {
		return nil, errReadOnly
	}
	return l.Ledger.Renew(ctx, o, term, held)
}

// A database that answers and takes no writes is no database.
func TestHealth_DatabaseThatTakesNoWrites(t *testing.T) {
	for name, busy := range map[string]bool{"idle": false, "a job runs": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newSim(1, 0, false)
				w.wechat.followers = ids(0, 600)
				l := &readOnly{}
				w.change = func(c *Config) { l.Ledger, c.Ledger = c.Ledger, l }
				w.boot(0)
				if busy {
					w.post(1, pushd.Request{Rate: 2})
				}
				want := func(after time.Duration, level pushd.Level) {
					t.Helper()
					time.Sleep(after)
					part := w.processes[0].engine.Health("", "").Parts[0]
					if part.Name != "database" || part.Status != level {
						t.Errorf("%+v, want %s", part, level)
					}
				}
				want(30*time.Second, pushd.OK)
				l.on.Store(true)
				want(5*time.Second, pushd.OK)
				want(15*time.Second, pushd.Down)
				l.on.Store(false)
				want(5*time.Second, pushd.OK)
				w.processes[0].stop()
				w.all.Wait()
				w.late.Wait()
			})
		})
	}
}
