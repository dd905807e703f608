package crashtest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"pushd/internal/program"
)

// The flags of a run.
var (
	seedFlag  = flag.Uint64("crash.seed", 0, "replay a run; 0 draws a seed")
	longFlag  = flag.Bool("crash.long", false, "run everything at full length (make chaos)")
	allFlag   = flag.Bool("crash.all", false, "run everything, at short length")
	tableFlag = flag.String("crash.table", "", "write the results into this file, between its marks")
)

// scenario is one row.
type scenario struct {
	name string // in the table
	// long scenarios take too long for every go test.
	long bool
	// alone scenarios are not run beside others: they measure.
	alone bool
	run   func(w *World)
}

// binaries are built once for all tests.
var binaries Binaries

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	// Scenarios wait more than they work.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "pushd-crash-")
	if err == nil {
		defer os.RemoveAll(dir)
		binaries = Binaries{filepath.Join(dir, "pushd"), filepath.Join(dir, "pushd-points")}
		err = errors.Join(
			program.Build(context.Background(), binaries.Plain), program.Build(context.Background(), binaries.Points, "crashpoints"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := goleak.Find(
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), // of the client to the children's API
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
	); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// scenarios is all rows, in the order of the table.
func scenarios() []scenario {
	var all []scenario
	for _, group := range [][]scenario{
		killScenarios(), stopScenarios(), windowScenarios(), databaseScenarios(), tokenScenarios(),
		wechatScenarios(), walkScenarios(), audienceScenarios(), takeoverScenarios(), upgradeScenarios(), holdScenarios(), clockScenarios(), commandScenarios(), brakeScenarios(), restoreScenarios(), receiptScenarios(),
	} {
		all = append(all, group...)
	}
	return all
}

// TestCrash runs the scenarios.
func TestCrash(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("replay with -crash.seed=%d", seed)
	table := &Table{}
	t.Run("scenarios", func(t *testing.T) {
		for i, s := range scenarios() {
			if s.long && !*longFlag && !*allFlag { // make chaos runs it
				continue
			}
			row := table.Add(s.name)
			t.Run(strings.ReplaceAll(s.name, " ", "_"), func(t *testing.T) {
				if !s.alone {
					t.Parallel()
				}
				s.run(NewWorld(t, binaries, row, seed+uint64(i)))
				t.Logf("%s", row.line())
			})
		}
	})
	if t.Failed() {
		t.Logf("replay with -crash.seed=%d", seed)
	}
	if *tableFlag != "" && !t.Failed() {
		if err := table.writeInto(*tableFlag, seed); err != nil {
			t.Error(err)
		}
	}
}

// size picks a size for the short run or the long one.
func size[T any](short, long T) T {
	if *longFlag {
		return long
	}
	return short
}
