// Package program builds the real pushd and runs it in a process of its own, for
// tests and measurements. It is no part of the product.
package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Build makes the binary as make build does, with build tags if any.
func Build(ctx context.Context, file string, tags ...string) error {
	args := []string{"build", "-trimpath", "-ldflags", "-s -w", "-o", file}
	for _, tag := range tags {
		args = append(args, "-tags", tag)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "pushd/cmd/pushd")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build pushd: %w: %s", err, out)
	}
	return nil
}

// Options say what is started and how.
type Options struct {
	Binary string
	Args   []string // of "pushd serve"
	Env    []string // all of it; PUSHD_LISTEN should be 127.0.0.1:0
	Files  int      // how many it may open; 0: as many as this process
}

// Process is a running "pushd serve".
type Process struct {
	// Started is when it was started.
	Started time.Time

	cmd  *exec.Cmd
	said output
	done chan struct{} // closed when it has ended
	err  error         // how it ended; read after done
}

// Start starts "pushd serve" so that it dies with this process, and does not
// wait: it may end before it listens, and some tests want that.
//
// The kernel ties the death signal to the thread that forked, not to the
// process (golang.org/issue/27505). So the goroutine that starts pushd keeps
// its thread and lives until pushd has ended.
func Start(o Options) (*Process, error) {
	args := append([]string{"serve"}, o.Args...)
	p := &Process{cmd: exec.Command(o.Binary, args...), done: make(chan struct{})}
	if o.Files > 0 {
		limit := fmt.Sprintf(`ulimit -n %d; exec "$0" "$@"`, o.Files)
		p.cmd = exec.Command("/bin/sh", append([]string{"-c", limit, o.Binary}, args...)...)
	}
	p.said.found = make(chan string, 1)
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = o.Env, &p.said, &p.said
	// A group of its own: a ^C in the terminal is for the test.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		p.Started = time.Now()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start pushd: %w", err)
	}
	return p, nil
}

// patience is how long a start may take. No figure is asserted with it.
const patience = 30 * time.Second

// AwaitListen waits until pushd says where its API listens, and returns the
// API's root. It is an error if pushd ends before.
func (p *Process) AwaitListen() (url string, err error) {
	select {
	case address := <-p.said.found:
		return "http://" + address, nil
	case <-p.done:
		return "", fmt.Errorf("pushd ended before it listened: %w: %s", p.err, p.Tail())
	case <-time.After(patience):
		return "", fmt.Errorf("pushd does not listen: %s", p.Tail())
	}
}

// PID is the number of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Signal sends a signal. A process that has ended gets none.
func (p *Process) Signal(sig syscall.Signal) { _ = p.cmd.Process.Signal(sig) }

// End sends a signal and waits, at most limit, for the end. The error says only
// that it has not come. It may be called again.
func (p *Process) End(sig syscall.Signal, limit time.Duration) error {
	p.Signal(sig)
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case <-p.done:
		return nil
	case <-late.C:
		return errors.New("pushd does not end")
	}
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Ended says whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// ExitCode is that of a process that has ended; -1 if a signal ended it.
func (p *Process) ExitCode() int { return p.cmd.ProcessState.ExitCode() }

// Said is all that the process has written so far.
func (p *Process) Said() string {
	p.said.mu.Lock()
	defer p.said.mu.Unlock()
	return p.said.text.String()
}

// Tail is the end of it, or what matters of the stacks that SIGQUIT has made it
// show.
func (p *Process) Tail() string {
	const most = 4000
	text := p.Said()
	if i := strings.Index(text, "SIGQUIT: quit"); i >= 0 {
		return text[max(0, i-most):min(len(text), i+3*most)]
	}
	return text[max(0, len(text)-most):]
}

// listens is the line of pushd's log that says where it listens, as text or as
// JSON.
var listens = regexp.MustCompile(`"?pushd listens"? ?,?"?address"?[=:]"?([^ "]+)`)

// output keeps what a process writes, and looks for its address.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	pending []byte // an unfinished line, while the address is looked for
	known   bool
	found   chan string
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(b)
	if o.known {
		return len(b), nil
	}
	o.pending = append(o.pending, b...)
	for {
		line, rest, ok := bytes.Cut(o.pending, []byte("\n"))
		if !ok {
			return len(b), nil
		}
		o.pending = rest
		if m := listens.FindSubmatch(line); m != nil {
			o.found <- string(m[1])
			o.known, o.pending = true, nil
			return len(b), nil
		}
	}
}
