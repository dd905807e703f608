package daemon

import (
	"context"
	"time"

	"pushd"
)

// dated is a ledger that tells the deadline of each job that is claimed: the
// token client asks for the accounts that have the least time first.
type dated struct {
	pushd.Ledger
	due func(appID string, deadline time.Time)
}

// Claim implements pushd.Leases.
func (l dated) Claim(ctx context.Context, owner pushd.Owner, id pushd.JobID, term time.Duration) (pushd.Job, error) {
	job, err := l.Ledger.Claim(ctx, owner, id, term)
	if err == nil {
		l.due(string(job.AppID), job.Deadline.Std())
	}
	return job, err
}
