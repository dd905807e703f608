// Package lease judges time for leases: until when this process may start sends
// under one, when another process has let one lapse, and what the database's
// clock says now. What a lease is in the database is internal/store's.
package lease

import (
	"sync/atomic"
	"time"
)

// Tenure is the local half of a lease: until when sends may start. The
// database decides who holds a job; the tenure makes a process that was
// stopped, swapped out or cut off fall silent by itself, before anybody else
// can have taken over.
type Tenure struct {
	boottime func() time.Duration
	term     time.Duration
	until    atomic.Int64 // on boottime
}

// margin is how much of the lease is left at least when a send starts.
const margin = 2 * time.Second

// NewTenure starts a tenure whose claim was sent at.
func NewTenure(boottime func() time.Duration, term, at time.Duration) *Tenure {
	t := &Tenure{boottime: boottime, term: term}
	t.Renewed(at)
	return t
}

// Renewed prolongs the tenure by a renewal that was sent at (not answered
// at: the database may have begun to count any time after it was sent).
func (t *Tenure) Renewed(at time.Duration) {
	t.until.Store(int64(at + t.term - margin))
}

// Holds says whether a send may start now.
func (t *Tenure) Holds() bool { return int64(t.boottime()) < t.until.Load() }
