package lease

import (
	"testing"
	"time"

	"pushd"
)

// A lease has lapsed when it has not changed for its own term, whatever the
// clocks of others say.
func TestObserver(t *testing.T) {
	o := &Observer{term: 15 * time.Second}
	at := func(s int, want int, held ...pushd.Observation) {
		t.Helper()
		if got := o.Lapsed(held, time.Duration(s)*time.Second); len(got) != want {
			t.Errorf("after %d s: %d lapsed, want %d", s, len(got), want)
		}
	}
	old := pushd.Observation{Lease: pushd.Lease{Job: "a", Epoch: 1}, Mark: 1} // of a program that tells no term
	long := pushd.Observation{Lease: pushd.Lease{Job: "b", Epoch: 1}, Mark: 1 << 60, Term: time.Minute}
	at(0, 0, old, long)
	at(14, 0, old, long)
	at(15, 1, old, long)
	long.Mark -= 1 << 40 // renewed by a node whose clock is days behind
	at(59, 1, old, long)
	at(60, 1, old, long)
	long.Epoch++
	at(100, 1, old, long)
	at(119, 0, long)
	at(160, 1, long)
	at(161, 0) // freed
	at(162, 0, long)
}
