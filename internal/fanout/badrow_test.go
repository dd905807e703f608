package fanout

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
)

// unreadable says for how long a channel's row can't be used.
type unreadable struct {
	bad   atomic.Bool
	off   atomic.Bool
	quiet atomic.Pointer[pushd.QuietHours]
	reads atomic.Int64
}

// unreadableLedger is a process's way to the ledger on which that is so.
type unreadableLedger struct {
	pushd.Ledger
	*unreadable
}

var badStart = &pushd.ChannelError{Column: "start_time", Text: "is 1796040015000, which is no time of a stream in unix seconds (is it milliseconds?)"}

func (l unreadableLedger) Channel(ctx context.Context, id pushd.ActID) (pushd.Channel, error) {
	ch, err := l.Ledger.Channel(ctx, id)
	if !l.bad.Load() {
		return ch, err
	}
	l.reads.Add(1)
	live := !l.off.Load()
	return pushd.Channel{ActID: id, LiveNotify: &live, Brakes: pushd.Brakes{Quiet: l.quiet.Load()}}, badStart
}

// inBadRow runs f in a world whose channel can be made unreadable.
func inBadRow(t *testing.T, people, rate int, bad bool, f func(w *sim, l *unreadable)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, false)
		w.wechat.followers = ids(0, people)
		l := &unreadable{}
		w.change = func(c *Config) { c.Ledger = unreadableLedger{c.Ledger, l} }
		w.boot(0)
		w.post(1, pushd.Request{Rate: rate})
		l.bad.Store(bad)
		f(w, l)
		w.end()
	})
}

// A job whose channel can't be used before there is a message waits, says which
// column it is, and goes on by itself when that is corrected.
func TestRun_BadRowBeforeTheMessage(t *testing.T) {
	inBadRow(t, 100, 0, true, func(w *sim, l *unreadable) {
		time.Sleep(time.Minute)
		if job := w.job(); job.State != pushd.Parked || job.Reason != pushd.ChannelInvalid || !strings.HasPrefix(job.Detail, "start_time is") {
			t.Errorf("%s %s (%s)", job.State, job.Reason, job.Detail)
		}
		l.bad.Store(false)
		w.within(2 * time.Minute)
		if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 100 {
			t.Errorf("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
		}
	})
}

// One whose channel can't be used afterwards goes on with what it knows.
func TestRun_BadRowAfterTheMessage(t *testing.T) {
	inBadRow(t, 300, 3, false, func(w *sim, l *unreadable) {
		time.Sleep(5 * time.Second)
		l.bad.Store(true)
		w.within(5 * time.Minute)
		if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 300 || l.reads.Load() == 0 {
			t.Errorf("%s %s (%s), %+v after %d reads", job.State, job.Reason, job.Detail, job.Counts, l.reads.Load())
		}
	})
}

// The quiet hours of the settings hold for a channel that can't be read, too, and
// those that can be read of it.
func TestRun_BadRowInQuietHours(t *testing.T) {
	for name, ofChannel := range map[string]bool{"of the settings": false, "of the channel": true} {
		t.Run(name, func(t *testing.T) {
			inBadRow(t, 300, 3, false, func(w *sim, l *unreadable) {
				time.Sleep(5 * time.Second)
				w.kill(w.process(0))
				quiet := halfAnHour(w.cfg.Location)
				if ofChannel {
					l.quiet.Store(&quiet)
				} else {
					w.cfg.Quiet = quiet
				}
				l.bad.Store(true)
				w.boot(0)
				time.Sleep(time.Minute)
				if job := w.job(); job.State != pushd.Parked || job.Reason != pushd.InQuietHours {
					t.Errorf("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
				}
			})
		})
	}
}

// What can be read of such a row counts: a reminder that is switched off ends.
func TestRun_BadRowSwitchedOff(t *testing.T) {
	inBadRow(t, 300, 3, false, func(w *sim, l *unreadable) {
		time.Sleep(5 * time.Second)
		l.off.Store(true)
		l.bad.Store(true)
		w.within(time.Minute)
		if job := w.job(); job.State != pushd.Canceled || job.Reason != pushd.ReminderOff {
			t.Errorf("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
		}
	})
}

// A row that is never mended ends the job at its deadline, not before.
func TestRun_BadRowUntilTheDeadline(t *testing.T) {
	inBadRow(t, 10, 0, true, func(w *sim, _ *unreadable) {
		w.within(w.job().Deadline.Sub(w.job().Now) + time.Minute)
		if job := w.job(); job.State != pushd.Expired || job.Counts.Sent != 0 {
			t.Errorf("%s %s (%s)", job.State, job.Reason, job.Detail)
		}
	})
}
