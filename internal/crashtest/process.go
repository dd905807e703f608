package crashtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pushd/internal/program"
	"pushd/internal/rig"
	"pushd/internal/wechatsim"
)

// Process is one pushd, with a listener of its own to WeChat, so that it can be
// told who has sent what.
type Process struct {
	rig.Rig // the client of its API
	*program.Process
	Listener *wechatsim.Listener

	stacks bool // it was told to show its stacks, which is no panic

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
		if env[name] = value; value == "" {
			delete(env, name)
		}
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

// launch starts a pushd.
func (w *World) launch(binary, instance, point string) *Process {
	w.Helper()
	listener, err := w.Sim.StartTLS()
	w.must(err)
	p := &Process{Listener: listener}
	p.Key = apiKey
	env := w.environment(p, instance)
	if point != "" {
		env = append(env, "CRASHPOINT="+point)
	}
	p.Process, err = program.Start(program.Options{Binary: binary, Args: w.args, Env: env})
	w.must(err)
	go p.watchFirstSend()
	w.mu.Lock()
	w.processes = append(w.processes, p)
	w.mu.Unlock()
	return p
}

// awaitListen waits until the process listens.
func (p *Process) awaitListen() (err error) {
	p.URL, err = p.AwaitListen()
	return err
}

// watchFirstSend notes when this process's first send arrives.
func (p *Process) watchFirstSend() {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for p.Listener.Sends() == 0 {
		select {
		case <-tick.C:
		case <-p.Done():
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
	return p.firstSend.Sub(p.Started), !p.firstSend.IsZero()
}

// callTimeout bounds a call of a process's API. No figure is asserted with it.
const callTimeout = 30 * time.Second

// Kill ends the process as kill -9 does and waits for its end. It may be
// called again.
func (p *Process) Kill() { _ = p.end(syscall.SIGKILL, time.Minute) }

// Terminate sends SIGTERM and waits for the end, at most limit.
func (p *Process) Terminate(limit time.Duration) (took time.Duration, exit int, err error) {
	began := time.Now()
	if err := p.end(syscall.SIGTERM, limit); err != nil {
		return time.Since(began), -1, err
	}
	return time.Since(began), p.ExitCode(), nil
}

func (p *Process) end(sig syscall.Signal, limit time.Duration) error {
	err := p.End(sig, limit)
	if err == nil {
		p.Listener.Close()
	}
	return err
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
	out := p.Said()
	if p.stacks {
		return
	}
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
