//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// hear listens for SIGHUP, which asks for the secrets to be read again, and
// SIGUSR1, which asks for the goroutines. Unheard, both would end the process. One
// of each is kept until serve listens.
func hear() heard {
	h := heard{make(chan os.Signal, 1), make(chan os.Signal, 1), signal.Ignored(syscall.SIGHUP)}
	signal.Notify(h.reload, syscall.SIGHUP)
	signal.Notify(h.dump, syscall.SIGUSR1)
	return h
}

// leave gives the signals back to the system, for a command that does nothing about
// them: a terminal that is closed ends it. What came meanwhile comes again.
func (h heard) leave() {
	for sig, kept := range map[syscall.Signal]chan os.Signal{syscall.SIGHUP: h.reload, syscall.SIGUSR1: h.dump} {
		if kept == nil {
			continue
		}
		signal.Stop(kept)
		select {
		case <-kept:
			if sig == syscall.SIGHUP && h.nohup {
				continue
			}
			_ = syscall.Kill(syscall.Getpid(), sig) // never fails: it is this process
			select {}                               // which ends now
		default:
		}
	}
}
