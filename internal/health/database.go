package health

import (
	"sync"
	"time"
)

// sayEvery is how often a database that does not answer is logged.
const sayEvery = 10 * time.Second

// Database is what a process knows of the calls to its database: while that is away
// each of many loops fails several times a second, and one line in a while says it
// all. Its methods may be called from many goroutines.
type Database struct {
	mu     sync.Mutex
	wrote  time.Time // when it last took a write
	since  time.Time // of the first failure; zero while all is well
	said   time.Time
	calls  int // that failed since then
	silent int // of those, since the last line
}

// NewDatabase makes one of which nothing bad is known now.
func NewDatabase(now time.Time) *Database { return &Database{wrote: now} }

// LastWrite is when the database last took a write.
func (d *Database) LastWrite() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.wrote
}

// Failed counts a failure, and says whether to log it, and how many were not.
func (d *Database) Failed(now time.Time) (say bool, unsaid int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.since.IsZero() {
		d.since = now
	}
	d.calls++
	if now.Sub(d.said) < sayEvery {
		d.silent++
		return false, 0
	}
	d.said, unsaid, d.silent = now, d.silent, 0
	return true, unsaid
}

// Wrote notes a write, which ends a failure; it says how long that lasted and how
// many calls had failed; 0 = there was none.
func (d *Database) Wrote(now time.Time) (lasted time.Duration, calls int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wrote = now
	if d.since.IsZero() {
		return 0, 0
	}
	lasted, calls = now.Sub(d.since), d.calls
	d.since, d.calls, d.silent = time.Time{}, 0, 0
	return lasted, calls
}
