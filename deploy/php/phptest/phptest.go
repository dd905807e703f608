// Package phptest runs deploy/php with the real php, for tests: the token
// endpoint under "php -S" and the cron script as cron runs it.
//
//	h := phptest.New(t, phptest.Settings{"url": pushd, "api_key": key, …})
//	tokenURL := h.Serve(t) + "/token.php"
//	run := h.Cron(t.Context(), t)
package phptest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Settings are settings of config.sample.php by name, for example "url".
// They reach PHP through its environment. Names in capitals are environment
// variables themselves, for example "TZ".
type Settings map[string]string

// Host is a machine of the platform: the directory deploy/php with settings
// and a temporary directory (and so a cron lock) of its own.
type Host struct {
	php string
	env []string
}

// Dir is the directory of the PHP files.
func Dir() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(file))
}

// Schema is the text of schema.sql: the tables of the PHP side.
func Schema(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(Dir(), "schema.sql"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// PHP is the path of the php program; without one the test fails.
func PHP(t testing.TB) string {
	t.Helper()
	php, err := exec.LookPath("php")
	if err != nil {
		t.Fatal("php is not installed (Debian and Ubuntu: apt-get install php-cli php-mysql php-sqlite3 php-curl)")
	}
	return php
}

// New returns a host. A config.php that lies in the directory is not read.
func New(t testing.TB, s Settings) *Host {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "config.php")
	if err := os.WriteFile(config, []byte("<?php return [];"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := &Host{php: PHP(t), env: []string{
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + dir, "PUSHD_PHP_CONFIG=" + config,
	}}
	return h.With(s)
}

// With returns the same host with further settings: it shares the temporary
// directory, and so the locks.
func (h *Host) With(s Settings) *Host {
	c := &Host{php: h.php, env: h.env[:len(h.env):len(h.env)]}
	for name, value := range s {
		if name != strings.ToUpper(name) {
			name = "PUSHD_" + strings.ToUpper(name)
		}
		c.env = append(c.env, name+"="+value)
	}
	return c
}

// Temp is the host's temporary directory.
func (h *Host) Temp() string {
	for _, v := range h.env {
		if dir, ok := strings.CutPrefix(v, "TMPDIR="); ok {
			return dir
		}
	}
	return os.TempDir()
}

// Trust returns the same host, on which PHP trusts the authority in a PEM
// file, as php.ini's curl.cainfo lets it.
func (h *Host) Trust(t testing.TB, cert string) *Host {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ca.ini"), []byte("curl.cainfo="+cert+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return h.With(Settings{"PHP_INI_SCAN_DIR": ":" + dir}) // beside the usual directory
}

// strict makes PHP tell everything that it can complain about.
var strict = []string{"-d", "error_reporting=-1", "-d", "display_errors=1", "-d", "log_errors=1"}

// complaint is how PHP's own complaints begin in its log.
var complaint = regexp.MustCompile(`PHP (Warning|Notice|Deprecated|Fatal error|Parse error).*`)

// Serve starts one web server that answers one request at a time, and returns
// its address; start several for a platform of several. It ends with the
// test, which fails if PHP complained about the code. A router is a script
// that "php -S" runs for each request.
func (h *Host) Serve(t testing.TB, router ...string) string {
	t.Helper()
	log := &logged{found: make(chan string, 1)}
	args := slices.Concat(strict, []string{"-S", "127.0.0.1:0", "-t", Dir()}, router)
	cmd := exec.Command(h.php, args...)
	cmd.Env, cmd.Stderr = h.env, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started, done := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // Pdeathsig follows the thread, not the process
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-done
		if bad := complaint.FindString(log.String()); bad != "" {
			t.Error(bad)
		}
	})
	select {
	case url := <-log.found:
		return url
	case <-done:
		t.Fatalf("php -S: %s", log)
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
	return ""
}

// Run is what came of a run of cron.php.
type Run struct {
	Code           int    // 0 done, 1 later, 2 a person must act
	Stdout, Stderr string // one line per channel; what concerns the run
}

// Cron runs cron.php once.
func (h *Host) Cron(ctx context.Context, t testing.TB) Run {
	t.Helper()
	return h.Script(ctx, t, filepath.Join(Dir(), "cron.php"))
}

// Script runs any PHP file once, in the same surroundings.
func (h *Host) Script(ctx context.Context, t testing.TB, file string, args ...string) Run {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, h.php, slices.Concat(strict, []string{file}, args)...)
	cmd.Env, cmd.Stdout, cmd.Stderr = h.env, &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Error(err)
	}
	run := Run{Code: cmd.ProcessState.ExitCode(), Stdout: out.String(), Stderr: errs.String()}
	if bad := complaint.FindString(run.Stderr); bad != "" {
		t.Error(bad)
	}
	return run
}

// logged keeps what "php -S" writes and finds its address in it.
type logged struct {
	mu    sync.Mutex
	text  bytes.Buffer
	once  sync.Once
	found chan string
}

var address = regexp.MustCompile(`\((http://127\.0\.0\.1:\d+)\) started`)

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	if m := address.FindSubmatch(l.text.Bytes()); m != nil {
		l.once.Do(func() { l.found <- string(m[1]) })
	}
	return len(p), nil
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
