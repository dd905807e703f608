package daemon

import (
	"testing"
	"time"
)

// The clock follows the real one, of which it asks seldom, through sleeps.
func TestBootClock(t *testing.T) {
	var ran, slept, stepped time.Duration
	reads := 0
	c := bootClock{
		read:   func() time.Duration { reads++; return ran + slept },
		clocks: func() (mono, wall time.Duration) { return ran, ran + slept + stepped },
	}
	check := func(when string) {
		t.Helper()
		if got := c.now(); got != ran+slept {
			t.Errorf("%s: %v, want %v", when, got, ran+slept)
		}
	}
	for ; ran < time.Second; ran += time.Millisecond {
		check("awake")
	}
	if reads != 10 {
		t.Errorf("%d real readings in a second", reads)
	}
	slept += time.Hour // and not a moment later
	check("after a sleep")
	ran += time.Millisecond
	check("after that")
	stepped -= time.Hour
	check("after a step of the wall clock")
}

func TestBootClock_Carries(t *testing.T) {
	for _, tc := range []struct {
		name      string
		ran, wall time.Duration
		want      bool
	}{
		{"AtOnce", 0, 0, true},
		{"ALittleLater", 20 * time.Millisecond, 20*time.Millisecond + 10*time.Microsecond, true},
		{"TooOld", bootFor, bootFor, false},
		{"Slept", 20 * time.Microsecond, time.Minute, false},
		{"SleptABit", 20 * time.Microsecond, 2 * time.Millisecond, false},
		{"WallClockSetBack", 20 * time.Millisecond, -time.Hour, false},
		{"FromTheFuture", -time.Millisecond, -time.Millisecond, false},
	} {
		if got := carries(tc.ran, tc.wall); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

func BenchmarkBoottime(b *testing.B) {
	b.Run("Real", func(b *testing.B) {
		for b.Loop() {
			boottime()
		}
	})
	b.Run("Carried", func(b *testing.B) {
		c := newBootClock()
		for b.Loop() {
			c.now()
		}
	})
}
