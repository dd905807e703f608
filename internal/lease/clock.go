package lease

import (
	"sync/atomic"
	"time"

	"pushd"
)

// Clock carries the database's clock forward between readings, on a clock
// that runs on while the machine sleeps.
type Clock struct {
	boottime func() time.Duration
	base     atomic.Pointer[reading]
}

// NewClock carries on along boottime.
func NewClock(boottime func() time.Duration) *Clock { return &Clock{boottime: boottime} }

type reading struct {
	db pushd.Time
	at time.Duration // on boottime
}

// SlowReading is how long a reading may take to be worth more than the last
// one: it is not known at which moment in between it was taken.
const SlowReading = 2 * time.Second

// Read takes the database's time, which was read no earlier than at.
func (c *Clock) Read(db pushd.Time, at time.Duration) {
	if db != 0 && (c.base.Load() == nil || c.boottime()-at < SlowReading) {
		c.base.Store(&reading{db, at})
	}
}

// Now is the database's time as well as this process knows it. It may step
// back by a fraction of a second where a clock is read again.
func (c *Clock) Now() pushd.Time {
	r := c.base.Load()
	if r == nil {
		return pushd.Time(time.Now().UnixMicro())
	}
	return r.db.Add(c.boottime() - r.at)
}

// Until is how long it takes from now until t; at least 0.
func (c *Clock) Until(t pushd.Time) time.Duration { return max(0, t.Sub(c.Now())) }
