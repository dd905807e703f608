package fanout

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
	"pushd/internal/fanout/channelcheck"
)

// lagging is a ledger whose reads show less than what was written, for as long
// as a test wants.
type lagging struct {
	pushd.Ledger
	people, progress, job, channel, last atomic.Bool

	old atomic.Pointer[pushd.Job]     // what Reload shows, where it is not nil
	was atomic.Pointer[pushd.Channel] // what Channel shows, where it is not nil
}

func (l *lagging) People(ctx context.Context, id pushd.JobID, page int, offset, limit int) ([]byte, error) {
	if l.people.Load() {
		return nil, pushd.ErrNotFound
	}
	return l.Ledger.People(ctx, id, page, offset, limit)
}

func (l *lagging) Progress(ctx context.Context, id pushd.JobID, from, to int) ([]pushd.Progress, error) {
	if l.progress.Load() {
		return nil, nil
	}
	return l.Ledger.Progress(ctx, id, from, to)
}

func (l *lagging) Reload(ctx context.Context, id pushd.JobID) (pushd.Job, error) {
	if l.job.Load() {
		return pushd.Job{}, pushd.ErrNotFound
	}
	if old := l.old.Load(); old != nil {
		return *old, nil
	}
	return l.Ledger.Reload(ctx, id)
}

func (l *lagging) Channel(ctx context.Context, id pushd.ActID) (pushd.Channel, error) {
	if l.channel.Load() {
		return pushd.Channel{}, pushd.ErrNotFound
	}
	if was := l.was.Load(); was != nil {
		return *was, nil
	}
	return l.Ledger.Channel(ctx, id)
}

func (l *lagging) Last(ctx context.Context, id pushd.ActID) (pushd.Job, error) {
	if l.last.Load() {
		return pushd.Job{}, pushd.ErrNotFound
	}
	return l.Ledger.Last(ctx, id)
}

// A job goes on after its start has moved, and a node does not know the channel's
// newest job yet: the job follows when it does.
func TestRun_StartMovesOnALaggingNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, false)
		w.wechat.followers = ids(0, 300)
		var l *lagging // of the process that was started last
		behind := false
		w.change = func(c *Config) {
			l = &lagging{Ledger: c.Ledger}
			l.last.Store(behind)
			c.Ledger = l
		}
		w.boot(0)
		w.post(1, pushd.Request{Rate: 6})
		time.Sleep(5 * time.Second)
		w.kill(w.processes[0])
		w.moveTo(3600, pushd.StatusNotifying)
		behind = true
		w.boot(0)
		time.Sleep(7 * time.Second)
		l.last.Store(false)
		w.within(5 * time.Minute)
		if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 300 || job.StartTime != w.channel(1).StartTime {
			t.Errorf("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
		}
		w.end()
	})
}

// A start moves, and the job is read from a node that does not have its newest
// pages: the walk goes on from what was stored, under the same lease, and
// everybody is listed once and sent to once.
func TestRun_WalkOnALaggingNode(t *testing.T) {
	for name, which := range map[string]func(pushd.Walk) bool{
		"in the middle":                  func(w pushd.Walk) bool { return w.Pages == 150 },
		"one page short":                 func(w pushd.Walk) bool { return w.Pages == 299 },
		"all pages, not known to be all": func(w pushd.Walk) bool { return w.Pages == 300 && !w.Complete },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newSim(1, 0, false)
				w.wechat.followers, w.wechat.pageSize = ids(0, 1200), 4
				l := &lagging{}
				w.change = func(c *Config) { l.Ledger, c.Ledger = c.Ledger, l }
				w.boot(0)
				w.post(1, pushd.Request{Rate: 10})
				var old pushd.Job
				for old = w.job(); !which(old.Walk); old = w.job() {
					time.Sleep(time.Millisecond)
				}
				for !w.job().Walk.Complete {
					time.Sleep(time.Second)
				}
				l.old.Store(&old)
				w.moveTo(3600, pushd.StatusNotifying)
				time.Sleep(channelEvery + channelcheck.OffFor + 5*time.Second)
				l.old.Store(nil)
				w.within(5 * time.Minute)
				job := w.job()
				if job.State != pushd.Succeeded || job.Counts.Sent != 1200 || job.Walk.Walked != 1200 || job.StartTime != w.channel(1).StartTime {
					t.Errorf("%s %s (%s), walked %d, %+v", job.State, job.Reason, job.Detail, job.Walk.Walked, job.Counts)
				}
				if job.Epoch != 1 {
					t.Errorf("claimed %d times", job.Epoch)
				}
				w.end()
			})
		})
	}
}

