// Command demo shows pushd at work on a machine with nothing but Go: the real
// daemon's packages on SQLite, a simulated WeChat, and one reminder to 25,000
// followers, in the course of which the access token is revoked. It ends with
// what the simulator's own ledger counted, and with exit code 1 if that and
// the job's sums do not add up.
//
//	make demo
//	make demo DEMO=-keep      # leave it running, with cron, the host and phones, to play with
//	make demo DEMO=-mariadb   # on a private mariadbd, where there is one
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/mattn/go-isatty"

	"pushd/internal/mariadb"
)

// options are the demo's flags.
type options struct {
	mariadb   bool
	keep      bool
	verbose   bool
	followers int
	seed      uint64
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the whole program short of signals and exit. It returns the exit
// code: 2 for flags that can't be used, 1 if anything does not add up.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	err = demo(ctx, o, stdout, logger(o, stderr))
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errWrong): // it has been said how
	case ctx.Err() != nil:
		fmt.Fprintln(stdout, "Interrupted; everything has been stopped.")
	case errors.Is(err, mariadb.ErrNotInstalled):
		fmt.Fprintf(stderr, "demo: %v; without -mariadb it runs on SQLite\n", err)
	default:
		fmt.Fprintln(stderr, "demo:", err)
	}
	return 1
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&o.mariadb, "mariadb", false, "use a private mariadbd in place of SQLite")
	flags.BoolVar(&o.keep, "keep", false, "leave everything running at the end, until Ctrl-C")
	flags.BoolVar(&o.verbose, "v", false, "show pushd's log on standard error")
	flags.IntVar(&o.followers, "followers", 25_000, "how many follow the account")
	flags.Uint64Var(&o.seed, "seed", 1, "of the simulator: who has unsubscribed, how long answers take")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || o.followers < 1 || o.followers > 5_000_000 {
		fmt.Fprintln(stderr, "demo: takes flags alone, and 1 to 5000000 followers")
		return o, errors.New("bad flags")
	}
	return o, nil
}

func logger(o options, stderr io.Writer) *slog.Logger {
	if o.verbose {
		return slog.New(slog.NewTextHandler(stderr, nil))
	}
	return slog.New(slog.DiscardHandler)
}

// terminal says whether a person watches.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
