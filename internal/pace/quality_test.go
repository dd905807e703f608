package pace

import (
	"math"
	"testing"
)

// A share is a number whatever was counted: a level may have more refusals than
// starts, for sends are counted when they are let go, and answers by when their
// worker began. A share that is none would make every comparison false, and so
// the level would stay where it is, however many are refused.
func TestShareOf(t *testing.T) {
	for _, tc := range []struct{ bad, n float64 }{{0, 0}, {1, 0}, {5, 3}, {3, 3}, {0, 3}, {1, 2}} {
		m := shareOf(tc.bad, tc.n)
		if math.IsNaN(m.value) || math.IsInf(m.value, 0) || !(m.variance >= 0) || math.IsInf(m.variance, 0) {
			t.Errorf("%v of %v: %+v", tc.bad, tc.n, m)
		}
	}
	if many, few := shareOf(5, 3), shareOf(1, 3); many.value >= few.value {
		t.Errorf("more refusals than starts are %v, one of three is %v", many.value, few.value)
	}
}
