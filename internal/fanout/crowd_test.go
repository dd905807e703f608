package fanout

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pushd/internal/housekeeping"

	"pushd"
)

// obstructed is a ledger on which some things can't be done.
type obstructed struct {
	pushd.Ledger
	mu          sync.Mutex
	unclaimable map[pushd.JobID]bool
	locked      map[pushd.ActID]bool // channels whose row somebody holds
	began, last time.Time            // of the spell of waits for such rows
	worst       time.Duration        // the longest spell
}

// can runs f while nothing else looks at what can't be done.
func (o *obstructed) can(f func() bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return f()
}

// obstruct changes what can't be done.
func (o *obstructed) obstruct(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f()
}

func (o *obstructed) Claim(ctx context.Context, owner pushd.Owner, id pushd.JobID, term time.Duration) (pushd.Job, error) {
	if !o.can(func() bool { return !o.unclaimable[id] }) {
		return pushd.Job{}, errors.New("the row can't be decoded")
	}
	return o.Ledger.Claim(ctx, owner, id, term)
}

func (o *obstructed) CorrectStatus(ctx context.Context, seen pushd.Job, start int64, status int) (bool, error) {
	if !o.can(func() bool { return !o.locked[seen.ActID] }) {
		o.obstruct(func() {
			if time.Since(o.last) > 2*time.Second {
				o.began = time.Now()
			}
		})
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
		o.obstruct(func() { o.last, o.worst = time.Now(), max(o.worst, time.Since(o.began)) })
		return false, errors.New("lock wait timeout exceeded")
	}
	return o.Ledger.CorrectStatus(ctx, seen, start, status)
}

// crowd is a world of n channels of accounts of their own, on an obstructed
// ledger.
func crowd(t *testing.T, n int, o *obstructed, f func(w *sim)) {
	t.Helper()
	crowdOn(t, n, func(l pushd.Ledger) pushd.Ledger { o.Ledger = l; return o }, f)
}

// crowdOn is a crowd on what change makes of the ledger.
func crowdOn(t *testing.T, n int, change func(pushd.Ledger) pushd.Ledger, f func(w *sim)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, false)
		w.wechat.followers = ids(0, 20)
		for act := pushd.ActID(1); act <= pushd.ActID(n); act++ {
			ch := *w.ledger.Channels[1]
			status := pushd.StatusNotNotified
			ch.ActID, ch.AppID, ch.Status = act, pushd.AppID(fmt.Sprint("wx", act)), &status
			w.ledger.Channels[act] = &ch
		}
		w.change = func(c *Config) { c.Ledger = change(c.Ledger); c.MaxJobs = 1 }
		w.boot(0)
		f(w)
		w.end()
		for _, text := range w.wrong {
			t.Error(text)
		}
	})
}

// A job that can't be claimed, first in the queue, keeps no other waiting.
func TestEngine_RefusedClaim(t *testing.T) {
	o := &obstructed{unclaimable: map[pushd.JobID]bool{}}
	crowd(t, 4, o, func(w *sim) {
		var made []pushd.Job
		for act := pushd.ActID(1); act <= 4; act++ {
			deadline := pushd.Time(time.Now().Add(time.Hour).UnixMicro()) + pushd.Time(act)
			j, err := w.ledger.Create(context.Background(), pushd.Job{ID: pushd.NewJobID(), ActID: act, AppID: pushd.AppID(fmt.Sprint("wx", act)),
				StartTime: w.ledger.Channels[act].StartTime, Deadline: deadline})
			if err != nil {
				w.violated("%v", err)
			}
			o.obstruct(func() { o.unclaimable[j.ID] = act <= 2 }) // before the engine has looked
			made = append(made, j)
		}
		time.Sleep(2 * time.Minute)
		for i, j := range made {
			want := pushd.Succeeded
			if i < 2 {
				want = pushd.Queued
			}
			if got, _ := w.ledger.Job(context.Background(), j.ID); got.State != want {
				w.violated("job %d of the queue is %s, want %s", i+1, got.State, want)
			}
		}
	})
}

