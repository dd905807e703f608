package housekeeping_test

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"pushd"
	"pushd/internal/housekeeping"
	"pushd/internal/lease"
	"pushd/internal/ledgertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a keeper on a ledger on maps, of which it notes what is done, and on
// which some things can't be done.
type house struct {
	*ledgertest.Memory
	keeper *housekeeping.Keeper
	t      *testing.T
	ctx    context.Context

	mu      sync.Mutex
	looks   map[pushd.ActID]int // how often each channel was read
	batches int                 // how often Statuses was asked
	blind   bool                // it has no answer, as with a channel query of the operator's
	done    []string            // Expire, Purge, RemoveJobs that did something
	locked  map[pushd.ActID]bool
	bad     map[pushd.ActID]error // channels of which a column can't be used
	failing error                 // of Now
	expired int
}

// inHouse runs f in virtual time, with channels and an ended job for each.
func inHouse(t *testing.T, f func(h *house)) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{Memory: ledgertest.NewMemory(), t: t, ctx: t.Context(), looks: map[pushd.ActID]int{}, locked: map[pushd.ActID]bool{}}
		boot := time.Now()
		boottime := func() time.Duration { return time.Since(boot) }
		h.keeper = housekeeping.New(housekeeping.Config{
			Ledger: h, Work: h, Log: slog.New(slog.DiscardHandler), Clock: lease.NewClock(boottime), Boottime: boottime,
			Ready: func() bool { return true }, DedupWindow: 9 * time.Minute, Retention: 168 * time.Hour, JobRetention: 9600 * time.Hour,
			StatusFailed: ledgertest.StatusFailed,
		})
		f(h)
	})
}

// Channel notes that it was asked.
func (h *house) Channel(ctx context.Context, id pushd.ActID) (pushd.Channel, error) {
	h.mu.Lock()
	h.looks[id]++
	h.mu.Unlock()
	ch, err := h.Memory.Channel(ctx, id)
	return ch, cmp.Or(err, h.bad[id])
}

// Statuses notes that it was asked.
func (h *house) Statuses(ctx context.Context, ids []pushd.ActID) (map[pushd.ActID]int, error) {
	h.batches++
	if h.blind {
		return nil, nil
	}
	return h.Memory.Statuses(ctx, ids)
}

// CorrectStatus waits for rows that another transaction keeps locked.
func (h *house) CorrectStatus(ctx context.Context, seen pushd.Job, start int64, status int) (bool, error) {
	if h.locked[seen.ActID] {
		time.Sleep(time.Second)
		return false, errors.New("lock wait timeout exceeded")
	}
	return h.Memory.CorrectStatus(ctx, seen, start, status)
}

func (h *house) Purge(ctx context.Context, t pushd.Time) (bool, error) {
	h.done = append(h.done, "pages")
	return h.Memory.Purge(ctx, t)
}

func (h *house) RemoveJobs(ctx context.Context, t pushd.Time) (bool, error) {
	h.done = append(h.done, "jobs")
	return h.Memory.RemoveJobs(ctx, t)
}

func (h *house) Now(ctx context.Context) (pushd.Time, error) {
	if h.failing != nil {
		return 0, h.failing
	}
	return h.Memory.Now(ctx)
}

// The engine's side.

func (h *house) Answered()                             {}
func (h *house) Failed(context.Context, string, error) {}
func (h *house) Expired()                              { h.expired++ }
func (h *house) LetGo(context.Context)                 {}
func (h *house) GiveBack()                             {}

// job makes a channel and its job, which is late after a time.
func (h *house) job(act pushd.ActID, late time.Duration) pushd.Job {
	h.t.Helper()
	status := pushd.StatusNotNotified
	h.Lock()
	h.Channels[act] = &pushd.Channel{ActID: act, AppID: "wx1", StartTime: 1_900_000_000, Status: &status}
	h.Unlock()
	j, err := h.Create(h.ctx, pushd.Job{ActID: act, AppID: "wx1", StartTime: 1_900_000_000, Deadline: pushd.Time(time.Now().Add(late).UnixMicro())})
	if err != nil {
		h.t.Fatal(err)
	}
	return j
}

// ended makes jobs that were canceled just now.
func (h *house) ended(first, last pushd.ActID) {
	h.t.Helper()
	for act := first; act <= last; act++ {
		j := h.job(act, time.Hour)
		if _, err := h.Command(h.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Canceled}); err != nil {
			h.t.Fatal(err)
		}
	}
}

