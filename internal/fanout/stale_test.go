package fanout

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
)

// lagging is a ledger whose reads show less than what was written, for as long
// as a test wants.
type lagging struct {
	pushd.Ledger
	people, progress, job, channel, last atomic.Bool
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
	return l.Ledger.Reload(ctx, id)
}

func (l *lagging) Channel(ctx context.Context, id pushd.ActID) (pushd.Channel, error) {
	if l.channel.Load() {
		return pushd.Channel{}, pushd.ErrNotFound
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
		l := &lagging{}
		w.change = func(c *Config) { l.Ledger, c.Ledger = c.Ledger, l }
		w.boot(0)
		w.post(1, pushd.Request{Rate: 6})
		time.Sleep(5 * time.Second)
		w.kill(w.processes[0])
		w.moveTo(3600, pushd.StatusNotifying)
		l.last.Store(true)
		w.boot(0)
		time.Sleep(7 * time.Second)
		l.last.Store(false)
		w.within(5 * time.Minute)
		if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 300 || job.StartTime != w.channel(1).StartTime {
			t.Errorf("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
		}
		w.processes[0].stop()
		w.all.Wait()
		w.late.Wait()
	})
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
					w.processes[0].stop()
					w.all.Wait()
					w.late.Wait()
				})
			}
		})
	}
}

// A channel that is gone for good ends the job.
func TestRun_ChannelGone(t *testing.T) {
	withWeChat(t, 300, func(*sim, pushd.OpenID) *pushd.Answer { return &pushd.Answer{Verdict: pushd.Busy, Code: -1} }, func(w *sim) {
		w.ledger.mu.Lock()
		delete(w.ledger.channels, 1)
		w.ledger.mu.Unlock()
		w.within(time.Minute)
		if job := w.job(); job.State != pushd.Canceled || job.Reason != pushd.ChannelGone {
			w.violated("%s %s", job.State, job.Reason)
		}
	})
}

// Two readings of the database's clock may differ by some seconds, and so may
// the clocks of its nodes: that makes no try forgotten which was just made.
func TestSender_ForgottenAcrossClocks(t *testing.T) {
	e := &Engine{cfg: Config{DedupWindow: 9 * time.Minute}}
	s := &sender{run: &run{e: e}}
	at := pushd.Time(1_900_000_000_000_000)
	for age, want := range map[time.Duration]bool{
		0: false, -2 * time.Second: false, -59 * time.Second: false, 8 * time.Minute: false,
		9 * time.Minute: true, -2 * time.Minute: true, // a clock that was set back says nothing
	} {
		if got := s.forgotten(&ticket{ambiguous: true, askedAt: at}, at.Add(age)); got != want {
			t.Errorf("%s after the try: forgotten %v", age, got)
		}
	}
}
