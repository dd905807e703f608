package pace

import "testing"

func TestWall_Meet(t *testing.T) {
	for _, tc := range []struct {
		name   string
		limits []float64 // by one pulse after the other
		moves  bool      // by the last of them
		wall   wall
	}{
		{"Once", []float64{400}, false, wall{at: 400}},
		{"AtTheSamePlace", []float64{400, 402}, false, wall{at: 402, sure: true}},
		{"Lower", []float64{400, 390}, false, wall{at: 390, sure: true}},
		{"WithTheLevel", []float64{140, 180}, true, wall{}},
		{"SlowlyWithTheLevel", []float64{90, 94, 98}, true, wall{}},
		{"OnceALittleHigher", []float64{90, 94, 95}, false, wall{at: 95, sure: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var w wall
			moves := false
			for _, limit := range tc.limits {
				moves = w.meet(limit)
			}
			if moves != tc.moves || w != tc.wall {
				t.Errorf("moves %v, %+v; want %v, %+v", moves, w, tc.moves, tc.wall)
			}
		})
	}
}

// Near the wall steps are small, below it they end there.
func TestWall_Bound(t *testing.T) {
	w := wall{at: 400, sure: true}
	for _, tc := range []struct{ level, most float64 }{{100, 388}, {300, 388}, {388, 453}, {430, 502}} {
		if got := tc.level * w.bound(2, tc.level); got > tc.most {
			t.Errorf("from %.0f to %.0f, want %.0f at most", tc.level, got, tc.most)
		}
	}
	if step := (&wall{}).bound(2, 100); step != 2 {
		t.Errorf("a step of %.2f without a wall", step)
	}
}
