package systemd_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pushd/internal/systemd"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// manager listens where a service manager does.
func manager(t *testing.T) *net.UnixConn {
	t.Helper()
	name := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", name)
	return conn
}

// heard is the next message, or "" if none comes within d.
func heard(t *testing.T, conn *net.UnixConn, d time.Duration) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 4096)
	n, err := conn.Read(b)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	return string(b[:n])
}

// long is for messages that come at once.
const long = 10 * time.Second

func TestManager_Says(t *testing.T) {
	conn := manager(t)
	m := systemd.NewManager(slog.New(slog.DiscardHandler))
	for _, tc := range []struct {
		say  func()
		want string
	}{
		{m.Ready, `^READY=1$`},
		{m.Reloading, `^RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]+\n$`},
		{m.Stopping, `^STOPPING=1$`},
		{func() { m.Status("all is well") }, `^STATUS=all is well$`},
	} {
		tc.say()
		if got := heard(t, conn, long); !regexp.MustCompile(tc.want).MatchString(got) {
			t.Errorf("said %q, want %s", got, tc.want)
		}
	}
}

// The watchdog is fed three times in its patience, not by an engine that stands
// still, and again when that goes on.
func TestManager_Watch(t *testing.T) {
	conn := manager(t)
	t.Setenv("WATCHDOG_USEC", "300000")
	t.Setenv("WATCHDOG_PID", "")
	var log strings.Builder
	m := systemd.NewManager(slog.New(slog.NewTextHandler(&log, nil)))
	var alive atomic.Bool
	alive.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.Watch(ctx, alive.Load)
	}()
	for range 3 {
		if got := heard(t, conn, long); got != "WATCHDOG=1" {
			t.Fatalf("said %q", got)
		}
	}
	alive.Store(false)
	for quiet := 0; quiet < 3; quiet++ { // what was under way may still come
		if heard(t, conn, 200*time.Millisecond) != "" && quiet > 1 {
			t.Error("an engine that stands still feeds the watchdog")
		}
	}
	alive.Store(true)
	if got := heard(t, conn, long); got != "WATCHDOG=1" {
		t.Errorf("said %q after it went on", got)
	}
	cancel()
	<-done
	if n := strings.Count(log.String(), "the engine stands still"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, log.String())
	}
}

// Without a service manager, without a watchdog, or with one for another process,
// nothing happens; a socket that is gone is logged.
func TestManager_None(t *testing.T) {
	var log strings.Builder
	m := systemd.NewManager(slog.New(slog.NewTextHandler(&log, nil)))
	t.Setenv("NOTIFY_SOCKET", "")
	m.Ready()
	for _, env := range []struct{ usec, pid string }{{"", ""}, {"300000", "1"}} {
		t.Setenv("WATCHDOG_USEC", env.usec)
		t.Setenv("WATCHDOG_PID", env.pid)
		m.Watch(t.Context(), func() bool { t.Error("asked"); return true })
	}
	if log.String() != "" {
		t.Errorf("logged %s", log.String())
	}
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "gone"))
	m.Ready()
	if !strings.Contains(log.String(), "does not take the state") {
		t.Errorf("logged %q", log.String())
	}
}
