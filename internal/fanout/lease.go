package fanout

import (
	"sync/atomic"
	"time"

	"pushd"
)

// tenure is the local half of a lease: until when sends may start. The
// database decides who holds a job; the tenure makes a process that was
// stopped, swapped out or cut off fall silent by itself, before anybody else
// can have taken over.
type tenure struct {
	boottime func() time.Duration
	term     time.Duration
	until    atomic.Int64 // on boottime
}

// newTenure starts a tenure whose claim was sent at.
func newTenure(boottime func() time.Duration, term, at time.Duration) *tenure {
	t := &tenure{boottime: boottime, term: term}
	t.renewed(at)
	return t
}

// renewed prolongs the tenure by a renewal that was sent at (not answered
// at: the database may have begun to count any time after it was sent).
func (t *tenure) renewed(at time.Duration) {
	t.until.Store(int64(at + t.term - leaseMargin))
}

// holds says whether a send may start now.
func (t *tenure) holds() bool { return int64(t.boottime()) < t.until.Load() }

// clock carries the database's clock forward between readings, on a clock
// that runs on while the machine sleeps.
type clock struct {
	boottime func() time.Duration
	base     atomic.Pointer[reading]
}

type reading struct {
	db pushd.Time
	at time.Duration // on boottime
}

// slowReading is how long a reading may take to be worth more than the last
// one: nobody knows at which moment in between it was taken.
const slowReading = 2 * time.Second

// read takes the database's time, which was read no earlier than at.
func (c *clock) read(db pushd.Time, at time.Duration) {
	if db != 0 && (c.base.Load() == nil || c.boottime()-at < slowReading) {
		c.base.Store(&reading{db, at})
	}
}

// now is the database's time as well as this process knows it. It may step
// back by a fraction of a second where a clock is read anew.
func (c *clock) now() pushd.Time {
	r := c.base.Load()
	if r == nil {
		return pushd.Time(time.Now().UnixMicro())
	}
	return r.db.Add(c.boottime() - r.at)
}

// until is how long it takes from now until t; at least 0.
func (c *clock) until(t pushd.Time) time.Duration { return max(0, t.Sub(c.now())) }