// Rows of the platform's that somebody keeps locked hold up neither the columns
// of the other channels nor the ends of jobs that are late.
func TestEngine_LockedColumns(t *testing.T) {
	o := &obstructed{locked: map[pushd.ActID]bool{}}
	crowd(t, 30, o, func(w *sim) {
		for act := pushd.ActID(1); act <= 30; act++ {
			if _, err := w.controller().Post(context.Background(), pushd.Request{ActID: act, AppID: pushd.AppID(fmt.Sprint("wx", act))}); err != nil {
				w.violated("%v", err)
			}
		}
		time.Sleep(3 * time.Minute)
		o.obstruct(func() {
			for act := pushd.ActID(1); act <= 27; act++ {
				o.locked[act] = true
			}
		})
		w.ledger.Lock()
		for act := pushd.ActID(1); act <= 30; act++ {
			w.ledger.SetStatus(act, pushd.StatusNotNotified)
		}
		w.ledger.Unlock()
		began := time.Now()
		for _, act := range []pushd.ActID{28, 29, 30} {
			for *w.channel(act).Status != pushd.StatusDone {
				if time.Since(began) > 5*time.Minute {
					w.violated("the column of channel %d waits for others", act)
					return
				}
				time.Sleep(time.Second)
			}
		}
		// A round never takes much longer than its two budgets: for columns that
		// fail for the first time, and for those that wait.
		o.obstruct(func() {
			if o.worst == 0 || o.worst > 2*(housekeeping.ColumnsFor+housekeeping.ColumnFor) {
				w.violated("a round spent %s on columns that can't be written", o.worst)
			}
			clear(o.locked)
		})
		time.Sleep(3 * reconcileEvery)
		for act := pushd.ActID(1); act <= 30; act++ {
			if got := *w.channel(act).Status; got != pushd.StatusDone {
				w.violated("the column of channel %d is %d when all is well again", act, got)
			}
		}
	})
}

func (w *sim) channel(id pushd.ActID) pushd.Channel {
	w.ledger.Lock()
	defer w.ledger.Unlock()
	ch := *w.ledger.Channels[id]
	status := *ch.Status
	ch.Status = &status
	return ch
}

// Pause and resume in quick succession, before the worker has heard of either,
// with messages in flight: everyone gets theirs once, and none is asked for in
// vain.
func TestEngine_ResumeAtOnce(t *testing.T) {
	for _, gap := range []time.Duration{0, time.Millisecond, 50 * time.Millisecond, 150 * time.Millisecond, 300 * time.Millisecond, time.Second} {
		t.Run(gap.String(), func(t *testing.T) {
			inWorld(t, 400, 0, func(w *sim) {
				for range 12 {
					time.Sleep(230 * time.Millisecond)
					if w.job().State.Ended() {
						break
					}
					if _, err := w.controller().Pause(context.Background(), w.job().ID); err != nil {
						break // it has ended
					}
					time.Sleep(gap)
					if _, err := w.controller().Resume(context.Background(), w.job().ID); err != nil {
						w.violated("resume: %v", err)
					}
				}
				w.within(2 * time.Minute)
				if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 400 || job.Counts.InDoubt != 0 {
					w.violated("%s with %+v", job.State, job.Counts)
				}
			})
		})
	}
}

// Cancel and continue in quick succession are no different.
func TestEngine_ContinueAtOnce(t *testing.T) {
	inWorld(t, 400, 0, func(w *sim) {
		for range 8 {
			time.Sleep(230 * time.Millisecond)
			if _, err := w.controller().Cancel(context.Background(), w.job().ID); err != nil {
				break
			}
			time.Sleep(20 * time.Millisecond)
			w.post(1, pushd.Request{Continue: true})
		}
		w.within(2 * time.Minute)
		if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 400 || job.Counts.InDoubt != 0 {
			w.violated("%s with %+v", job.State, job.Counts)
		}
		if got := w.column(); got != pushd.StatusDone {
			w.violated("the column is %d", got)
		}
	})
}
