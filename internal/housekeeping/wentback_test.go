package fanout

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
)

func (c wire) Raise(ctx context.Context, least int64) (pushd.Counter, error) {
	return ask(c, ctx, "raise", func(ctx context.Context) (pushd.Counter, error) { return c.fakeLedger.Raise(ctx, least) })
}

func (c wire) Installation(ctx context.Context) (pushd.Installation, error) {
	return ask(c, ctx, "installation", c.fakeLedger.Installation)
}

func (c wire) StepBack(ctx context.Context, b pushd.StepBack) (int, error) {
	return ask(c, ctx, "step back", func(ctx context.Context) (int, error) { return c.fakeLedger.StepBack(ctx, b) })
}

func (c wire) CountHeld(ctx context.Context) (int, error) {
	return ask(c, ctx, "count held", c.fakeLedger.CountHeld)
}

// ---- The tests

// kept is a counter's file.
type kept struct {
	pushd.Counter
	load, save error
}

func (k *kept) Load() (pushd.Counter, error) { return k.Counter, k.load }

func (k *kept) Save(c pushd.Counter) error {
	if k.save == nil {
		k.Counter = c
	}
	return k.save
}

// back is an engine on a ledger with one job, and how it is set.
type back struct {
	*fakeLedger
	cfg  Config
	file *kept
	log  strings.Builder
	job  pushd.JobID
}

func newBack(t *testing.T) *back {
	t.Helper()
	b := &back{fakeLedger: newFakeLedger(), file: &kept{}}
	began := time.Now()
	b.cfg = Config{
		Ledger: b.fakeLedger, Owner: pushd.Owner{Instance: "i", Boot: "b"}, Log: slog.New(slog.NewTextHandler(&b.log, nil)), Concurrency: 8, MaxJobs: 1,
		DedupWindow: 9 * time.Minute, Lease: 15 * time.Second, Grace: 30 * time.Minute, StatusFailed: 3, Location: time.UTC,
		Rand: rand.New(rand.NewPCG(1, 1)), Boottime: func() time.Duration { return time.Since(began) }, Counter: b.file,
	}
	b.job = b.create(t, 1)
	return b
}

// create makes a queued job.
func (b *back) create(t *testing.T, act pushd.ActID) pushd.JobID {
	t.Helper()
	j, err := b.Create(t.Context(), pushd.Job{ID: pushd.NewJobID(), ActID: act, AppID: "wx1", StartTime: 1_900_000_000, Deadline: 1_900_000_000e6})
	if err != nil {
		t.Fatal(err)
	}
	return j.ID
}

// look is a start of pushd. It leaves the database as it is.
func (b *back) look(t *testing.T) *Engine {
	t.Helper()
	e := New(b.cfg)
	if err := e.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	return e
}

// reset sets the counter back, as a copy that was made then would.
func (b *back) reset(in pushd.Installation) {
	b.Lock()
	defer b.Unlock()
	b.Install = in
}

func (b *back) state(t *testing.T) (pushd.State, pushd.Reason) {
	t.Helper()
	j, err := b.Job(t.Context(), b.job)
	if err != nil {
		t.Fatal(err)
	}
	return j.State, j.Reason
}

func TestEngine_LedgerWentBack(t *testing.T) {
	for _, tc := range []struct {
		name        string
		lost, spent time.Duration // from the copy to the last raise, and on to the start
		held        bool
	}{
		{"LongAgo", time.Hour, time.Hour, true},
		// The file is young, but what was sent first after the copy is not.
		{"TheCopyIsOldTheFileIsNot", time.Hour, time.Minute, true},
		{"WithinTheWindow", 5 * time.Minute, 3 * time.Minute, false},
		{"JustBeyondTheWindow", 5 * time.Minute, 4*time.Minute + time.Second, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBack(t)
				b.look(t)
				copied, err := b.Installation(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(tc.lost)
				b.look(t) // which raises
				time.Sleep(tc.spent)
				b.reset(copied)
				e := b.look(t)
				state, reason := b.state(t)
				if held := state == pushd.Paused && reason == pushd.LedgerWentBack; held != tc.held {
					t.Errorf("the job is %s (%s), want held %v", state, reason, tc.held)
				}
				level, text := e.house.Health()
				if (level == pushd.Degraded) != tc.held || tc.held && !strings.HasPrefix(text, "1 jobs") {
					t.Errorf("health is %s: %s", level, text)
				}
				if !strings.Contains(b.log.String(), "the ledger went back") {
					t.Errorf("nothing in the log: %s", b.log.String())
				}
				// A second start, and whoever raises late, finds nothing to hold.
				if _, err := b.Command(t.Context(), b.job, pushd.Command{From: pushd.ActiveStates, Resume: true}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Hour)
				b.look(t)
				if err := e.house.Raise(t.Context()); err != nil {
					t.Error(err)
				}
				if state, reason := b.state(t); state != pushd.Queued {
					t.Errorf("after a second start the job is %s (%s)", state, reason)
				}
			})
		})
	}
}

