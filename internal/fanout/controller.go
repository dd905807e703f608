package fanout

import (
	"context"
	"time"
)

// Book is what the controller needs of the database.
type Book interface {
	Channels
	Now(ctx context.Context) (Time, error)
	// Job reads one job; ErrNotFound.
	Job(ctx context.Context, id JobID) (Job, error)
	// Active returns the channel's active job, whatever its start time;
	// ErrNotFound.
	Active(ctx context.Context, id ActID) (Job, error)
	// Newest returns the newest job (highest Run) of the reminder (id,
	// startTime); with startTime 0 that of the channel's jobs without a
	// start time. ErrNotFound.
	Newest(ctx context.Context, id ActID, startTime int64) (Job, error)
	// Create inserts a queued job and writes status 1 for the channel, in
	// one transaction; it sets CreatedAt. ErrExists: there is an active job
	// for the channel, or the reminder's Run is taken; nothing is written.
	Create(ctx context.Context, j Job) (Job, error)
	// Command moves a job from one of the states From to To, in one UPDATE
	// that carries the condition, and writes live_notify_status where
	// cmd.Status is set, in the same transaction. ErrLost: the job is in
	// none of the states. ErrExists: the channel has another active job.
	// It returns the job as it is after.
	Command(ctx context.Context, id JobID, cmd Command) (Job, error)
	// Reopen gives people back that had an outcome: failed ones become
	// refused; with unknown also the unknown. It works page by page, and
	// only while the job has ended; it returns how many. Interrupted half
	// way it can be repeated.
	Reopen(ctx context.Context, id JobID, unknown bool) (int64, error)
}

// Command is a change of state asked for by a person.
type Command struct {
	From   []State
	To     State
	Reason Reason
	Detail string
	// Status is what live_notify_status becomes, nil to leave it.
	Status *int
	// Deadline replaces the job's where it is not 0.
	Deadline Time
	// Rate replaces the job's ceiling where it is not nil; 0 = none.
	Rate *int
	// Unpark makes a parked job due now.
	Unpark bool
}

// Request is the body of POST /v1/jobs after parsing: every field has the
// right type, nothing more is checked.
type Request struct {
	ActID       ActID
	AppID       AppID
	AccessToken Token
	ExpiresIn   time.Duration // seconds left of AccessToken; 0 = unknown
	Asked       Asked
	Deadline    int64 // unix seconds; 0 = default
	Rate        int
	Continue    bool
	Restart     bool
	DryRun      bool
}

// RetryRequest is the body of POST /v1/jobs/{id}/retry.
type RetryRequest struct {
	// AcceptDuplicates also retries the people whose outcome is unknown:
	// some of them may be told twice.
	AcceptDuplicates bool
	// Deadline in unix seconds; 0 keeps the job's, which must not be past.
	Deadline int64
}

// Patch is the body of PATCH /v1/jobs/{id}; nil leaves a field as it is.
type Patch struct {
	Rate     *int   // messages/s, 0 = none
	Deadline *int64 // unix seconds
}

// Outcome says what a POST came to.
type Outcome struct {
	Job      Job
	Existing bool // the job was there before
}

// Estimate is the answer to a dry run.
type Estimate struct {
	Total           *int64
	Message         *Message
	QuotaRemain     *int64
	EstimateSeconds *int64
	Problems        []Problem
}
