package fanout

import (
	"testing"
	"time"
)

func TestWaterline(t *testing.T) {
	for _, tc := range []struct {
		name  string
		wants []int
		total int
		want  int
	}{
		{"Nobody", nil, 100, 0},
		{"Enough", []int{60, 40}, 100, 0},
		{"NoBound", []int{600, 400}, 0, 0},
		{"Equal", []int{100, 100, 100, 100}, 100, 25},
		{"OneWantsAll", []int{8, 1000, 8}, 100, 84},
		{"TwoWantMuch", []int{1000, 8, 8, 1000}, 100, 42},
		{"MoreAccountsThanSends", []int{8, 8, 8}, 2, 1},
	} {
		if got := waterline(tc.wants, tc.total); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}

// An account that gets less than it could use keeps to it, and takes up its
// old level step by step when there is room again.
func TestPacer_Bound(t *testing.T) {
	w := newWorld(t, 1, 1024, 0)
	w.limit = 400
	w.run(20 * time.Second)
	w.pacer.bound(50)
	w.run(200 * time.Millisecond)
	for range 100 {
		w.run(100 * time.Millisecond)
		if w.sent > 50 {
			t.Fatalf("%d in flight, 50 are allowed", w.sent)
		}
	}
	if got := float64(w.span(21, 30).good) / 9 / 500; got < 0.95 {
		t.Errorf("%.3f of what 50 in flight can do", got)
	}
	if n := w.pacer.want(); n < 300 || n > 450 {
		t.Errorf("wants %d, has learned about 400", n)
	}
	before := len(w.starts)
	w.pacer.bound(0)
	w.run(80 * time.Millisecond)
	if n := len(w.starts) - before; n > 100 {
		t.Errorf("%d sends at once when the bound was lifted", n)
	}
	w.run(3 * time.Second)
	if got := float64(w.span(32, 33).good) / 4000; got < 0.9 {
		t.Errorf("%.3f of the limit after the bound was lifted", got)
	}
}
