package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"pushd/api/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The whole demo, small: it shows the status, the bar, the new token and the
// sums, and knows that they add up.
func TestRun(t *testing.T) {
	for name, args := range map[string][]string{
		"SQLite":  {"-followers=400"},
		"MariaDB": {"-followers=400", "-mariadb"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir("../..") // as make does
			var out, errs bytes.Buffer
			if code := run(t.Context(), args, &out, &errs); code != 0 || errs.Len() > 0 {
				t.Errorf("exit code %d, %s", code, errs.String())
			}
			at := 0
			for _, want := range []string{
				name, "live_notify_status = 0", "202, job ", "live_notify_status 0 -> 1", "live_notify_status 1 -> 2",
				"100% 400/400 succeeded", "delivered once", "It adds up: 400 = ",
			} {
				i := strings.Index(out.String()[at:], want)
				if i < 0 {
					t.Fatalf("no %q after %q in\n%s", want, out.String()[:at], out.String())
				}
				at += i
			}
			if strings.Contains(out.String(), "\x1b") || strings.Contains(out.String(), " \n") {
				t.Errorf("escapes or trailing blanks in\n%q", out.String())
			}
		})
	}
}

func TestRun_BadFlags(t *testing.T) {
	for _, args := range [][]string{{"-nonsense"}, {"-followers=0"}, {"more"}} {
		if code := run(t.Context(), args, io.Discard, io.Discard); code != 2 {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
}

// With -keep it goes on until somebody stops it.
func TestRun_Keep(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	out := &stopper{at: "until Ctrl-C", stop: stop}
	var errs bytes.Buffer
	if code := run(ctx, []string{"-keep", "-followers=100"}, out, &errs); code != 0 || ctx.Err() == nil {
		t.Errorf("exit code %d, %s\n%s", code, errs.String(), out.text.String())
	}
}

// Ctrl-C in the middle stops everything.
func TestRun_Interrupted(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	out := &stopper{at: "0 -> 1", stop: stop}
	if code := run(ctx, []string{"-followers=100000"}, out, io.Discard); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if !strings.HasSuffix(out.text.String(), "Interrupted; everything has been stopped.\n") {
		t.Errorf("said\n%s", out.text.String())
	}
}

// What does not add up is found.
func TestShow_Wrong(t *testing.T) {
	r, stop, err := setUp(t.Context(), options{seed: 1}, logger(options{}, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	s := &show{Rig: r, out: io.Discard, revoked: true}
	s.openAccount(options{followers: 100})
	var job client.Job
	job.State, job.Walked, job.Sent = "failed", 100, 99
	text := strings.Join(s.wrong(job), "\n")
	for _, want := range []string{"ended failed", "live_notify_status is 0", "99 accounted for", "the ledger 0", "did not get it", "not replaced"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if s.judge(job) == nil {
		t.Error("it adds up")
	}
}

// stopper stops something as soon as a text is written.
type stopper struct {
	mu   sync.Mutex
	text bytes.Buffer
	at   string
	stop func()
}

func (s *stopper) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.text.Write(p); strings.Contains(s.text.String(), s.at) {
		s.stop()
	}
	return len(p), nil
}