// column is a channel's live_notify_status.
func (h *house) column(act pushd.ActID) int {
	h.t.Helper()
	ch, err := h.Memory.Channel(h.ctx, act)
	if err != nil || ch.Status == nil {
		h.t.Fatalf("channel %d: %v", act, err)
	}
	return *ch.Status
}

// overwrite is what a host does that saves an old row.
func (h *house) overwrite(act pushd.ActID) {
	h.Lock()
	defer h.Unlock()
	h.SetStatus(act, pushd.StatusNotNotified)
}

// rounds lets the reconciler make so many rounds.
func (h *house) rounds(n int) {
	for range n {
		h.keeper.Reconcile(h.ctx)
		time.Sleep(10 * time.Second)
	}
}

// Jobs that wait past their deadline end in its order, and their columns follow.
func TestKeep_EndsWhatIsLate(t *testing.T) {
	inHouse(t, func(h *house) {
		h.job(1, time.Hour)
		h.job(2, 3*time.Minute)
		h.job(3, 2*time.Minute)
		time.Sleep(4 * time.Minute)
		h.keeper.Keep(h.ctx)
		if h.expired != 2 || h.column(1) != pushd.StatusNotifying || h.column(2) != ledgertest.StatusFailed || h.column(3) != ledgertest.StatusFailed {
			t.Errorf("%d expired, columns %d %d %d", h.expired, h.column(1), h.column(2), h.column(3))
		}
	})
}

// Columns that can't be written hold up the ends of jobs for some seconds at
// most, and the reconciler sees to them.
func TestKeep_LockedColumns(t *testing.T) {
	inHouse(t, func(h *house) {
		for act := pushd.ActID(1); act <= 20; act++ {
			h.job(act, time.Minute)
			h.locked[act] = true
		}
		time.Sleep(2 * time.Minute)
		began := time.Now()
		h.keeper.Keep(h.ctx)
		if took := time.Since(began); took > housekeeping.ColumnsFor+housekeeping.ColumnFor || h.expired != 20 {
			t.Errorf("%d expired in %s", h.expired, took)
		}
		clear(h.locked)
		h.rounds(1)
		for act := pushd.ActID(1); act <= 20; act++ {
			if got := h.column(act); got != ledgertest.StatusFailed {
				t.Errorf("the column of channel %d is %d", act, got)
			}
		}
	})
}

// The pages go when the retention is over, and the job when its own is.
func TestPurge_PagesThenJobs(t *testing.T) {
	inHouse(t, func(h *house) {
		h.ended(1, 1)
		job, err := h.Last(h.ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			after        time.Duration
			purged, gone bool
		}{{167 * time.Hour, false, false}, {2 * time.Hour, true, false}, {9430 * time.Hour, true, false}, {2 * time.Hour, true, true}} {
			time.Sleep(step.after)
			h.keeper.Purge(h.ctx)
			got, err := h.Job(h.ctx, job.ID)
			if gone := errors.Is(err, pushd.ErrNotFound); gone != step.gone || !gone && (got.PurgedAt != 0) != step.purged {
				t.Errorf("%s later: purged at %d, %v", step.after, got.PurgedAt, err)
			}
		}
	})
}

// What is old is said by the database's clock, and by no other.
func TestPurge_NeedsTheClock(t *testing.T) {
	inHouse(t, func(h *house) {
		h.ended(1, 1)
		time.Sleep(20_000 * time.Hour)
		h.failing = errors.New("no answer")
		h.keeper.Purge(h.ctx)
		if len(h.done) > 0 {
			t.Errorf("removed without a clock: %v", h.done)
		}
		h.failing = nil
		h.Step = -20_000 * time.Hour // the process's clock is ahead
		h.keeper.Purge(h.ctx)
		if job, err := h.Last(h.ctx, 1); err != nil || job.PurgedAt != 0 {
			t.Errorf("removed by the process's clock: %+v, %v", job, err)
		}
	})
}

// A call of Purge removes a bounded number, and the next ones the rest.
func TestPurge_InTurns(t *testing.T) {
	inHouse(t, func(h *house) {
		h.ended(1, 120)
		time.Sleep(200 * time.Hour)
		for _, want := range []int{70, 20, 0} {
			h.keeper.Purge(h.ctx)
			kept := 0
			for act := pushd.ActID(1); act <= 120; act++ {
				if job, _ := h.Last(h.ctx, act); job.PurgedAt == 0 {
					kept++
				}
			}
			if kept != want {
				t.Errorf("%d jobs have their pages, want %d", kept, want)
			}
		}
	})
}
