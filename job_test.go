package pushd

import (
	"testing"
	"time"
)

func TestProjection(t *testing.T) {
	for _, s := range append(ActiveStates, EndedStates...) {
		want := map[State]int{Queued: 1, Running: 1, Paused: 1, Parked: 1, Succeeded: 2, Failed: 3, Expired: 3, Canceled: 3}[s]
		if got := (&Job{State: s}).LiveNotifyStatus(3); got != want {
			t.Errorf("%s is %d, want %d", s, got, want)
		}
		if got := (&Job{State: s, Notified: true}).LiveNotifyStatus(3); got != StatusDone {
			t.Errorf("%s of a job that has succeeded once is %d, want 2", s, got)
		}
		if s.Active() == s.Ended() {
			t.Errorf("%s is both active and ended", s)
		}
	}
	if got := (&Job{State: Failed}).LiveNotifyStatus(9); got != 9 {
		t.Errorf("failed is %d, want the setting's 9", got)
	}
}

func TestProjection_Retries(t *testing.T) {
	whole, part := Counts{Sent: 9, Failed: 1}, Counts{Sent: 9}
	for _, c := range []struct {
		job  Job
		want int
	}{
		{Job{State: Queued}, 1}, {Job{State: Running}, 1}, {Job{State: Paused}, 1}, {Job{State: Parked}, 1},
		{Job{State: Succeeded, Notified: true, Counts: whole}, 2},
		{Job{State: Failed, Counts: whole}, 3}, {Job{State: Expired, Counts: part}, 3}, {Job{State: Canceled, Counts: part}, 3},
		{Job{State: Running, Notified: true, Counts: part}, 2},   // a retry at work
		{Job{State: Canceled, Notified: true, Counts: whole}, 2}, // one that was stopped before it began
		{Job{State: Canceled, Notified: true, Counts: part}, 3},  // and one that left people without an outcome
	} {
		c.job.Walk.Walked = 10
		if got := c.job.LiveNotifyStatus(3); got != c.want {
			t.Errorf("%s, notified %v, %d of 10 settled: %d, want %d", c.job.State, c.job.Notified, c.job.Counts.Settled(), got, c.want)
		}
	}
}

func TestDefaultDeadline(t *testing.T) {
	now := Time(1772366400e6)
	if got := DefaultDeadline(1772370000, now, 30*time.Minute); got != Time(1772371800e6) {
		t.Errorf("with a start: %d", got)
	}
	if got := DefaultDeadline(0, now, 30*time.Minute); got != now.Add(6*time.Hour) {
		t.Errorf("without a start: %d", got)
	}
}
