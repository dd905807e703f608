package accountstate

import (
	"testing"
	"testing/synctest"
	"time"

	"pushd"
	"pushd/internal/pace"
)

func TestState_Quiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &State{}
		if !s.Quiet() {
			t.Error("not quiet, and nothing was sent")
		}
		s.Disturb()
		time.Sleep(quietFor) // the last moment at which it counts; the time is synctest's
		if s.Quiet() {
			t.Errorf("quiet %s after another message", quietFor)
		}
		time.Sleep(time.Second)
		if !s.Quiet() {
			t.Errorf("not quiet %s after another message", quietFor+time.Second)
		}
	})
}

// A job that goes on is not disturbed by its own claim; one that another job of the
// account may have preceded is, and so is the first of a process.
func TestState_Claimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &State{}
		for i, c := range []struct {
			job   pushd.JobID
			quiet bool
		}{{"a", false}, {"a", true}, {"b", false}, {"a", false}, {"a", true}} {
			s.Claimed(c.job)
			if s.Quiet() != c.quiet {
				t.Errorf("claim %d: quiet %t", i, s.Quiet())
			}
			time.Sleep(quietFor + time.Second) // synctest's: a disturbance is over by then
		}
	})
}

func TestState_Mismatched(t *testing.T) {
	s := &State{}
	for i, want := range []time.Duration{1, 2, 4, 8, 10, 10} {
		if got := s.Mismatched(); got != want*time.Minute {
			t.Errorf("park %d is for %s, want %d minutes", i+1, got, want)
		}
	}
	if s.Delivered(); s.Mismatched() != time.Minute {
		t.Error("a delivery does not begin again at a minute")
	}
}

// What was learned stays while the account has a job, and an hour longer.
func TestTable_Expire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		total := pace.NewBucket(0)
		table := NewTable(func() *pace.Pacer { return pace.New(8, 0, total) })
		busy, idle := table.Of("busy"), table.Of("idle")
		idle.Outage.Down(time.Now())
		if n := table.Down(time.Now()); n != 1 {
			t.Errorf("WeChat is down for %d accounts, want 1", n)
		}
		time.Sleep(keepFor + time.Second)
		table.Expire([]*State{busy})
		if table.Of("busy") != busy || table.Of("idle") == idle {
			t.Error("the account in use has gone, or the idle one has stayed")
		}
		var next pushd.JobID = "next"
		if first := busy.Earlier("first"); first.Doubts() != 0 || busy.Earlier(next).PutOff() {
			t.Error("something is known of lists that nothing was noted of")
		}
	})
}
