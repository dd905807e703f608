package fanout

import (
	"testing"
	"time"

	"pushd"
)

func TestProjection(t *testing.T) {
	for _, s := range append(pushd.ActiveStates, pushd.EndedStates...) {
		want := map[pushd.State]int{pushd.Queued: 1, pushd.Running: 1, pushd.Paused: 1, pushd.Parked: 1, pushd.Succeeded: 2, pushd.Failed: 3, pushd.Expired: 3, pushd.Canceled: 3}[s]
		if got := (&pushd.Job{State: s}).LiveNotifyStatus(3); got != want {
			t.Errorf("%s is %d, want %d", s, got, want)
		}
		if got := (&pushd.Job{State: s, Notified: true}).LiveNotifyStatus(3); got != pushd.StatusDone {
			t.Errorf("%s of a job that has succeeded once is %d, want 2", s, got)
		}
		if s.Active() == s.Ended() {
			t.Errorf("%s is both active and ended", s)
		}
	}
	if got := (&pushd.Job{State: pushd.Failed}).LiveNotifyStatus(9); got != 9 {
		t.Errorf("failed is %d, want the setting's 9", got)
	}
}

func TestDefaultDeadline(t *testing.T) {
	now := pushd.Time(1772366400e6)
	if got := pushd.DefaultDeadline(1772370000, now, 30*time.Minute); got != pushd.Time(1772371800e6) {
		t.Errorf("with a start: %d", got)
	}
	if got := pushd.DefaultDeadline(0, now, 30*time.Minute); got != now.Add(6*time.Hour) {
		t.Errorf("without a start: %d", got)
	}
}

func TestQuotaReset_IsMidnightInBeijing(t *testing.T) {
	for _, c := range []struct{ now, want string }{
		{"2026-03-01T15:59:59Z", "2026-03-01T16:00:05Z"},
		{"2026-03-01T16:00:05Z", "2026-03-02T16:00:05Z"},
		{"2026-12-31T20:00:00Z", "2027-01-01T16:00:05Z"},
	} {
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := (*Engine)(nil).quotaReset(pushd.Time(now.UnixMicro())).Std().Format(time.RFC3339); got != c.want {
			t.Errorf("after %s: %s, want %s", c.now, got, c.want)
		}
	}
}
