// Command pushd sends WeChat template messages to all followers of an account
// when a stream is about to start. PHP asks for it, over HTTP, and keeps
// its ledger in the platform's MySQL database.
//
// This package is flags, wiring and signals: what pushd does is in
// internal/fanout, how it is asked in api, and what "pushd check" looks at in
// internal/doctor. Read serve.go for how the parts are put together, and
// internal/settings/settings.go for what can be set.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	h := hear() // before anything that takes time: unheard, each of them ends the process
	ctx, stop := context.WithCancel(context.Background())
	go obey(signals, stop)
	if err := hardenProcess(); err != nil {
		os.Stderr.WriteString("pushd: " + err.Error() + "\n")
	}
	os.Exit(run(ctx, h, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
}

// heard has the signals that only serve acts on.
type heard struct {
	reload, dump chan os.Signal
	nohup        bool // whoever started pushd wants it to outlive its terminal
}

// obey stops gracefully at the first signal, and at the second at once, as
// kill -9 would: nothing is lost by it, some recipients are in doubt.
func obey(signals <-chan os.Signal, stop func()) {
	<-signals
	stop()
	<-signals
	os.Exit(1)
}
