package frontier

import (
	"testing"

	"pushd"
)

// The feeder reads how far the walk is, whether it has ended and what to wait
// for at one moment: an end in between would never wake it.
func TestFrontier_Look(t *testing.T) {
	f := New(pushd.Walk{})
	_, ended, moved := f.Look()
	f.End()
	select {
	case <-moved:
	default:
		t.Error("the end woke nobody who had looked before it")
	}
	if _, now, _ := f.Look(); ended || !now {
		t.Errorf("ended %v, then %v", ended, now)
	}
}

// What a node that lags behind says does not move the frontier back.
func TestFrontier_Advance(t *testing.T) {
	f := New(pushd.Walk{Pass: 1, Pages: 2, Seen: 20})
	for _, c := range []struct{ to, want pushd.Walk }{
		{pushd.Walk{Pass: 1, Pages: 1, Seen: 10}, pushd.Walk{Pass: 1, Pages: 2, Seen: 20}},
		{pushd.Walk{Pass: 1, Pages: 3, Seen: 30}, pushd.Walk{Pass: 1, Pages: 3, Seen: 30}},
		{pushd.Walk{Pass: 1, Pages: 3, Seen: 30, Complete: true}, pushd.Walk{Pass: 1, Pages: 3, Seen: 30, Complete: true}},
		{pushd.Walk{Pass: 1, Pages: 3, Seen: 30}, pushd.Walk{Pass: 1, Pages: 3, Seen: 30, Complete: true}},
	} {
		if f.Advance(c.to); f.walk != c.want {
			t.Errorf("at %+v after %+v, want %+v", f.walk, c.to, c.want)
		}
	}
}
