package outage

import (
	"testing"
	"time"

	"pushd"
)

var busy = pushd.Answer{Verdict: pushd.Busy, Code: -1}

// A recipient counts once between two good answers, however often an answer is
// bad, and WeChat is down only if nothing good has come for a while.
func TestWatch_Found(t *testing.T) {
	now := time.Unix(1000, 0)
	w := New(now, false)
	late := now.Add(downAfter)
	people := make([]Recipient, downPeople)
	for range 10 {
		w.Bad(&people[0], busy, now)
	}
	if w.Found(late, 100, true) {
		t.Error("one recipient's trouble is WeChat's")
	}
	if !w.Found(late, 1, false) {
		t.Error("no other recipient is sent to, and nothing was ever answered: it is down")
	}
	for i := range people {
		w.Bad(&people[i], busy, now)
	}
	if !w.Found(late, 100, true) || w.Found(late.Add(-1), 100, true) {
		t.Errorf("%d recipients without a good answer", len(people))
	}
	w.Good(now)
	w.Bad(&people[0], busy, now)
	if w.Found(late, 100, true) {
		t.Error("a good answer changes nothing")
	}
}

// Who has got bad answers since before the last good one is alone with that, and
// is given up in time.
func TestWatch_Alone(t *testing.T) {
	now := time.Unix(1000, 0)
	w := New(now, false)
	var r Recipient
	w.Bad(&r, busy, now)
	if !w.Alone(r, now.Add(Patience-1)) || w.Alone(r, now.Add(Patience)) {
		t.Error("patience has no end, or none at all")
	}
	w.Good(now.Add(time.Second))
	if w.Alone(r, now.Add(time.Second)) {
		t.Error("others get good answers")
	}
	r.Restart()
	w.Bad(&r, busy, now.Add(2*time.Second))
	if !w.Alone(r, now.Add(Patience+time.Second)) {
		t.Error("it is counted from before the restart")
	}
}

// Probes are one after the other, and not after a good answer.
func TestWatch_Probing(t *testing.T) {
	now := time.Unix(1000, 0)
	w := New(now, true)
	w.Started(now)
	if !w.Probing() || w.NextProbe() != now.Add(probeEvery) {
		t.Errorf("the next probe is at %s", w.NextProbe())
	}
	w.Recovered()
	w.Started(now.Add(time.Second))
	if w.Probing() || w.NextProbe() != now.Add(probeEvery) {
		t.Error("it is probed although it answers")
	}
}

// The waits grow as long as an account stays down, and begin again after that.
func TestAccount(t *testing.T) {
	now := time.Unix(1000, 0)
	var a Account
	if a.IsDown(now) {
		t.Error("down before any send")
	}
	for _, want := range []time.Duration{probeFirst, 2 * probeFirst, 4 * probeFirst, 8 * probeFirst, probeLast, probeLast} {
		if got := a.Down(now); got != want {
			t.Errorf("the next probe is in %s, want %s", got, want)
		}
	}
	if !a.IsDown(now.Add(2*probeLast-1)) || a.IsDown(now.Add(2*probeLast)) {
		t.Error("it is down for another time than two probes may take")
	}
	a.Up()
	if a.IsDown(now) || a.Down(now) != probeFirst {
		t.Error("what was is counted again")
	}
}
