package pushd

import "context"

// Counter is the installation's counter as it was seen.
type Counter struct {
	// Installation tells one installation from another; it derives from the
	// salt and does not tell it.
	Installation string
	Value        int64 // 0 = none was seen yet
	At           Time  // when it was raised to this
}

// Installation is what the ledger says of itself.
type Installation struct {
	Counter
	Lost Gap  // what it has lost, when it went back last
	Now  Time // the database's clock when it was read
	// HostSeen is when the host's last heartbeat came; 0 = there was none yet.
	HostSeen Time
}

// StepBack is what is to be written down when the ledger went back.
type StepBack struct {
	Found int64 // the counter as it was found
	Value int64 // and what it becomes
	Lost  Gap
	// Hold says whether all jobs that have not ended are held, and Detail why,
	// to be read.
	Hold   bool
	Detail string
}

// Counting is the part of the ledger by which a process recognises that the
// database went back.
type Counting interface {
	// Raise raises the counter by one. ErrLost: it is below least, or not
	// there, and nothing was written. A value that was raised once is never
	// below another that was read before, unless the database went back.
	Raise(ctx context.Context, least int64) (Counter, error)
	// Installation reads the installation's row. It is made where there is none.
	Installation(ctx context.Context) (Installation, error)
	// StepBack writes down that the ledger went back, and holds the jobs, in one
	// transaction. A job that is held is paused with LedgerWentBack; whoever had
	// it can't write any more. It says how many it held. ErrLost: the counter is
	// not Found any more, and nothing was written.
	StepBack(ctx context.Context, b StepBack) (held int, err error)
	// CountHeld counts the jobs that are held because the ledger went back.
	CountHeld(ctx context.Context) (int, error)
}
