package fanout

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"pushd"
	"pushd/internal/housekeeping"
)

// Ambiguous says what happens to a recipient in doubt, once the time is over in which WeChat would notice a repetition.
type Ambiguous string

// The two answers to PUSHD_AMBIGUOUS.
const (
	Resend  Ambiguous = "resend"  // send to them again; the job counts them
	Unknown Ambiguous = "unknown" // leave them, and list them
)

// Config is what an engine is set to, once, when it is made.
type Config struct {
	Ledger pushd.Ledger
	WeChat pushd.WeChat
	Tokens pushd.Tokens
	Owner  pushd.Owner
	Log    *slog.Logger

	Concurrency int // ceiling of sends in flight per account
	InFlight    int // ceiling of sends in flight in all, shared fairly; 0 = none
	Rate        int // ceiling per account, messages/s; 0 = none
	TotalRate   int // ceiling of the whole process, messages/s; 0 = none
	MaxJobs     int // running at once

	Lease       time.Duration
	SendTimeout time.Duration // bound of one send; the drain waits no longer
	DedupWindow time.Duration // how long a repeated send is safe
	Ambiguous   Ambiguous
	Grace       time.Duration // default deadline after the start
	Retention   time.Duration // how long pages stay after the end
	// JobRetention is how long jobs stay after their end, if not longer than
	// their pages (PUSHD_JOB_RETENTION).
	JobRetention time.Duration
	Location     *time.Location
	// StatusFailed is what live_notify_status becomes when a job ends without
	// completing (PUSHD_STATUS_FAILED).
	StatusFailed int
	// Only, if not nil, are the only recipients who are sent to (staging).
	Only map[pushd.OpenID]bool

	// Quiet is when no message leaves, of channels that do not say.
	Quiet pushd.QuietHours
	// RefusalMemory is how long recipients are not asked again who have refused a
	// template; 0 = they are.
	RefusalMemory time.Duration

	// Counter keeps the ledger's counter outside of the database, so that one
	// that went back is recognised; nil = nowhere. Hold has the engine hold all
	// jobs at its start, as if the ledger had gone back.
	Counter housekeeping.CounterStore
	Hold    bool
	// Overdue counts the reminders that fell due before a moment and were not
	// posted; nil = unknown (PUSHD_DUE_QUERY).
	Overdue func(ctx context.Context, before pushd.Time) (pushd.Overdue, error)

	// Ready, if not nil, says whether the tables are those that this program
	// knows. While they are not, it takes no work and changes nothing; what
	// runs is finished.
	Ready func() bool

	// Boottime is a clock that runs on while the machine sleeps
	// (CLOCK_BOOTTIME), from any origin. Leases are counted on it.
	Boottime func() time.Duration
	// Point, if not nil, is called at every point that is passed. Production
	// has none; tests end the process there.
	Point func(Point)
	// Rand draws jitter. It need not be safe for concurrent use.
	Rand *rand.Rand
}

// The engine's own rhythm.
const (
	watchEvery     = 200 * time.Millisecond // orders; a command is seen within 300 ms
	claimEvery     = time.Second            // looking for work that was not announced
	channelEvery   = 30 * time.Second       // reading the channel again
	reconcileEvery = 10 * time.Second       // putting the status column right
	houseEvery     = 10 * time.Second       // deadlines, retention
	recordEvery    = time.Second            // outcomes reach the ledger at least this often
)
