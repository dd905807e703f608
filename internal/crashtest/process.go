package crashtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pushd/internal/rig"
	"pushd/internal/wechatsim"
)

// Process is one pushd, with a listener of its own to WeChat, so that it can be
// told who has sent what.
type Process struct {
	rig.Rig
	Listener *wechatsim.Listener

	ctx     context.Context
	cmd     *exec.Cmd
	out     output
	started time.Time
	done    chan struct{} // closed when it has ended
	listens chan string

	mu        sync.Mutex
	firstSend time.Time
}

// Start starts a pushd under an instance name and waits until it listens.
func (w *World) Start(instance string) *Process {
	w.Helper()
	p := w.launch(w.bin.Plain, instance, "")
	w.must(p.awaitListen())
	return p
}

// StartWithPoint starts a pushd that ends itself at a crash point, for
// example "sent:17:kill". It may have ended before it listens.
func (w *World) StartWithPoint(instance, point string) *Process {
	w.Helper()
	return w.launch(w.bin.Points, instance, point)
}

func (w *World) environment(p *Process, instance string) []string {
	env := map[string]string{
		"SSL_CERT_FILE": w.certFile(), "PUSHD_LISTEN": "127.0.0.1:0", "PUSHD_INSTANCE": instance,
		"PUSHD_API_KEY": apiKey, "PUSHD_TOKEN_KEY": tokenKey,
		"PUSHD_TOKEN_URL": p.Listener.URL + "/php/token?site=" + querySaved, "PUSHD_WECHAT_URL": p.Listener.URL,
		"PUSHD_MYSQL_DSN":   fmt.Sprintf("pushd:%s@unix(%s)/%s", dsnSecret, w.MySQL.Socket()+".proxy", w.name),
		"PUSHD_CONCURRENCY": fmt.Sprint(Concurrency), "PUSHD_SEND_TIMEOUT": "2s",
		"PUSHD_LOG_FORMAT": "json", "PUSHD_LOG_LEVEL": "debug", "PUSHD_STATE_DIR": w.stateDir(instance),
	}
	for name, value := range w.env {
		env[name] = value
	}
	list := make([]string, 0, len(env))
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list
}

// stateDir is the state directory of an instance.
func (w *World) stateDir(instance string) string {
	w.Helper()
	dir := filepath.Join(w.dir, "state-"+instance)
	w.must(os.MkdirAll(dir, 0o700))
	return dir
}

// launch starts a pushd so that it dies with this process.
func (w *World) launch(binary, instance, point string) *Process {
	w.Helper()
	listener, err := w.Sim.StartTLS()
	w.must(err)
	p := &Process{ctx: w.Context(), Listener: listener, done: make(chan struct{}), listens: make(chan string, 1)}
	p.Key = apiKey
	p.out.listens = p.listens
	p.cmd = exec.Command(binary, append([]string{"serve"}, w.args...)...)
	p.cmd.Env = w.environment(p, instance)
	if point != "" {
		p.cmd.Env = append(p.cmd.Env, "CRASHPOINT="+point)
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error)
	go func() { // the death signal is tied to the thread that forks
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		p.started = time.Now()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.cmd.Wait()
			close(p.done)
		}
	}()
	w.must(<-started)
	go p.watchFirstSend()
	w.mu.Lock()
	w.processes = append(w.processes, p)
	w.mu.Unlock()
	return p
}

func (p *Process) awaitListen() error {
	select {
	case p.URL = <-p.listens:
		return nil
	case <-p.done:
		return fmt.Errorf("pushd ended before it listened: %s", p.tail())
	case <-time.After(30 * time.Second):
		return fmt.Errorf("pushd does not listen: %s", p.tail())
	}
}

// watchFirstSend notes when this process's first send arrives.
func (p *Process) watchFirstSend() {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for p.Listener.Sends() == 0 {
		select {
		case <-tick.C:
		case <-p.done:
			return
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.firstSend = time.Now()
}

// FirstSend is how long after its start the process sent for the first time;
// false if it has not.
func (p *Process) FirstSend() (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.firstSend.Sub(p.started), !p.firstSend.IsZero()
}

// Call calls the API of this process.
func (p *Process) Call(method, path string, body any) (int, rig.Job, error) {
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	return p.Rig.Call(ctx, method, path, body)
}

// Kill ends the process as kill -9 does and waits for its end. It may be
// called again.
func (p *Process) Kill() { p.end(syscall.SIGKILL, time.Minute) }

// Signal sends a signal.
func (p *Process) Signal(sig syscall.Signal) { _ = p.cmd.Process.Signal(sig) }

// Terminate sends SIGTERM and waits for the end, at most limit.
func (p *Process) Terminate(limit time.Duration) (took time.Duration, exit int, err error) {
	began := time.Now()
	if err := p.end(syscall.SIGTERM, limit); err != nil {
		return time.Since(began), -1, err
	}
	return time.Since(began), p.cmd.ProcessState.ExitCode(), nil
}

func (p *Process) end(sig syscall.Signal, limit time.Duration) error {
	p.Signal(sig)
	select {
	case <-p.done:
		p.Listener.Close()
		return nil
	case <-time.After(limit):
		return errors.New("the process does not end")
	}
}

// Ended says whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// output collects what a process says, and looks for its address.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	pending []byte
	listens chan<- string
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(b)
	if o.listens == nil {
		return len(b), nil
	}
	o.pending = append(o.pending, b...)
	for {
		line, rest, ok := bytes.Cut(o.pending, []byte("\n"))
		if !ok {
			return len(b), nil
		}
		o.pending = rest
		var said struct{ Msg, Address string }
		if json.Unmarshal(line, &said) == nil && said.Msg == "pushd listens" {
			o.listens <- "http://" + said.Address
			o.listens, o.pending = nil, nil
			return len(b), nil
		}
	}
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (p *Process) tail() string {
	s := p.out.String()
	if i := strings.Index(s, "SIGQUIT: quit"); i >= 0 {
		return s[max(0, i-4000):min(len(s), i+12_000)]
	}
	return s[max(0, len(s)-4000):]
}

// tokenLike finds access tokens as the simulator makes them.
var tokenLike = regexp.MustCompile(`\d\d_[A-Za-z0-9_-]{100,}`)

// leak finds a marked secret or a token in text; "" if there is none.
func leak(text string) string {
	if i := strings.Index(text, "MARKED-"); i >= 0 {
		return text[max(0, i-80):min(len(text), i+40)]
	}
	return tokenLike.FindString(text)
}

// judgeOutput fails the test if a process panicked, met a race, or told a
// secret.
func (p *Process) judgeOutput(t *testing.T) {
	t.Helper()
	out := p.out.String()
	for _, bad := range []string{"panic:", "fatal error:", "DATA RACE", "goroutine 1 ["} {
		if i := strings.Index(out, bad); i >= 0 && !strings.Contains(out, "panic: crash point") {
			t.Errorf("the process said %q: %s", bad, out[i:min(len(out), i+2000)])
		}
	}
	if l := leak(out); l != "" {
		t.Errorf("the process told a secret: %s", l)
	}
}

// migrate makes pushd's tables as an administrator does.
func (w *World) migrate(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, w.bin.Plain, "migrate")
	cmd.Env = []string{"PUSHD_MYSQL_DSN=" + w.MySQL.DSN(w.name)}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("migrate: %w: %s", err, out)
	}
	return nil
}
