package daemon

import (
	"testing"
	"testing/synctest"
	"time"
)

// The clock follows the real one, which may run on while the process's own
// stands still.
func TestBootClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asleep time.Duration
		reads, start := 0, time.Now()
		c := bootClock{read: func() time.Duration {
			reads++
			return time.Since(start) + asleep
		}}
		for range 1000 {
			if got := c.now(); got != time.Since(start) {
				t.Fatalf("%v, want %v", got, time.Since(start))
			}
			time.Sleep(time.Millisecond)
		}
		if reads < 10 || reads > 11 {
			t.Errorf("%d real readings in a second", reads)
		}
		asleep = time.Hour
		time.Sleep(bootFor)
		if got := c.now(); got != time.Since(start)+time.Hour {
			t.Errorf("%v after a sleep of an hour", got)
		}
	})
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
		c := bootClock{read: boottime}
		for b.Loop() {
			c.now()
		}
	})
}
