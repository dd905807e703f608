package pushd

import (
	"context"
	"time"
)

// Owner is a process that may hold leases. Instance is the name that
// survives a restart (PUSHD_INSTANCE); Boot is drawn again at every start, so
// that two lives of one instance can be distinguished.
type Owner struct{ Instance, Boot string }

// Lease is the right to write about a job: it holds as long as Epoch is the
// job's current one.
type Lease struct {
	Job   JobID
	Epoch int64
}

// Observation is how a held lease looked. Whoever watches it sees Mark or the
// epoch change with every renewal.
type Observation struct {
	Lease
	Mark int64         // opaque; changes with every renewal
	Term time.Duration // how long the lease lasts without one, to the microsecond: see Renew; 0 = not known
}

// Leases is the part of the ledger that says who may work on what.
//
// A claim, a renewal and a release are each one compare-and-swap UPDATE,
// judged by its affected rows; every time is the database's.
type Leases interface {
	// Now reads the database's clock.
	Now(ctx context.Context) (Time, error)
	// TakeBack lapses the leases that an earlier start of owner.Instance
	// left behind (same instance, another boot) and says how many.
	TakeBack(ctx context.Context, owner Owner) (int, error)
	// Leases lists the leases that are held, by whomever.
	Leases(ctx context.Context) ([]Observation, error)
	// Lapse frees a lease that is still as it was seen, and says whether it
	// did. Its owner may renew it as long as no process has claimed the job.
	Lapse(ctx context.Context, seen Observation) (bool, error)
	// Due lists jobs with a free lease that can be claimed: queued; parked and
	// due; or running. Earliest deadline first. A job is left out while a lease
	// on another job of its account is held, and while it is on hold.
	Due(ctx context.Context, limit int) ([]JobID, error)
	// Claim takes the job: it becomes running, its epoch rises, its lease
	// lasts for term. It then adopts the job's progress rows, so that no
	// write of an earlier epoch can land after the claim was answered, and
	// returns the job as it is then, with Job.Now set; only Reason and
	// ParkedUntil are those of before, for they say what it waited for.
	// ErrLost: another process was faster, or it is not due, or on hold. ErrAccountBusy:
	// another job of this account is running.
	Claim(ctx context.Context, owner Owner, id JobID, term time.Duration) (Job, error)
	// Renew prolongs the leases held, lapsed or not, as long as no process took
	// them, and keeps each job's rate where other processes can show it. It
	// returns the jobs whose lease is lost. What is observed of a lease differs
	// after each renewal, by its mark or by its term.
	Renew(ctx context.Context, owner Owner, term time.Duration, held []Held) (lost []JobID, err error)
	// Orders reads what commands have made of the jobs that owner holds.
	Orders(ctx context.Context, owner Owner) ([]Order, error)
	// Release gives the lease back. A running job becomes queued again; in
	// every other state (a command was faster) the state is left alone. Of a job
	// that has ended the sums are stored, and nothing is recorded any more.
	// Releasing a lease that is lost is no error.
	Release(ctx context.Context, l Lease) error
	// Park ends the work on a running job until it is due again: the state
	// becomes parked, or paused, and the lease is given back. A job that was forced
	// meanwhile does not wait for the end of quiet hours. ErrLost if it was not running
	// under l any more.
	Park(ctx context.Context, l Lease, p Parking) error
}