// A job for a start that has moved is read beside a channel that still has the
// start before: nothing is prepared for that, and its deadline ends nothing.
func TestRun_StartOfALaggingNode(t *testing.T) {
	for name, by := range map[string]int64{"earlier by a day": -86400, "later by an hour": 3600} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newSim(1, 0, false)
				w.wechat.followers = ids(0, 300)
				l := &lagging{}
				w.change = func(c *Config) { l.Ledger, c.Ledger = c.Ledger, l }
				w.boot(0)
				was, done := w.channel(1), pushd.StatusDone
				was.StartTime += by
				was.Status = &done
				w.post(1, pushd.Request{Rate: 6})
				l.was.Store(&was)
				time.Sleep(6 * time.Second)
				l.was.Store(nil)
				w.within(5 * time.Minute)
				job := w.job()
				if job.State != pushd.Succeeded || job.Counts.Sent != 300 || job.StartTime != w.channel(1).StartTime || job.MessageVersion != 1 {
					t.Errorf("%s %s (%s), version %d, %+v", job.State, job.Reason, job.Detail, job.MessageVersion, job.Counts)
				}
				w.end()
			})
		})
	}
}

// Reads that are some seconds behind, and rows that are away for seconds, end
// no job: not the pages, not the progress, not the job, not the channel.
func TestRun_StaleReads(t *testing.T) {
	for name, which := range map[string]func(*lagging) *atomic.Bool{
		"pages":    func(l *lagging) *atomic.Bool { return &l.people },
		"progress": func(l *lagging) *atomic.Bool { return &l.progress },
		"job":      func(l *lagging) *atomic.Bool { return &l.job },
		"channel":  func(l *lagging) *atomic.Bool { return &l.channel },
	} {
		t.Run(name, func(t *testing.T) {
			for _, begins := range []time.Duration{0, 29 * time.Second} {
				synctest.Test(t, func(t *testing.T) {
					w := newSim(1, 0, false)
					w.wechat.followers = ids(0, 300)
					l := &lagging{}
					w.change = func(c *Config) { l.Ledger, c.Ledger = c.Ledger, l }
					w.boot(0)
					which(l).Store(begins == 0)
					w.post(1, pushd.Request{Rate: 6})
					time.Sleep(begins)
					which(l).Store(true)
					time.Sleep(7 * time.Second)
					which(l).Store(false)
					w.within(5 * time.Minute)
					if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 300 {
						t.Errorf("from %s on: %s %s (%s), %+v", begins, job.State, job.Reason, job.Detail, job.Counts)
					}
					w.end()
				})
			}
		})
	}
}

// A channel that is gone for good ends the job.
func TestRun_ChannelGone(t *testing.T) {
	withWeChat(t, 300, func(*sim, pushd.OpenID) *pushd.Answer { return &pushd.Answer{Verdict: pushd.Busy, Code: -1} }, func(w *sim) {
		w.ledger.Lock()
		delete(w.ledger.Channels, 1)
		w.ledger.Unlock()
		w.within(time.Minute)
		if job := w.job(); job.State != pushd.Canceled || job.Reason != pushd.ChannelGone {
			w.violated("%s %s", job.State, job.Reason)
		}
	})
}
