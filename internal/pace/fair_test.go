package pace

import (
	"testing"
	"time"
)

func TestFairShare(t *testing.T) {
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
		if got := FairShare(tc.wants, tc.total); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}

// An account that gets less than it could use keeps to it, and finds its
// level again step by step when there is room.
func TestPacer_Bound(t *testing.T) {
	w := newWorld(t, 1, 1024, 0)
	w.limit = 400
	w.run(20 * time.Second)
	w.pacer.Bound(50, w.now)
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
	before := len(w.starts)
	w.pacer.Bound(0, w.now)
	w.run(80 * time.Millisecond)
	if n := len(w.starts) - before; n > 100 {
		t.Errorf("%d sends at once when the bound was lifted", n)
	}
	w.run(5 * time.Second)
	if got := float64(w.span(34, 35).good) / 4000; got < 0.9 {
		t.Errorf("%.3f of the limit after the bound was lifted", got)
	}
	if refused := w.span(30, 35).refusedShare(); refused > 0.03 {
		t.Errorf("%.4f refused after the bound was lifted", refused)
	}
}

// An account under a bound, steady or moving, hears what WeChat refuses.
func TestPacer_BoundAndRefused(t *testing.T) {
	for name, bound := range map[string]func(i int) int{
		"Steady": func(int) int { return 50 },
		"Moving": func(i int) int { return 50 + i%2*3 },
		"OnOff":  func(i int) int { return i % 5 / 4 * 50 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, 1024, 0)
			w.limit = 400
			for i := range 800 { // tenths of a second
				if i == 200 {
					w.limit = 20
				}
				w.pacer.Bound(bound(i), w.now)
				w.run(100 * time.Millisecond)
			}
			all := w.span(25, 80)
			t.Logf("%.3f of the limit, %.4f refused", float64(all.good)/55/200, all.refusedShare())
			if refused := all.refusedShare(); refused > 0.10 {
				t.Errorf("%.3f refused", refused)
			}
			if got := float64(all.good) / 55 / 200; got < 0.8 {
				t.Errorf("%.3f of the limit", got)
			}
		})
	}
}

// An account that begins under a bound uses all of it.
func TestPacer_BeginsBound(t *testing.T) {
	for _, most := range []int{5, 20, 25, 40, 56, 114} {
		w := newWorld(t, 1, 1024, 0)
		w.limit = 400
		w.pacer.Bound(most, w.now)
		w.run(30 * time.Second)
		if got := float64(w.span(10, 30).good) / 20 / 10 / float64(most); got < 0.95 {
			t.Errorf("bound %d: %.3f of it", most, got)
		}
	}
}

// A low rate hides how many could be in flight, but not that WeChat refuses.
func TestPacer_RefusedBelowTheLevel(t *testing.T) {
	w := newWorld(t, 1, 1024, 0)
	w.limit = 400
	w.run(10 * time.Second)
	w.pacer.SetRate(300) // 30 in flight
	w.run(10 * time.Second)
	w.limit = 15
	w.run(40 * time.Second)
	all := w.span(25, 60)
	if refused := all.refusedShare(); refused > 0.10 {
		t.Errorf("%.3f refused", refused)
	}
}

// Accounts that send nothing want little, those that are held down want more.
func TestPacer_Want(t *testing.T) {
	w := newWorld(t, 1, 1024, 0)
	w.limit = 400
	w.run(20 * time.Second)
	if n := w.pacer.Want(w.now); n < 350 || n > 450 {
		t.Errorf("wants %d at a limit of 400", n)
	}
	w.pacer.Bound(50, w.now)
	w.run(5 * time.Second)
	if n := w.pacer.Want(w.now); n != 100 {
		t.Errorf("wants %d when it is bound to 50", n)
	}
	w.idle = true
	w.run(5 * time.Second)
	if n := w.pacer.Want(w.now); n > levelStart {
		t.Errorf("wants %d at rest", n)
	}
}
