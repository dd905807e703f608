// Package ledgertest says what a ledger is, twice: by rules that every ledger
// keeps (Run), and by one on maps (Memory) that keeps them.
//
// The rules are tried on the databases that pushd is used with and on Memory, so
// that what a simulation on Memory shows is true of them. A rule of the interface
// pushd.Ledger, or of what the API asks beside it, has its test here; what is
// about SQL, such as a row that can't be decoded, in internal/store.
//
// Where to read what: suite.go tries the rules, and the files that begin with
// "rules" state them. memory.go and the files that are named as those of
// internal/store are the ledger on maps; judge.go and copy.go are what a
// simulation needs of it.
package ledgertest

import (
	"context"

	"pushd"
)

// Ledger is everything that pushd asks of its database: pushd.Ledger for the
// engine, and the rest for the API.
type Ledger interface {
	pushd.Ledger
	pushd.Alarms
	pushd.Activities
	pushd.Receipts

	// Job reads one job; ErrNotFound.
	Job(ctx context.Context, id pushd.JobID) (pushd.Job, error)
	// Active returns the channel's active job; ErrNotFound.
	Active(ctx context.Context, id pushd.ActID) (pushd.Job, error)
	// Newest returns the job of the highest run of a reminder; ErrNotFound.
	Newest(ctx context.Context, id pushd.ActID, startTime int64) (pushd.Job, error)
	// Create makes a job; ErrExists.
	Create(ctx context.Context, j pushd.Job) (pushd.Job, error)
	// Command moves a job from one of its states to another; ErrNotFound,
	// ErrLost, ErrExists.
	Command(ctx context.Context, id pushd.JobID, cmd pushd.Command) (pushd.Job, error)
	// SaveTexts stores the texts of a template in place of those that were there.
	SaveTexts(ctx context.Context, appID pushd.AppID, t pushd.Texts) error
	// Messages lists the versions of a job's message.
	Messages(ctx context.Context, id pushd.JobID) ([]pushd.MessageVersion, error)
	// Jobs lists jobs, the newest first; ErrCursor.
	Jobs(ctx context.Context, f pushd.Filter) (jobs []pushd.Job, next string, err error)
	// QueuePosition is the place of a queued job among those of its account.
	QueuePosition(ctx context.Context, id pushd.JobID) (int, error)
	// Failures calls yield for everyone of a job who is in one of the states.
	Failures(ctx context.Context, id pushd.JobID, states []pushd.PersonState, yield func(pushd.Failure) error) error
	// Heartbeat notes that the host is alive, and returns when that was.
	Heartbeat(ctx context.Context) (pushd.Time, error)
	// Recipient says what became of one recipient; ErrNotFound.
	Recipient(ctx context.Context, id pushd.JobID, openid pushd.OpenID) (pushd.Recipient, error)
	// ReceiptSums reads the sums of some jobs' receipts; a job without any is left
	// out.
	ReceiptSums(ctx context.Context, ids []pushd.JobID) (map[pushd.JobID]pushd.ReceiptCounts, error)
}
