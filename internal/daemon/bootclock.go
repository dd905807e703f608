package daemon

import (
	"sync/atomic"
	"time"
)

// bootClock is the clock of the leases, which runs on while the machine
// sleeps, for the price of time.Now: it is read with every send, and a system
// call each time was 4 % of a job's CPU.
//
// Between two real readings it goes on with Go's monotonic clock. That one
// stands still in a sleep; but at the end of a sleep the kernel moves the
// wall clock on, together with the boot clock, so a sleep shows by the
// monotonic and the wall clock having drifted apart.
type bootClock struct {
	read   func() time.Duration // the real one
	clocks func() (mono, wall time.Duration)
	last   atomic.Pointer[bootReading]
}

// bootReading is what the clocks said at one moment; boot was read last.
type bootReading struct{ mono, wall, boot time.Duration }

const (
	bootFor   = 100 * time.Millisecond // how long a reading is carried on
	bootDrift = time.Millisecond       // between the clocks, beyond what adjustments explain
)

func newBootClock() *bootClock {
	start := time.Now()
	return &bootClock{read: boottime, clocks: func() (mono, wall time.Duration) {
		now := time.Now()
		return now.Sub(start), time.Duration(now.UnixNano())
	}}
}

func (c *bootClock) now() time.Duration {
	mono, wall := c.clocks()
	if r := c.last.Load(); r != nil && carries(mono-r.mono, wall-r.wall) {
		return r.boot + mono - r.mono
	}
	r := &bootReading{mono, wall, c.read()}
	c.last.Store(r)
	return r.boot
}

// carries says whether a reading still holds when the monotonic clock has run
// for ran since, and the wall clock for wall.
func carries(ran, wall time.Duration) bool {
	return ran >= 0 && ran < bootFor && (wall-ran).Abs() < bootDrift
}
