//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// starting is a pushd that has begun to start, and waits for its key: that is a pipe.
type starting struct {
	*exec.Cmd
	log  *bufio.Scanner
	pipe string
}

// start begins a command of the program; the arguments are its.
func start(t *testing.T, args ...string) *starting {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a child that does not end is a failure, too
	t.Cleanup(cancel)
	s := &starting{Cmd: exec.CommandContext(ctx, os.Args[0], args...), pipe: filepath.Join(t.TempDir(), "key")}
	if err := syscall.Mkfifo(s.pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	s.Env = append(good(), "TEST_CHILD=main", "PUSHD_LISTEN=localhost:0", "PUSHD_API_KEY_FILE="+s.pipe, "PUSHD_SERVER=http://127.0.0.1:1")
	out, err := s.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.log = bufio.NewScanner(out)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

// meanwhile sends signals while the child reads its key, and then gives it one.
func (s *starting) meanwhile(t *testing.T, signals ...syscall.Signal) {
	t.Helper()
	pipe, err := os.OpenFile(s.pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	for end := time.Now().Add(20 * time.Second); errors.Is(err, syscall.ENXIO) && time.Now().Before(end); { // it is not read yet
		time.Sleep(time.Millisecond) // the other end is another process
		pipe, err = os.OpenFile(s.pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, sig := range signals {
		if err := s.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	s.delivered()
	if _, err := pipe.WriteString(goodKey); err != nil {
		t.Fatal(err)
	}
	if err := pipe.Close(); err != nil {
		t.Fatal(err)
	}
}

// delivered waits until the child has been interrupted by its signals, where the system
// says so: until then a short command may be faster, and end as if there were none.
func (s *starting) delivered() {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.Process.Pid))
		if err != nil || strings.Contains(string(status), "ShdPnd:\t0000000000000000\n") {
			return
		}
		time.Sleep(time.Millisecond) // the child is another process
	}
}

// until reads the log up to a line, and says whether it came.
func (s *starting) until(text string) bool {
	for s.log.Scan() {
		if strings.Contains(s.log.Text(), text) {
			return true
		}
	}
	return false
}

// A SIGHUP that comes before pushd is up is kept: it goes on, and reads the secrets
// again. SIGUSR1 likewise. A SIGTERM then ends it as it would later.
func TestServe_SignalsOfTheStart(t *testing.T) {
	s := start(t, "serve")
	s.meanwhile(t, syscall.SIGHUP)
	if !s.until("secrets not read again") { // the pipe is empty by now
		t.Fatalf("SIGHUP: %v", s.Wait())
	}
	_ = s.Process.Signal(syscall.SIGTERM) // Wait says whether it came
	s.until("\x00")
	if err := s.Wait(); err != nil {
		t.Errorf("stopped: %v", err)
	}

	s = start(t, "serve")
	s.meanwhile(t, syscall.SIGUSR1)
	if !s.until("goroutines written") {
		t.Fatalf("SIGUSR1: %v", s.Wait())
	}
	_ = s.Process.Signal(syscall.SIGTERM)
	s.until("\x00")
	if err := s.Wait(); err != nil {
		t.Errorf("stopped: %v", err)
	}

	for _, signals := range [][]syscall.Signal{{syscall.SIGTERM}, {syscall.SIGHUP, syscall.SIGTERM}} {
		s = start(t, "serve")
		s.meanwhile(t, signals...)
		s.until("\x00")
		if err := s.Wait(); err != nil {
			t.Errorf("%v: %v", signals, err)
		}
	}
}

// Another command is ended by the hang-up of its terminal, also by one that came
// while it read its settings.
func TestCommands_HangUp(t *testing.T) {
	handled := make(chan os.Signal, 1)
	signal.Notify(handled, syscall.SIGHUP) // else the child ignores it where the tests run under nohup
	defer signal.Stop(handled)
	s := start(t, "top")
	s.meanwhile(t, syscall.SIGHUP)
	s.until("\x00")
	_ = s.Wait() // its error is what is looked at
	if status, ok := s.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGHUP {
		t.Errorf("ended with %v", s.ProcessState)
	}
}
