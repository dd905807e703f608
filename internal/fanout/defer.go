package fanout

import (
	"sync"
	"time"

	"pushd"
)

// deferrals knows when people may be asked again whom WeChat asked to be left
// alone for a while. The ledger has who they are and how often; when is kept
// here, and after a crash the wait begins anew, which is never too early.
type deferrals struct {
	mu                sync.Mutex
	shortAt, longAt   pushd.Time // not before
	anyShort, anyLong bool
	rounds            int   // in a row that settled nobody and left people over for no known reason
	left              int64 // how many
}

// begin sets the waits of a job that was claimed at now. waited says that it
// has waited out a long deferral.
func (d *deferrals) begin(now pushd.Time, waited bool) {
	d.shortAt = now.Add(deferShort)
	if !waited {
		d.longAt = now.Add(deferLong)
	}
}

// put notes that somebody was put off at now.
func (d *deferrals) put(by time.Duration, now pushd.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if by == deferLong {
		d.longAt, d.anyLong = now.Add(by), true
	} else {
		d.shortAt, d.anyShort = now.Add(by), true
	}
}

// turn says whether a refused person is asked in a round.
type turn int

const (
	turnNow   turn = iota
	turnLater      // in a later round
	turnNever      // their time would come after the deadline
)

// due begins a round: it returns what decides about the refused people.
func (d *deferrals) due(now, deadline pushd.Time) func(pushd.Person) turn {
	d.mu.Lock()
	defer d.mu.Unlock()
	shortAt, longAt := d.shortAt, d.longAt
	d.anyShort, d.anyLong = false, false
	return func(p pushd.Person) turn {
		d.mu.Lock()
		defer d.mu.Unlock()
		switch {
		case p.Code == pushd.CodeTooFrequent && longs(p) > 0 && now < longAt:
			if longAt >= deadline {
				return turnNever
			}
			d.anyLong = true
			return turnLater
		case p.Code == pushd.CodeDuplicate && shorts(p) > 0 && now < shortAt:
			if shortAt >= deadline {
				return turnNever
			}
			d.anyShort = true
			return turnLater
		}
		return turnNow
	}
}

// fruitless takes a round that left people over for no known reason, and says
// how many in a row settled none of them.
func (d *deferrals) fruitless(left int64) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if left != d.left {
		d.rounds, d.left = 0, left
	}
	d.rounds++
	return d.rounds
}

// waiting says that this round leaves somebody to a later one.
func (d *deferrals) waiting() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.anyShort || d.anyLong
}

// next says when the next round can reach somebody, and whether that is a
// long wait. any is false when nobody was put off.
func (d *deferrals) next() (until pushd.Time, long, any bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.anyShort:
		d.rounds = 0
		return d.shortAt, false, true
	case d.anyLong:
		d.rounds = 0
		return d.longAt, true, true
	}
	return 0, false, false
}
