package lease

import (
	"time"

	"pushd"
)

// Observer judges leases by what it sees, not by a clock that another process
// or another node of the database may have set: a lease has lapsed when it has
// not changed for its own term on the observer's monotonic clock. Its owner
// stops sending two seconds before that, counted on its own clock from before
// the renewal was sent.
type Observer struct {
	term time.Duration // of leases that do not tell theirs
	seen map[pushd.JobID]sighted
}

// NewObserver judges leases that do not tell their term by term.
func NewObserver(term time.Duration) *Observer { return &Observer{term: term} }

type sighted struct {
	pushd.Observation
	since time.Duration // on the boot clock
}

// Lapsed takes the leases that are held at now, and returns those that have not
// changed for their term.
func (o *Observer) Lapsed(held []pushd.Observation, now time.Duration) (gone []pushd.Observation) {
	seen := make(map[pushd.JobID]sighted, len(held))
	for _, l := range held {
		s, known := o.seen[l.Job]
		if !known || s.Observation != l {
			s = sighted{l, now}
		}
		seen[l.Job] = s
		term := l.Term
		if term == 0 {
			term = o.term
		}
		if now-s.since >= term {
			gone = append(gone, l)
		}
	}
	o.seen = seen
	return gone
}
