package fanout

import (
	"math/bits"
	"slices"
	"testing"
)

// A failure names the faults that led to it, and -sim.faults takes them back.
func TestFaults_HaveNames(t *testing.T) {
	if n := bits.Len64(uint64(allFaults)); n != len(faultNames) {
		t.Errorf("%d faults, %d names", n, len(faultNames))
	}
	if names := slices.Compact(slices.Sorted(slices.Values(faultNames))); len(names) != len(faultNames) {
		t.Error("two faults have one name")
	}
	if moments&^allFaults != 0 {
		t.Error("a moment is no fault")
	}
}
