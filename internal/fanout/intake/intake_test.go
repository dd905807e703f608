package intake

import (
	"testing"
	"time"

	"pushd"
)

func TestSlots(t *testing.T) {
	s := NewSlots(2)
	for n, want := range []bool{true, true, false} {
		if s.TryAcquire() != want {
			t.Errorf("slot %d of 2 was given: %v", n+1, !want)
		}
	}
	if s.Release(); s.Free() != 1 || !s.TryAcquire() {
		t.Error("a slot that was given back is not free")
	}
}

// A job that can't be claimed is asked for ever more rarely, half a minute apart
// at most, until it can be.
func TestRefusals(t *testing.T) {
	var r Refusals
	now := time.Unix(1e9, 0)
	alone := func(after time.Duration) bool { return r.Now(now.Add(after))["j"] }
	for n, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
		r.Add("j", now)
		if want *= time.Second; !alone(want-1) || alone(want) {
			t.Errorf("after refusal %d: alone for %s is %v, for longer %v", n+1, want, alone(want-1), alone(want))
		}
	}
	if len(r.Now(now)) != 1 || r.Now(now)[pushd.JobID("other")] {
		t.Errorf("alone: %v", r.Now(now))
	}
	if r.Clear("j"); alone(0) {
		t.Error("a job that could be claimed is left alone")
	}
	r.Add("j", now)
	r.Now(now.Add(2 * time.Hour))
	if r.Add("j", now); alone(time.Second) {
		t.Error("what happened hours ago still counts")
	}
}
