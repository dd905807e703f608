package housekeeping

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
	"pushd/internal/lease"
	"pushd/internal/ledgertest"
)

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

// workers hear what a keeper has for those who work on jobs.
type workers struct{ answered, letGo, givenBack int }

func (w *workers) Answered()                             { w.answered++ }
func (w *workers) Failed(context.Context, string, error) {}
func (w *workers) Expired()                              {}
func (w *workers) LetGo(context.Context)                 { w.letGo++ }
func (w *workers) GiveBack()                             { w.givenBack++ }

// back is a ledger on maps with one job, and how a keeper of it is set.
type back struct {
	*ledgertest.Memory
	cfg  Config
	file *kept
	work workers
	log  strings.Builder
	job  pushd.JobID
}

func newBack(t *testing.T) *back {
	t.Helper()
	b := &back{Memory: ledgertest.NewMemory(), file: &kept{}}
	began := time.Now()
	boottime := func() time.Duration { return time.Since(began) }
	b.cfg = Config{
		Ledger: b.Memory, Work: &b.work, Log: slog.New(slog.NewTextHandler(&b.log, nil)), Clock: lease.NewClock(boottime), Boottime: boottime,
		Ready: func() bool { return true }, DedupWindow: 9 * time.Minute, StatusFailed: 3, Counter: b.file,
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

// look is a start of pushd. It leaves the jobs as they are, unless the ledger went
// back.
func (b *back) look(t *testing.T) *Keeper {
	t.Helper()
	k := New(b.cfg)
	if err := k.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	return k
}

// raise raises the counter.
func raise(t *testing.T, k *Keeper) {
	t.Helper()
	if err := k.Raise(t.Context()); err != nil {
		t.Fatal(err)
	}
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

func TestKeeper_LedgerWentBack(t *testing.T) {
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
				k := b.look(t)
				state, reason := b.state(t)
				if held := state == pushd.Paused && reason == pushd.LedgerWentBack; held != tc.held {
					t.Errorf("the job is %s (%s), want held %v", state, reason, tc.held)
				}
				level, text := k.Health()
				if (level == pushd.Degraded) != tc.held || tc.held && !strings.HasPrefix(text, "1 jobs") {
					t.Errorf("health is %s: %s", level, text)
				}
				if (b.work.letGo == 1) != tc.held || b.work.givenBack != 1 {
					t.Errorf("those who work on jobs let go of them %d times, and began anew %d times", b.work.letGo, b.work.givenBack)
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
				if err := k.Raise(t.Context()); err != nil {
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
func TestKeeper_LedgerGoesBackBeneathIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBack(t)
		b.cfg.Counter = nil
		k := b.look(t)
		copied, _ := b.Installation(t.Context())
		time.Sleep(time.Hour)
		raise(t, k)
		b.reset(copied)
		raise(t, k)
		if state, reason := b.state(t); state != pushd.Paused || reason != pushd.LedgerWentBack {
			t.Errorf("the job is %s (%s)", state, reason)
		}
	})
}

// Of two processes that notice, the one that is later holds nothing more.
func TestKeeper_LedgerWentBackOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBack(t)
		first, second := b.look(t), b.look(t)
		copied, _ := b.Installation(t.Context())
		time.Sleep(time.Hour)
		raise(t, first)
		for range 10 { // it has seen more than the first
			raise(t, second)
		}
		b.reset(copied)
		raise(t, first)
		fresh := b.create(t, 2)
		time.Sleep(time.Hour) // the second was frozen
		raise(t, second)
		if j, _ := b.Job(t.Context(), fresh); j.State != pushd.Queued {
			t.Errorf("the second held %s: %s (%s)", fresh, j.State, j.Reason)
		}
		if n, _ := b.CountHeld(t.Context()); n != 1 {
			t.Errorf("%d jobs held", n)
		}
	})
}

// What can't be used of the file is as if it was not there: reminders go out.
func TestKeeper_CounterThatIsOfNoUse(t *testing.T) {
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
func TestKeeper_CounterThatCantBeKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBack(t)
		b.file.save = errors.New("no space left on device")
		k := b.look(t)
		if level, text := k.Health(); level != pushd.Degraded || !strings.Contains(text, "no space left") {
			t.Errorf("health is %s: %s", level, text)
		}
		for range 3 {
			raise(t, k)
		}
		if n := strings.Count(b.log.String(), "no space left"); n != 1 {
			t.Errorf("said %d times", n)
		}
		b.file.save = nil
		raise(t, k)
		if level, _ := k.Health(); level != pushd.OK || b.file.Value != 5 {
			t.Errorf("health is %s, the file says %+v", level, b.file.Counter)
		}
	})
}

// --hold holds by hand, whatever the counter says, and once.
func TestKeeper_Hold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBack(t)
		b.cfg.Hold = true
		k := b.look(t)
		if state, reason := b.state(t); state != pushd.Paused || reason != pushd.LedgerWentBack {
			t.Fatalf("the job is %s (%s)", state, reason)
		}
		if !strings.Contains(b.log.String(), "held=1") {
			t.Errorf("log: %s", b.log.String())
		}
		if _, err := b.Command(t.Context(), b.job, pushd.Command{From: pushd.ActiveStates, Resume: true}); err != nil {
			t.Fatal(err)
		}
		if err := k.Look(t.Context()); err != nil {
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
	*ledgertest.Memory
	times int
}

func (b *busyCounter) StepBack(ctx context.Context, s pushd.StepBack) (int, error) {
	if b.times--; b.times >= 0 {
		b.Memory.Raise(ctx, 0)
	}
	return b.Memory.StepBack(ctx, s)
}

// A counter that another process raises meanwhile is looked at again.
func TestKeeper_HoldWhileOthersRaise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for times, want := range map[int]pushd.State{0: pushd.Paused, 2: pushd.Paused, 100: pushd.Queued} {
			b := newBack(t)
			b.cfg.Hold, b.cfg.Ledger = true, &busyCounter{b.Memory, times}
			err := New(b.cfg).Look(t.Context())
			if state, _ := b.state(t); state != want || (err == nil) != (want == pushd.Paused) || errors.Is(err, pushd.ErrLost) {
				t.Errorf("%d times: the job is %s, %v", times, state, err)
			}
		}
	})
}
