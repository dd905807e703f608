package program_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pushd/internal/program"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start starts a script in pushd's place.
func start(t *testing.T, script string, files int) *program.Process {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pushd")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	p, err := program.Start(program.Options{Binary: file, Args: []string{"--hold"}, Env: []string{"WHERE=127.0.0.1:81", "PATH=" + os.Getenv("PATH")}, Files: files})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.End(syscall.SIGKILL, time.Minute); err != nil {
			t.Error(err)
		}
	})
	return p
}

// The address is found in either format of the log, and behind other lines; what
// is said later is kept as well.
func TestProcess_Listens(t *testing.T) {
	for name, line := range map[string]string{
		"text": `time=x level=INFO msg="pushd listens" address='$WHERE' tls=false`,
		"JSON": `{"time":"x","level":"INFO","msg":"pushd listens","address":"'$WHERE'","tls":false}`,
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, "trap 'echo stopped; exit 3' TERM\necho \"$@\" >&2\necho '"+line+"'\nwhile :; do sleep 0.01; done", 0)
			if url, err := p.AwaitListen(); err != nil || url != "http://127.0.0.1:81" {
				t.Fatalf("%q, %v", url, err)
			}
			if p.Ended() || p.PID() == 0 {
				t.Error("it has ended")
			}
			if err := p.End(syscall.SIGTERM, time.Minute); err != nil || !p.Ended() || p.ExitCode() != 3 {
				t.Errorf("ended with %d, %v", p.ExitCode(), err)
			}
			if said := p.Said(); !strings.HasPrefix(said, "serve --hold\n") || !strings.HasSuffix(said, "stopped\n") {
				t.Errorf("said %q", said)
			}
		})
	}
}

// Who waits for a pushd that ends hears what it said.
func TestProcess_EndsBefore(t *testing.T) {
	p := start(t, "echo bad settings; exit 78", 0)
	if _, err := p.AwaitListen(); err == nil || !strings.Contains(err.Error(), "exit status 78: bad settings") {
		t.Errorf("%v", err)
	}
	if p.Signal(syscall.SIGTERM); p.ExitCode() != 78 {
		t.Errorf("exit code %d", p.ExitCode())
	}
}

func TestProcess_DoesNotEnd(t *testing.T) {
	p := start(t, "trap '' TERM\necho deaf\nwhile :; do sleep 0.01; done", 0)
	for !strings.Contains(p.Said(), "deaf") {
		time.Sleep(time.Millisecond)
	}
	if err := p.End(syscall.SIGTERM, 20*time.Millisecond); err == nil {
		t.Error("it has ended")
	}
}

func TestProcess_Files(t *testing.T) {
	p := start(t, `echo "$(ulimit -n) $@"`, 77)
	<-p.Done()
	if said := p.Said(); said != "77 serve --hold\n" {
		t.Errorf("said %q", said)
	}
}

// Of a long log the end is shown; of one with stacks, where they begin.
func TestProcess_Tail(t *testing.T) {
	for script, want := range map[string]string{
		"yes begun | head -c 9000; echo end":                                      "begun\nend\n",
		"yes begun | head -c 9000; echo SIGQUIT: quit; yes stack | head -c 30000": "begun\nSIGQUIT: quit\nstack\n",
	} {
		p := start(t, script, 0)
		<-p.Done()
		if tail := p.Tail(); !strings.Contains(tail, want) || len(tail) > 17_000 {
			t.Errorf("%s: %d bytes, %q", script, len(tail), tail)
		}
	}
}
