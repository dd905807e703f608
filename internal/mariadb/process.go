package mariadb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// stopTimeout is how long a server may take to shut down before it is killed.
const stopTimeout = 10 * time.Second

// startTimeout is how long a server may take until it answers: a node of a
// cluster is given a copy of everything before.
const startTimeout = 2 * time.Minute

// process is one life of the server.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how it ended; read after done
}

// spawn starts mariadbd so that it dies with this process.
//
// The kernel ties the death signal to the thread that forked, not to the
// process (golang.org/issue/27505). So the goroutine that starts the server
// keeps its thread and lives until the server has ended.
func (s *Server) spawn(more []string) (*process, error) {
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start mariadbd: %w", err)
	}
	defer log.Close() // the server has its own copy
	cmd := exec.Command(s.bin, append(slices.Clone(s.args), more...)...)
	cmd.Stdout, cmd.Stderr, cmd.Env = log, log, s.env()
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig: syscall.SIGKILL,
		Setpgid:   true, // a ^C in the terminal is for us, not for the server
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start mariadbd: %w", err)
	}
	return p, nil
}

// end sends sig, waits, and kills after stopTimeout.
func (p *process) end(sig syscall.Signal) {
	p.cmd.Process.Signal(sig) // an error means that it has ended already
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		p.cmd.Process.Kill()
		<-p.done
	}
}

// Stop shuts the server down and removes everything it stored. It may be
// called twice.
func (s *Server) Stop() error {
	s.stop(syscall.SIGTERM)
	return os.RemoveAll(s.dir)
}

// Kill ends the server as a power cut would (SIGKILL); the data stays for
// Restart.
func (s *Server) Kill() { s.stop(syscall.SIGKILL) }

// Running says whether the server has been started and not been ended by this
// process.
func (s *Server) Running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc != nil
}

// Freeze stops the server without ending it: it keeps its connections and
// answers nothing, until Thaw.
func (s *Server) Freeze() error { return s.signal(syscall.SIGSTOP) }

// Thaw lets a frozen server go on.
func (s *Server) Thaw() error { return s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return errors.New("mariadbd is stopped")
	}
	return s.proc.cmd.Process.Signal(sig)
}

func (s *Server) stop(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc != nil {
		s.proc.end(sig)
		s.proc = nil
	}
}

// Restart shuts the server down if it runs, and starts it again on the same
// data, with more options. It returns once the server answers.
func (s *Server) Restart(ctx context.Context, more ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc != nil {
		s.proc.end(syscall.SIGTERM)
		s.proc = nil
	}
	p, err := s.spawn(more)
	if err != nil {
		return err
	}
	if err := s.await(ctx, p); err != nil {
		p.end(syscall.SIGKILL)
		return err
	}
	s.proc = p
	return nil
}

// await returns when the server answers, or says why it never will.
func (s *Server) await(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := s.ping(ctx); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.done:
			return fmt.Errorf("mariadbd ended at once: %v: %s", p.err, s.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("mariadbd does not answer: %w: %s", ctx.Err(), s.lastWords())
		}
	}
}

// lastWords is the end of the server's log.
func (s *Server) lastWords() string {
	b, err := os.ReadFile(s.logFile())
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(b[max(0, len(b)-2000):]))
}
