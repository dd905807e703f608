package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// hardenProcess keeps access tokens and passwords out of core dumps, and
// other processes of the same user from attaching to this one.
func hardenProcess() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("disable core dumps: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("disable tracing: %w", err)
	}
	return nil
}
