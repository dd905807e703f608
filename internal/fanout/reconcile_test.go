package fanout

import (
	"testing"

	"pushd"
)

func TestFruitless(t *testing.T) {
	var f fruitless
	for i, c := range []struct {
		left int64
		want int
	}{{9, 1}, {9, 2}, {8, 1}, {8, 2}, {8, 3}, {8, 4}} {
		if got := f.count(c.left); got != c.want {
			t.Errorf("round %d, %d left: %d, want %d", i, c.left, got, c.want)
		}
	}
}

// A job in which nobody got the message and somebody failed has not succeeded,
// and neither has a small one in which half failed.
func TestVerdictOn(t *testing.T) {
	for _, c := range []struct {
		counts pushd.Counts
		want   pushd.State
	}{
		{pushd.Counts{}, pushd.Succeeded},
		{pushd.Counts{Skipped: 5}, pushd.Succeeded},
		{pushd.Counts{Unknown: 5}, pushd.Failed},
		{pushd.Counts{Failed: 1}, pushd.Failed},
		{pushd.Counts{Failed: 150}, pushd.Failed},
		{pushd.Counts{Failed: 1, Skipped: 100}, pushd.Failed},
		{pushd.Counts{Failed: 1, Sent: 1}, pushd.Succeeded},
		{pushd.Counts{Failed: 9, Sent: 1}, pushd.Succeeded},
		{pushd.Counts{Failed: 10, Sent: 10}, pushd.Failed},
		{pushd.Counts{Failed: 10, Sent: 10, Unknown: 1}, pushd.Succeeded},
		{pushd.Counts{Failed: 300, Sent: 1_000_000}, pushd.Succeeded},
	} {
		e := verdictOn(pushd.Job{Counts: c.counts}).(*ended)
		if e.State != c.want || (e.State == pushd.Failed) != (e.Reason == pushd.TooManyFailures) {
			t.Errorf("%+v: %s %s, want %s", c.counts, e.State, e.Reason, c.want)
		}
	}
}
