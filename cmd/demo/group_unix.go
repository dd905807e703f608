//go:build unix

package main

import (
	"errors"
	"os/exec"
	"syscall"
)

// ownGroup gives a command a process group of its own: php -S has workers,
// which do not end with it.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// endGroup ends a command and its workers.
func endGroup(cmd *exec.Cmd) error {
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}
