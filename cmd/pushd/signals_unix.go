//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// hear listens for SIGHUP, which asks for the secrets to be read again, and
// SIGUSR1, which asks for the goroutines. Unheard, both would end the process.
func hear() (reload, dump <-chan os.Signal, deafen func()) {
	hup, usr1 := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	signal.Notify(usr1, syscall.SIGUSR1)
	return hup, usr1, func() { signal.Stop(hup); signal.Stop(usr1) }
}
