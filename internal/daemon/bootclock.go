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
// wall clock on, together with the boot clock, so a sleep shows by the two
// clocks of a time.Time having drifted apart.
type bootClock struct {
	read func() time.Duration // the real one
	last atomic.Pointer[bootReading]
}

type bootReading struct {
	at   time.Time // no later than boot was read
	boot time.Duration
}

const (
	bootFor   = 100 * time.Millisecond // how long a reading is carried on
	bootDrift = time.Millisecond       // between the clocks, beyond what adjustments explain
)

func (c *bootClock) now() time.Duration {
	at := time.Now()
	if r := c.last.Load(); r != nil {
		ran, wall := at.Sub(r.at), time.Duration(at.UnixNano()-r.at.UnixNano())
		if carries(ran, wall) {
			return r.boot + ran
		}
	}
	r := &bootReading{at, c.read()}
	c.last.Store(r)
	return r.boot
}

// carries says whether a reading still holds when the monotonic clock has run
// for ran since, and the wall clock for wall.
func carries(ran, wall time.Duration) bool {
	return ran >= 0 && ran < bootFor && (wall-ran).Abs() < bootDrift
}
