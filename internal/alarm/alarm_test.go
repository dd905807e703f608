package alarm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"pushd"
	"pushd/internal/ledgertest"
)

// The sleeps of these tests are synctest's: they pass in no time, and each is as
// long as the rule that it looks at.

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// board is a webhook in memory.
type board struct {
	mu    sync.Mutex
	fails bool
	calls int
	got   map[string]int // by key, how often
	most  int            // alarms of one message
}

func (b *board) RoundTrip(r *http.Request) (*http.Response, error) {
	var m struct {
		Alarms []struct {
			Key string `json:"key"`
		} `json:"alarms"`
	}
	err := json.NewDecoder(r.Body).Decode(&m)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	if b.fails || err != nil {
		return nil, errors.New("connection refused")
	}
	for _, a := range m.Alarms {
		b.got[a.Key]++
	}
	b.most = max(b.most, len(m.Alarms))
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
}

func (b *board) fail(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fails = on
}

// want checks how often each alarm has come.
func (b *board) want(t *testing.T, when string, n map[string]int) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, times := range n {
		if b.got[key] != times {
			t.Errorf("%s: %s came %d times, want %d", when, key, b.got[key], times)
		}
	}
	if len(b.got) != len(n) {
		t.Errorf("%s: %v, want %v", when, b.got, n)
	}
}

// world is a ledger, a webhook, and some processes with a courier.
type world struct {
	ledger *ledgertest.Memory
	board  *board
	log    bytes.Buffer
	risks  atomic.Pointer[[]pushd.Job]
	stop   context.CancelFunc
	all    sync.WaitGroup
}

func inWorld(t *testing.T, processes int, test func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{ledger: ledgertest.NewMemory(), board: &board{got: map[string]int{}}}
		w.risks.Store(&[]pushd.Job{})
		ctx, stop := context.WithCancel(t.Context())
		w.stop = stop
		var mu sync.Mutex
		for i := range processes {
			c := New(Options{Ledger: w.ledger, Hook: Hook{URL: "https://example.com/marked-secret", Format: JSON},
				Log: slog.New(slog.NewTextHandler(locked{&mu, &w.log}, nil)), Rand: rand.New(rand.NewPCG(1, uint64(i))),
				AtRisk: func() []pushd.Job { return *w.risks.Load() }})
			c.client = &http.Client{Transport: w.board}
			w.all.Go(func() { c.Run(ctx) })
		}
		test(t, w)
		stop()
		w.all.Wait()
		if strings.Contains(w.log.String(), "marked-secret") {
			t.Errorf("a secret in the log: %s", &w.log)
		}
	})
}

// locked is a writer for many.
type locked struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// What goes on being so is told once, by one of the processes.
func TestCourier_TellsOnce(t *testing.T) {
	inWorld(t, 3, func(t *testing.T, w *world) {
		_, err := w.ledger.Heartbeat(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Minute)
		w.board.want(t, "nothing is wrong", nil)
		seen := w.ledger.Install.HostSeen
		a, _ := pushd.SilenceAlarm(seen, seen.Add(time.Hour))
		time.Sleep(2 * time.Minute)
		w.board.want(t, "the host is silent", map[string]int{a.Key: 1})
		_, _, err = w.ledger.SetHold(t.Context(), pushd.Hold{AppID: "wx1", Reason: "punished"})
		if err != nil {
			t.Fatal(err)
		}
		h, _ := w.ledger.Holds(t.Context())
		time.Sleep(time.Hour)
		w.board.want(t, "and an account is held", map[string]int{a.Key: 1, h[0].Alarm().Key: 1})
	})
}

// A webhook that is away is asked more and more rarely, and gets everything when
// it is back; the log says both once.
func TestCourier_Retries(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		w.board.fail(true)
		alarms := some(45, "text")
		_, err := w.ledger.RaiseAlarms(t.Context(), alarms)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Hour)
		w.board.mu.Lock()
		if w.board.calls < 20 || w.board.calls > 120 {
			t.Errorf("%d calls in three hours", w.board.calls)
		}
		w.board.mu.Unlock()
		w.board.fail(false)
		time.Sleep(15 * time.Minute)
		want := map[string]int{}
		for _, a := range alarms {
			want[a.Key] = 1
		}
		w.board.want(t, "it is back", want)
		if w.board.most > batch {
			t.Errorf("%d alarms in one message", w.board.most)
		}
		if n := strings.Count(w.log.String(), "alarms can't be sent now"); n != 1 || strings.Count(w.log.String(), "sent again") != 1 {
			t.Errorf("%d times in the log: %s", n, &w.log)
		}
	})
}

// A process that dies with a message in its hands leaves it to the others.
func TestCourier_TakesOver(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		alarms := some(1, "text")
		if _, err := w.ledger.RaiseAlarms(t.Context(), alarms); err != nil {
			t.Fatal(err)
		}
		if taken, err := w.ledger.TakeAlarms(t.Context(), 5, takenFor); err != nil || len(taken) != 1 { // and dies
			t.Fatal(taken, err)
		}
		time.Sleep(takenFor - time.Second)
		w.board.want(t, "before its time is over", nil)
		time.Sleep(10 * time.Second)
		w.board.want(t, "after it", map[string]int{alarms[0].Key: 1})
	})
}

// A rate that dips is no alarm; one that stays too low is.
func TestCourier_AtRisk(t *testing.T) {
	inWorld(t, 1, func(t *testing.T, w *world) {
		j := pushd.Job{ID: "j1", ActID: 42, State: pushd.Running, Deadline: 1_900_000_000_000_000}
		w.risks.Store(&[]pushd.Job{j})
		time.Sleep(40 * time.Second)
		w.risks.Store(&[]pushd.Job{})
		time.Sleep(5 * time.Minute)
		w.board.want(t, "it dipped", nil)
		w.risks.Store(&[]pushd.Job{j})
		time.Sleep(5 * time.Minute)
		w.board.want(t, "it stays too low", map[string]int{j.AtRisk("").Key: 1})
	})
}

// What is sent after the webhook has changed goes to the new one.
func TestCourier_SetHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hosts []string
		c := New(Options{Ledger: ledgertest.NewMemory(), Hook: Hook{URL: "https://one.example/", Format: JSON}, Log: slog.New(slog.DiscardHandler)})
		c.client = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			hosts = append(hosts, r.URL.Host+" "+r.Header.Get(SignatureHeader)[:min(7, len(r.Header.Get(SignatureHeader)))])
			return &http.Response{StatusCode: 200, Body: http.NoBody, Request: r}, nil
		})}
		send := func() {
			t.Helper()
			if _, err := c.post(t.Context(), []pushd.Alarm{{Key: "k"}}); err != nil {
				t.Fatal(err)
			}
		}
		send()
		c.SetHook(Hook{URL: "https://two.example/", Secret: "s", Format: JSON})
		send()
		if got := strings.Join(hosts, ","); got != "one.example ,two.example sha256=" {
			t.Errorf("sent to %s", got)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