// A database that goes back while pushd runs is noticed by the next raise.
func TestEngine_LedgerGoesBackBeneathIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBack(t)
		b.cfg.Counter = nil
		e := b.look(t)
		copied, _ := b.Installation(t.Context())
		time.Sleep(time.Hour)
		e.raiseCounter(t.Context())
		b.reset(copied)
		e.raiseCounter(t.Context())
		if state, reason := b.state(t); state != pushd.Paused || reason != pushd.LedgerWentBack {
			t.Errorf("the job is %s (%s)", state, reason)
		}
	})
}

// Of two processes that notice, the one that is later holds nothing more.
func TestEngine_LedgerWentBackOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBack(t)
		first, second := b.look(t), b.look(t)
		copied, _ := b.Installation(t.Context())
		time.Sleep(time.Hour)
		first.raiseCounter(t.Context())
		for range 10 { // it has seen more than the first
			second.raiseCounter(t.Context())
		}
		b.reset(copied)
		first.raiseCounter(t.Context())
		fresh := b.create(t, 2)
		time.Sleep(time.Hour) // the second was frozen
		second.raiseCounter(t.Context())
		if j, _ := b.Job(t.Context(), fresh); j.State != pushd.Queued {
			t.Errorf("the second held %s: %s (%s)", fresh, j.State, j.Reason)
		}
		if n, _ := b.CountHeld(t.Context()); n != 1 {
			t.Errorf("%d jobs held", n)
		}
	})
}

// What can't be used of the file is as if it was not there: reminders go out.
func TestEngine_CounterThatIsOfNoUse(t *testing.T) {
	for _, tc := range []struct {
		name string
		file kept
	}{
		{"None", kept{}},
		{"Corrupt", kept{load: errors.New("unexpected end of JSON input")}},
		{"OfAnotherInstallation", kept{Counter: pushd.Counter{Installation: "other", Value: 1 << 40, At: 1}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBack(t)
				b.file = &tc.file
				b.cfg.Counter = b.file
				b.look(t)
				if state, reason := b.state(t); state != pushd.Queued {
					t.Errorf("the job is %s (%s)", state, reason)
				}
				if warned := strings.Contains(b.log.String(), "--hold"); warned != (tc.name != "None") {
					t.Errorf("log: %s", b.log.String())
				}
				if tc.file.Installation != "sim" || tc.file.Value != 1 {
					t.Errorf("afterwards the file says %+v", tc.file.Counter)
				}
			})
		})
	}
}

// A counter that can't be kept shows in the health, and stops nothing.
func TestEngine_CounterThatCantBeKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBack(t)
		b.file.save = errors.New("no space left on device")
		e := b.look(t)
		if level, text := e.house.Health(); level != pushd.Degraded || !strings.Contains(text, "no space left") {
			t.Errorf("health is %s: %s", level, text)
		}
		for range 3 {
			e.raiseCounter(t.Context())
		}
		if n := strings.Count(b.log.String(), "no space left"); n != 1 {
			t.Errorf("said %d times", n)
		}
		b.file.save = nil
		e.raiseCounter(t.Context())
		if level, _ := e.house.Health(); level != pushd.OK || b.file.Value != 5 {
			t.Errorf("health is %s, the file says %+v", level, b.file.Counter)
		}
	})
}

// --hold holds by hand, whatever the counter says, and once.
func TestEngine_Hold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBack(t)
		b.cfg.Hold = true
		e := b.look(t)
		if state, reason := b.state(t); state != pushd.Paused || reason != pushd.LedgerWentBack {
			t.Fatalf("the job is %s (%s)", state, reason)
		}
		if !strings.Contains(b.log.String(), "held=1") {
			t.Errorf("log: %s", b.log.String())
		}
		if _, err := b.Command(t.Context(), b.job, pushd.Command{From: pushd.ActiveStates, Resume: true}); err != nil {
			t.Fatal(err)
		}
		if err := e.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if state, reason := b.state(t); state != pushd.Queued {
			t.Errorf("the job is %s (%s)", state, reason)
		}
		minutes := int64(30)
		in, _ := b.Installation(t.Context())
		if ch := (pushd.Channel{StartTime: in.Now.Add(10 * time.Minute).Std().Unix(), NotifyMinutes: &minutes}); !in.Lost.Covers(ch, in.Now, 9*time.Minute) {
			t.Error("a reminder that was due before the start is not held")
		}
	})
}

// busyCounter is a ledger whose counter another process raises all the time.
type busyCounter struct {
	*fakeLedger
	times int
}

func (b *busyCounter) StepBack(ctx context.Context, s pushd.StepBack) (int, error) {
	if b.times--; b.times >= 0 {
		b.fakeLedger.Raise(ctx, 0)
	}
	return b.fakeLedger.StepBack(ctx, s)
}

// A counter that another process raises meanwhile is looked at again.
func TestEngine_HoldWhileOthersRaise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for times, want := range map[int]pushd.State{0: pushd.Paused, 2: pushd.Paused, 100: pushd.Queued} {
			b := newBack(t)
			b.cfg.Hold, b.cfg.Ledger = true, &busyCounter{b.fakeLedger, times}
			err := New(b.cfg).Look(t.Context())
			if state, _ := b.state(t); state != want || (err == nil) != (want == pushd.Paused) || errors.Is(err, pushd.ErrLost) {
				t.Errorf("%d times: the job is %s, %v", times, state, err)
			}
		}
	})
}
