package fanout

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
)

// moved moves the start of channel 1, and sets its status.
func (w *sim) moveTo(by int64, status int) {
	w.ledger.Lock()
	defer w.ledger.Unlock()
	w.moveLocked(w.ledger.Channels[1], by, status)
}

func (w *sim) column() int {
	w.ledger.Lock()
	defer w.ledger.Unlock()
	return *w.ledger.Channels[1].Status
}

// The platform moves the start and asks for a new reminder (status 0) while the
// last one is sent, at any moment: the column stays as the platform set it, the
// next POST is accepted, and everybody hears of the new start.
func TestRun_StartMovesAndIsAskedForAgain(t *testing.T) {
	for _, at := range []time.Duration{time.Millisecond, 300 * time.Millisecond, 9 * time.Second, 9900 * time.Millisecond, 29 * time.Second, 45 * time.Second} {
		for _, wait := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				w := newSim(1, 0, false)
				w.wechat.followers = ids(0, 100)
				w.boot(0)
				w.post(1, pushd.Request{Rate: 10})
				time.Sleep(at)
				w.moveTo(86400, pushd.StatusNotNotified)
				if wait {
					time.Sleep(time.Minute)
					if got := w.column(); got != pushd.StatusNotNotified {
						t.Errorf("moved after %s: the column is %d, the platform asked with 0", at, got)
					}
				}
				w.post(1, pushd.Request{})
				job, err := w.ledger.Active(t.Context(), 1)
				if err != nil || job.StartTime != w.ledger.Channels[1].StartTime {
					t.Fatalf("moved after %s: there is no job for the new start: %v", at, err)
				}
				time.Sleep(2 * time.Minute)
				if job, _ = w.ledger.Job(t.Context(), job.ID); job.State != pushd.Succeeded || job.Counts.Sent != 100 || w.column() != pushd.StatusDone {
					t.Errorf("moved after %s: %s, %+v, column %d", at, job.State, job.Counts, w.column())
				}
				w.end()
			})
		}
	}
}

