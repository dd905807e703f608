package pushd

import (
	"reflect"
	"strings"
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

func TestCounts_Add(t *testing.T) {
	var sum Counts
	sum.Add(Counts{Sent: 1, Skipped: 2, Failed: 3, Unknown: 4, Retries: 5, InDoubt: 6})
	if sum.Errors != nil {
		t.Errorf("errors %v of none", sum.Errors)
	}
	other := Counts{Sent: 10, Errors: map[int]int64{43004: 2}}
	sum.Add(other)
	sum.Add(Counts{Errors: map[int]int64{43004: 1, 40003: 1}})
	want := Counts{Sent: 11, Skipped: 2, Failed: 3, Unknown: 4, Retries: 5, InDoubt: 6, Errors: map[int]int64{43004: 3, 40003: 1}}
	if !reflect.DeepEqual(sum, want) || other.Errors[43004] != 2 {
		t.Errorf("%+v, and what was added has become %+v", sum, other)
	}
}

func TestClipDetail(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "busy": "busy", "a\xffb": "a�b",
		strings.Repeat("x", 2000):      strings.Repeat("x", 2000),
		strings.Repeat("x", 2001):      strings.Repeat("x", 2000) + "…",
		"x" + strings.Repeat("课", 700): "x" + strings.Repeat("课", 666) + "…", // no half of a character
	} {
		if got := ClipDetail(text); got != want {
			t.Errorf("%.20q of %d bytes became %d bytes, want %d", text, len(text), len(got), len(want))
		}
	}
}
