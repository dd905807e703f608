package pace

import (
	"math"
	"testing"
	"time"
)

func TestPulse_Room(t *testing.T) {
	from := time.Unix(1_800_000_000, 0)
	for _, tc := range []struct {
		name             string
		started, refused int
		bad              float64
		room             float64
		all              bool
	}{
		{"Free", 40, 0, 0, 40, true},
		{"Half", 40, 20, 0, 20, false},
		{"None", 40, 40, 0, 0, false},
		{"Background", 40, 5, 0.1, 40, true},
		{"HalfAndBackground", 40, 22, 0.1, 20, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := pulse{from: from, to: from.Add(time.Millisecond), followed: true, started: tc.started, extras: tc.started}
			p.answer(false, from.Add(-time.Millisecond))  // sent before it
			p.answer(false, from.Add(2*time.Millisecond)) // and after it
			for i := range tc.started {
				p.answer(i >= tc.refused, from.Add(time.Millisecond/2))
			}
			room, all := p.room(tc.bad, 0)
			if math.Abs(room-tc.room) > 0.01 || all != tc.all {
				t.Errorf("room for %.2f, all %v; want %.0f, %v", room, all, tc.room, tc.all)
			}
		})
	}
}

// After a pulse nothing starts until there are fewer in flight than the level.
func TestPulse_NotFollowed(t *testing.T) {
	w := newWorld(t, 1, 1024, 0)
	w.limit = 400
	w.run(10 * time.Second)
	pulses := 0
	for range 40_000 { // quarters of a millisecond
		before, starts := w.pacer.climb.phase, len(w.starts)
		w.run(time.Second / 4000)
		c := w.pacer.climb
		if before != pulsing && c.phase == pulsing {
			pulses++
			continue
		}
		if c.phase == pulsing && !c.p.filling && w.sent > c.level && len(w.starts) > starts {
			t.Fatalf("%d in flight at level %d, and %d were started", w.sent, c.level, len(w.starts)-starts)
		}
	}
	if pulses < 3 {
		t.Errorf("%d pulses in ten seconds", pulses)
	}
}
