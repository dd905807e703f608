package php_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The recipe for Supervisor starts pushd with the settings of its file, starts it
// again when it dies, lets it end in order, and leaves it alone where its settings
// are wrong. A script plays pushd.
func TestRecipes_Supervisor(t *testing.T) {
	supervisord, err := exec.LookPath("supervisord")
	if err != nil {
		t.Fatal("supervisord is not installed (Debian: apt-get install supervisor)")
	}
	doc, err := os.ReadFile("../../docs/recipes-server.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```ini\n(.*?)```").FindSubmatch(doc)
	if block == nil {
		t.Fatal("no configuration in the recipe")
	}
	dir := t.TempDir()
	write(t, dir+"/pushd.env", "PUSHD_LISTEN=127.0.0.1:8080\nPUSHD_DUE_QUERY='SELECT 1'\n")
	write(t, dir+"/pushd", fmt.Sprintf(`#!/bin/sh
echo "start $1 $PUSHD_LISTEN $PUSHD_DUE_QUERY" >> %[1]s/said
trap 'echo stopped >> %[1]s/said; exit 0' TERM
while :; do
	[ ! -s %[1]s/die ] || { code=$(cat %[1]s/die); rm %[1]s/die; exit "$code"; }
	sleep 0.05
done
`, dir))
	if err := os.Chmod(dir+"/pushd", 0o755); err != nil {
		t.Fatal(err)
	}
	program := strings.NewReplacer("/etc/pushd/pushd.env", dir+"/pushd.env", "/usr/local/bin/pushd", dir+"/pushd", "/www/wwwlogs/", dir+"/",
		"user=root", "").Replace(string(block[1]))
	write(t, dir+"/supervisord.conf", fmt.Sprintf("[supervisord]\nnodaemon=true\nlogfile=%[1]s/supervisord.log\npidfile=%[1]s/pid\nchildlogdir=%[1]s\n%[2]s", dir, program))
	cmd := exec.Command(supervisord, "-c", dir+"/supervisord.conf")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-ended
	})
	await := func(file string, n int, text string) {
		t.Helper()
		for limit := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
			said, err := os.ReadFile(filepath.Join(dir, file))
			if err == nil && strings.Count(string(said), text) >= n {
				return
			}
			if time.Now().After(limit) {
				log, _ := os.ReadFile(dir + "/supervisord.log")
				t.Fatalf("%s has not %q %d times: %s\n%s", file, text, n, said, log)
			}
		}
	}
	await("said", 1, "start serve 127.0.0.1:8080 SELECT 1\n")
	await("supervisord.log", 1, "entered RUNNING state")
	write(t, dir+"/die", "1")
	await("said", 2, "start serve")
	await("supervisord.log", 2, "entered RUNNING state")
	write(t, dir+"/die", "78")
	await("supervisord.log", 1, "exit status 78; expected")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-ended
	if said, err := os.ReadFile(dir + "/said"); err != nil || strings.Count(string(said), "start") != 2 {
		t.Errorf("%s, %v", said, err)
	}
}
