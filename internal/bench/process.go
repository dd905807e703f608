package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tick is the unit of CPU times in /proc: 1/100 s on every Linux.
const tick = 10 * time.Millisecond

// cpuOf is the CPU time that a running process has used, user and system.
func cpuOf(pid int) (time.Duration, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, err
	}
	// Fields are counted from behind the command, which may hold blanks.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("read /proc/%d/stat: %d fields", pid, len(fields))
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick, nil
}

// memoryOf is a process's peak (VmHWM) or present (VmRSS) memory in bytes.
func memoryOf(pid int, field string) (int64, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("read /proc/%d/status: no %s", pid, field)
}

// once runs a program to its end and returns its CPU time.
func once(ctx context.Context, env []string, name string, args ...string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("run %s: %w: %s", filepath.Base(name), err, stderr.Bytes())
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// served is a pushd in a process of its own.
type served struct {
	cmd *exec.Cmd
	url string
	log *bytes.Buffer
}

// start starts pushd serve with settings, and at most so many open files
// unless that is 0, and waits until it listens.
func start(ctx context.Context, files int, binary string, env []string) (*served, error) {
	cmd := exec.CommandContext(ctx, binary, "serve")
	if files > 0 {
		cmd = exec.CommandContext(ctx, "/bin/sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$0" serve`, files), binary)
	}
	d := &served{cmd: cmd, log: &bytes.Buffer{}}
	d.cmd.Env = append(os.Environ(), env...)
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := d.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := d.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start pushd: %w", err)
	}
	found := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			if _, rest, ok := strings.Cut(lines.Text(), "pushd listens"); ok && len(found) == 0 {
				found <- address(rest)
			}
			if d.log.Len() < 64<<10 {
				fmt.Fprintln(d.log, lines.Text())
			}
		}
		close(found)
	}()
	select {
	case d.url = <-found:
	case <-time.After(20 * time.Second):
	}
	if d.url == "" {
		return nil, fmt.Errorf("pushd does not listen: %s", d.log)
	}
	return d, nil
}

// address finds the address in the log line of a start.
func address(line string) string {
	_, rest, _ := strings.Cut(line, "address")
	rest = strings.TrimLeft(rest, `"=:`)
	if i := strings.IndexAny(rest, `", `); i > 0 {
		rest = rest[:i]
	}
	return "http://" + rest
}

func (d *served) pid() int { return d.cmd.Process.Pid }

// stop ends the daemon as an init system does.
func (d *served) stop() error {
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return d.cmd.Wait()
}
