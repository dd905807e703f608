package clustertest

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), // of the client to the children's API
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// scenario is one row of the table.
type scenario struct {
	name  string
	short bool // go test runs it, too
	run   func(w *world)
}

// TestCluster runs the scenarios one after the other on one cluster.
func TestCluster(t *testing.T) {
	b := newBase(t, nil)
	rows := b.run(t, scenarios())
	if *longFlag {
		rows = append(rows, clocks(t)...)
	}
	if *tableFlag != "" && !t.Failed() {
		if err := writeInto(*tableFlag, rows); err != nil {
			t.Error(err)
		}
	}
}

// run runs scenarios and returns what came of each.
func (b *base) run(t *testing.T, all []scenario) (rows []*row) {
	t.Helper()
	for _, s := range all {
		if !s.short && !*longFlag {
			continue
		}
		r := &row{name: s.name}
		rows = append(rows, r)
		t.Run(strings.ReplaceAll(s.name, " ", "_"), func(t *testing.T) {
			s.run(newWorld(t, b, r))
			t.Logf("%s", r.line())
		})
	}
	return rows
}

// people is how many each of the jobs of a scenario tells; at 400 a second.
const people = 10_000

// frozenFor is how long somebody is frozen or cut off: longer than a lease.
const frozenFor = 20 * time.Second