// A start that moves without a new ask is followed by the job at work, and not
// by one that was done and only retries.
func TestRun_StartMovesDuringARetry(t *testing.T) {
	failing := true
	withWeChat(t, 40, func(_ *sim, to pushd.OpenID) *pushd.Answer {
		if failing && to[len(to)-1] == '8' {
			return &pushd.Answer{Verdict: pushd.Other, Code: 48003}
		}
		return nil
	}, func(w *sim) {
		w.within(time.Minute)
		first := w.job()
		w.mu.Lock()
		failing = false
		w.mu.Unlock()
		w.moveTo(3600, pushd.StatusDone) // a stale save of the status
		if _, err := w.controller().Retry(t.Context(), first.ID, pushd.RetryRequest{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if job, _ := w.ledger.Job(t.Context(), first.ID); job.StartTime != first.StartTime || job.State != pushd.Canceled || job.Reason != pushd.StartMoved {
			t.Errorf("the retry: %s %s, start %d", job.State, job.Reason, job.StartTime-first.StartTime)
		}
		w.post(1, pushd.Request{})
		w.within(time.Minute)
		time.Sleep(time.Minute)
		job, err := w.ledger.Last(t.Context(), 1)
		if err != nil || job.ID == first.ID || job.State != pushd.Succeeded || job.Counts.Sent != 40 {
			t.Errorf("the reminder of the new start: %v, %s, %+v", err, job.State, job.Counts)
		}
	})
}

// A start that moves in a job's last seconds, with the status left as it is, is
// followed: the column does not stay at 1, and there is no second reminder.
func TestRun_StartMovesBeforeTheEnd(t *testing.T) {
	inWorld(t, 100, 10, func(w *sim) {
		time.Sleep(9500 * time.Millisecond)
		w.moveTo(3600, pushd.StatusNotifying)
		w.within(30 * time.Second)
		if job := w.job(); job.State != pushd.Succeeded || job.StartTime != w.channel(1).StartTime || w.column() != pushd.StatusDone {
			w.violated("%s %s, start %+d s, column %d", job.State, job.Reason, job.StartTime-w.channel(1).StartTime, w.column())
		}
		w.post(1, pushd.Request{})
		if n := len(w.ledger.ByID); n != 1 {
			w.violated("%d jobs", n)
		}
	})
}

// An older reminder that is retried while the channel has a newer one ends: it
// must not become a second reminder of the new start.
func TestRun_StartMovesUnderAnOlderReminder(t *testing.T) {
	inWorld(t, 100, 10, func(w *sim) {
		time.Sleep(3 * time.Second)
		old := w.job()
		if _, err := w.controller().Cancel(context.Background(), old.ID); err != nil {
			w.violated("%v", err)
		}
		time.Sleep(time.Second)
		w.moveTo(3600, pushd.StatusNotNotified)
		w.post(1, pushd.Request{})
		time.Sleep(30 * time.Second)
		if w.column() != pushd.StatusDone {
			w.violated("the new reminder: column %d", w.column())
		}
		if _, err := w.controller().Retry(context.Background(), old.ID, pushd.RetryRequest{}); err != nil {
			w.violated("%v", err)
		}
		time.Sleep(30 * time.Second)
		got, _ := w.ledger.Job(context.Background(), old.ID)
		if got.State != pushd.Canceled || got.Reason != pushd.StartMoved || got.StartTime != old.StartTime || w.column() != pushd.StatusDone {
			w.violated("the old one: %s %s, start %+d s, column %d", got.State, got.Reason, got.StartTime-old.StartTime, w.column())
		}
	})
}

// A start that moves away and back again: the job goes on where it stopped.
func TestRun_StartMovesBack(t *testing.T) {
	inWorld(t, 100, 10, func(w *sim) {
		time.Sleep(5 * time.Second)
		w.moveTo(3600, pushd.StatusNotNotified)
		time.Sleep(40 * time.Second)
		if job := w.job(); job.State != pushd.Canceled || job.Reason != pushd.StartMoved {
			w.violated("%s %s", job.State, job.Reason)
		}
		w.moveTo(-3600, pushd.StatusNotNotified)
		w.post(1, pushd.Request{})
		w.within(30 * time.Second)
		if job := w.job(); len(w.ledger.ByID) != 1 || job.State != pushd.Succeeded || job.Counts.Sent != 100 || w.column() != pushd.StatusDone {
			w.violated("%d jobs, %s, %+v, column %d", len(w.ledger.ByID), job.State, job.Counts, w.column())
		}
	})
}

// A 1 that no job stands for is nobody's wish, whatever the start is by now.
func TestEngine_OrphanedColumn(t *testing.T) {
	inWorld(t, 20, 0, func(w *sim) {
		w.within(time.Minute)
		w.moveTo(3600, pushd.StatusNotifying)
		time.Sleep(2 * reconcileEvery)
		if got := w.column(); got != pushd.StatusDone {
			w.violated("the column is %d", got)
		}
		w.moveTo(3600, pushd.StatusNotNotified) // but a 0 asks for a reminder
		time.Sleep(2 * reconcileEvery)
		if got := w.column(); got != pushd.StatusNotNotified {
			w.violated("the column is %d, the platform asks for a reminder", got)
		}
	})
}

// A start that is not known any more has not moved: the job goes on with the start, the
// message and the deadline that it has.
func TestRun_StartIsNotKnownAnyMore(t *testing.T) {
	inWorld(t, 400, 10, func(w *sim) {
		before := w.job()
		time.Sleep(5 * time.Second)
		w.ledger.Lock()
		w.ledger.Channels[1].StartTime = 0
		w.ledger.Unlock()
		w.within(2 * time.Minute)
		job := w.job()
		if job.State != pushd.Succeeded || job.StartTime != before.StartTime || job.MessageVersion != 1 || job.Deadline != before.Deadline {
			w.violated("%s %s, message %d, deadline %+d", job.State, job.Reason, job.MessageVersion, job.Deadline-before.Deadline)
		}
		time.Sleep(30 * time.Second)
		if w.column() != pushd.StatusDone {
			w.violated("the column is %d", w.column())
		}
	})
}
