package main

import (
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

	"pushd/api/client"
	"pushd/internal/program"
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

// cpuOfGroup is the CPU time that the processes of a group have used.
func cpuOfGroup(pgid int) (sum time.Duration, err error) {
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, file := range all {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) < 13 || fields[2] != strconv.Itoa(pgid) {
			continue
		}
		user, _ := strconv.ParseInt(fields[11], 10, 64)
		system, _ := strconv.ParseInt(fields[12], 10, 64)
		sum += time.Duration(user+system) * tick
	}
	return sum, nil
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
	*program.Process
	client.Client
}

// start starts pushd serve with settings, and at most so many open files
// unless that is 0, and waits until it listens.
func start(files int, binary string, env []string) (*served, error) {
	p, err := program.Start(program.Options{Binary: binary, Env: append(os.Environ(), env...), Files: files})
	if err != nil {
		return nil, err
	}
	url, err := p.AwaitListen()
	return &served{p, client.Client{URL: url, Key: apiKey}}, err
}

// stop ends the daemon as an init system does.
func (d *served) stop() error {
	if err := d.End(syscall.SIGTERM, time.Minute); err != nil {
		return err
	}
	if code := d.ExitCode(); code != 0 {
		return fmt.Errorf("pushd ended with %d: %s", code, d.Tail())
	}
	return nil
}
