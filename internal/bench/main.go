// Command bench measures pushd from outside: the real binary, a simulated
// WeChat in a process of its own, TLS between them, and a private MariaDB.
// Each row compares in one run, so that what else the machine does falls on
// all alike. docs/performance.md has the results and says how to read them.
//
//	go run ./internal/bench            all rows
//	go run ./internal/bench cpu rate   some of them
//
// It is no part of the product.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"time"
)

// row is one benchmark.
type row struct {
	name string
	what string
	run  func(ctx context.Context, s *stage) error
}

// rows lists them in the order in which they run.
func rows() []row {
	return []row{
		{"cpu", "CPU per message of the whole process, against bare loops that record nothing", cpuRow},
		{"throughput", "messages/s at a fixed concurrency of 100 and 50 ms", throughputRow},
		{"limit", "a hidden limit that moves, of each kind that WeChat may have", limitRow},
		{"limiters", "the same limits, found by well-known limiters", limitersRow},
		{"quota", "a minute quota that answers 45011", quotaRow},
		{"rate", "a rate ceiling at several latencies", rateRow},
		{"memory", "peak RSS at 1M and 5M followers, and per 1,000 connections", memoryRow},
		{"first", "first message after the POST", firstRow},
		{"ledger", "the ledger's share of CPU, statements and bytes", ledgerRow},
		{"idle", "a pushd without work and 200,000 jobs of the past", idleRow},
		{"accounts", "500 accounts of 2,000 followers against one job", accountsRow},
		{"replicas", "1,000 accounts over three processes with a ceiling each, against one", replicasRow},
		{"evening", "10,000 channels of 200 followers at once, from cron.php to the last message", eveningRow},
		{"neighbours", "quick accounts beside slow, failing and hanging ones", neighboursRow},
		{"token", "a token refresh at full speed", tokenRow},
		{"tokens", "1,500 accounts without a token at once, real token.php with 20 workers", tokensRow},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	runs := f.Int("runs", 3, "how often each side of a comparison runs; medians are shown")
	scale := f.Float64("scale", 1, "size of the followers lists and durations")
	kinds := f.String("limits", "", "kinds of limits for the row limit, divided by commas; empty: all")
	if err := f.Parse(args); err != nil {
		return err
	}
	models, err := chosenModels(*kinds)
	if err != nil {
		return err
	}
	chosen := f.Args()
	for _, name := range chosen {
		if !slices.ContainsFunc(rows(), func(r row) bool { return r.name == name }) {
			return fmt.Errorf("no row %q", name)
		}
	}
	s, err := newStage(ctx, out, *runs, *scale)
	if err != nil {
		return err
	}
	s.models = models
	defer func() {
		if cerr := s.close(); err == nil {
			err = cerr
		}
	}()
	s.printf("%s %s/%s, %d CPUs, %s, load %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH,
		runtime.NumCPU(), time.Now().UTC().Format(time.DateTime), load())
	for _, r := range rows() {
		if len(chosen) > 0 && !slices.Contains(chosen, r.name) {
			continue
		}
		s.printf("\n## %s: %s\n", r.name, r.what)
		began := time.Now()
		if err := r.run(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		s.printf("(%.0f s, load %s)\n", time.Since(began).Seconds(), load())
	}
	return nil
}

// load is the machine's load of the last minute, for the reader to judge by.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return one
}
