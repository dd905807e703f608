package phptest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// StartNginx starts nginx in a directory, with an http { } that listens on an
// address, and returns once it does. It ends with the test.
func StartNginx(t testing.TB, dir, address, http string) {
	t.Helper()
	log := filepath.Join(dir, "nginx.log")
	conf := fmt.Sprintf("daemon off;\npid %[1]s/nginx.pid;\nerror_log %[1]s/nginx.log;\nevents { worker_connections 4096; }\nhttp {\n", dir)
	if os.Geteuid() == 0 {
		conf = "user www-data;\n" + conf // as on Debian
	}
	for _, name := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		conf += fmt.Sprintf("  %s_temp_path %s/%s;\n", name, dir, name)
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf+http+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, installed(t, "nginx"), "-e", log, "-c", file)
	await(t, "tcp", address, log)
}

// start starts a program, which ends with its workers when the test does.
func start(t testing.TB, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	started, done := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // Pdeathsig follows the thread, not the process
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is stopped by a signal
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("%v: .ci/deps installs it", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-done
	})
}

// await waits until a process listens.
func await(t testing.TB, network, address, log string) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) { // nginx and php-fpm do not say when they listen
		conn, err := net.Dial(network, address)
		if err == nil {
			conn.Close()
			return
		}
		if time.Since(began) > 20*time.Second {
			text, _ := os.ReadFile(log)
			t.Fatalf("nothing listens on %s: %s", address, text)
		}
	}
}

// FreeAddress is an address of this machine that was free a moment ago.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// installed is the path of a program that only root's PATH may hold, under the
// first of its names that there is.
func installed(t testing.TB, names ...string) string {
	t.Helper()
	for _, name := range names {
		for _, file := range []string{name, "/usr/sbin/" + name} {
			if path, err := exec.LookPath(file); err == nil {
				return path
			}
		}
	}
	t.Fatalf("%s is not installed: .ci/deps installs it", names[0])
	return ""
}

// fpmProgram finds php-fpm: Debian has its version in the name.
func fpmProgram(t testing.TB) string {
	t.Helper()
	version, err := exec.Command(PHP(t), "-r", "echo PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION;").Output()
	if err != nil {
		t.Fatal(err)
	}
	return installed(t, "php-fpm"+strings.TrimSpace(string(version)), "php-fpm")
}

// WWWData is the user that PHP runs as.
func WWWData(t testing.TB) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup("www-data")
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}
