package daemon

import (
	"context"
	"errors"
	"testing"
	"time"

	"pushd"
)

// claims is a ledger of which one job can be claimed.
type claims struct {
	pushd.Ledger
	job pushd.Job
}

func (c claims) Claim(_ context.Context, _ pushd.Owner, id pushd.JobID, _ time.Duration) (pushd.Job, error) {
	if id != c.job.ID {
		return pushd.Job{}, pushd.ErrLost
	}
	return c.job, nil
}

func TestDated_TellsTheDeadlineOfWhatIsClaimed(t *testing.T) {
	told := map[string]time.Time{}
	at := time.Date(2026, 10, 1, 20, 0, 0, 0, time.UTC)
	l := dated{claims{job: pushd.Job{ID: "a", AppID: "wx1", Deadline: pushd.Time(at.UnixMicro())}},
		func(appID string, deadline time.Time) { told[appID] = deadline }}
	if _, err := l.Claim(t.Context(), pushd.Owner{}, "b", time.Second); !errors.Is(err, pushd.ErrLost) || len(told) != 0 {
		t.Fatalf("a job that another has: %v, told %v", err, told)
	}
	if job, err := l.Claim(t.Context(), pushd.Owner{}, "a", time.Second); err != nil || job.ID != "a" || !told["wx1"].Equal(at) {
		t.Errorf("got %v, %v, told %v", job.ID, err, told)
	}
}
