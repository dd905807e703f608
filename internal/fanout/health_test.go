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
				w.end()
			})
		})
	}
}

// The host is missed from its first heartbeat on, and only as long as the ledger
// can be asked.
func TestHealth_Host(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, false)
		w.boot(0)
		host := func(after time.Duration, want pushd.Level) {
			t.Helper()
			time.Sleep(after)
			got := pushd.Level("")
			for _, part := range w.processes[0].engine.Health("", "").Parts {
				if part.Name == "host" {
					got = part.Status
				}
			}
			if got != want {
				t.Errorf("host %q, want %q", got, want)
			}
		}
		beat := func() {
			t.Helper()
			if _, err := w.ledger.Heartbeat(t.Context()); err != nil {
				t.Error(err)
			}
		}
		host(10*time.Minute, "")
		beat()
		host(20*time.Second, pushd.OK)
		host(4*time.Minute, pushd.OK)
		beat()
		host(4*time.Minute, pushd.OK)
		host(2*time.Minute, pushd.Degraded)
		beat()
		host(20*time.Second, pushd.OK)
		w.end()
	})
}

// What is overdue is asked once a minute; a query that fails leaves it unknown,
// and is no matter of the ledger's.
func TestOverdue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, false)
		var asks atomic.Int64
		var fails atomic.Bool
		w.change = func(c *Config) {
			c.Overdue = func(_ context.Context, before pushd.Time) (pushd.Overdue, error) {
				if due := pushd.Time(time.Now().UnixMicro()).Sub(before); due.Round(time.Second) != 5*time.Minute {
					t.Errorf("asked for what was due %v ago", due)
				}
				if fails.Load() {
					return pushd.Overdue{}, errReadOnly
				}
				return pushd.Overdue{Missed: asks.Add(1), Braked: 7}, nil
			}
		}
		w.boot(0)
		want := func(n int64, known bool) {
			t.Helper()
			time.Sleep(time.Minute)
			if got, ok := w.processes[0].engine.Overdue(); ok != known || ok && (got.Missed != n || got.Braked != 7) {
				t.Errorf("overdue %+v, %v, want %d, %v", got, ok, n, known)
			}
		}
		time.Sleep(time.Second)
		want(2, true)
		fails.Store(true)
		want(0, false)
		if n := w.processes[0].engine.Stats().LedgerErrors; n != 0 {
			t.Errorf("%d errors of the ledger", n)
		}
		fails.Store(false)
		want(3, true)
		w.end()
	})
}
