package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	switch os.Getenv("TEST_CHILD") {
	case "signals":
		childSignals()
	case "main":
		main()
	}
	goleak.VerifyTestMain(m)
}

// childSignals is main without run: it says when it may be signalled, and
// when it was, and then takes for ever to stop.
func childSignals() {
	if err := hardenProcess(); err != nil {
		fmt.Println(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM)
	go obey(signals, stop)
	fmt.Println("ready")
	<-ctx.Done()
	fmt.Println("stopping")
	select {}
}

// The first signal asks, the second one ends the process at once.
func TestMain_TwoSignals(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a child that does not end is a failure, too
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env = append(os.Environ(), "TEST_CHILD=signals")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for _, want := range []string{"ready", "stopping"} {
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("said %q, want %q", lines.Text(), want)
		}
		if want == "ready" {
			limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", child.Process.Pid))
			if err == nil && !strings.Contains(string(limits), "Max core file size        0                    0") {
				t.Errorf("core dumps are possible:\n%s", limits)
			}
		}
		if err := child.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("ended with %v", err)
	}
}
