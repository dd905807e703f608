package channelcheck

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
	"pushd/internal/lease"
	"pushd/internal/retry"
)

// platform answers one reading after the other; the last one stays.
type platform struct {
	readings []reading
	last     pushd.Job
}

type reading struct {
	pushd.Channel
	err error
}

func (p *platform) Channel(context.Context, pushd.ActID) (pushd.Channel, error) {
	r := p.readings[0]
	if len(p.readings) > 1 {
		p.readings = p.readings[1:]
	}
	return r.Channel, r.err
}

func (p *platform) Last(context.Context, pushd.ActID) (pushd.Job, error) { return p.last, nil }

// checker is that of a job for the start 1000, posted at second 0.
func checker(p *platform) *Checker {
	began := time.Now()
	clock := lease.NewClock(func() time.Duration { return time.Since(began) })
	clock.Read(1, 0)
	return &Checker{
		Ledger: p, Clock: clock, Grace: time.Minute, Job: pushd.Job{ID: "j", ActID: 42},
		Retry: retry.Retrier{Log: slog.New(slog.DiscardHandler), Jitter: retry.NewJitter(rand.New(rand.NewPCG(1, 2))), Failures: &atomic.Uint64{}},
		Heard: func(pushd.Channel, error) {}, Waiting: func(time.Time) {},
	}
}

func TestChecker_Read(t *testing.T) {
	off, on, asks := false, true, pushd.StatusNotNotified
	there := reading{Channel: pushd.Channel{StartTime: 1000, LiveNotify: &on}}
	moved := reading{Channel: pushd.Channel{StartTime: 2000}}
	for _, c := range []struct {
		what     string
		readings []reading
		last     pushd.JobID // the channel's newest job; "" = this one
		ends     pushd.Reason
		after    time.Duration
	}{
		{what: "is there", readings: []reading{there}},
		{what: "is away for a moment", readings: []reading{{err: pushd.ErrNotFound}, there}, after: OffFor},
		{what: "is gone", readings: []reading{{err: pushd.ErrNotFound}}, ends: pushd.ChannelGone, after: GoneFor},
		{what: "is off for a moment", readings: []reading{{Channel: pushd.Channel{StartTime: 1000, LiveNotify: &off}}, there}, after: OffFor},
		{what: "is off", readings: []reading{{Channel: pushd.Channel{StartTime: 1000, LiveNotify: &off}}}, ends: pushd.ReminderOff, after: OffFor},
		{what: "has an owner who is off", readings: []reading{{Channel: pushd.Channel{StartTime: 1000, ConfigEnabled: &off}}}, ends: pushd.OwnerDisabled, after: OffFor},
		{what: "starts later", readings: []reading{moved}, after: OffFor},
		{what: "starts later, by a node that lags behind", readings: []reading{moved, there}, after: OffFor},
		{what: "starts too early for the deadline", readings: []reading{{Channel: pushd.Channel{StartTime: -7000}}}, after: retry.StaleFor},
		{what: "starts later and asks again", readings: []reading{{Channel: pushd.Channel{StartTime: 2000, Status: &asks}}}, ends: pushd.StartMoved, after: OffFor},
		{what: "starts later and has a newer job", readings: []reading{moved}, last: "k", ends: pushd.StartMoved, after: OffFor},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				last := c.last
				if last == "" {
					last = "j"
				}
				check, began := checker(&platform{readings: c.readings, last: pushd.Job{ID: last}}), time.Now()
				_, err := check.Read(t.Context(), 1000)
				var w *Withdrawn
				if errors.As(err, &w); c.ends == "" && err != nil || c.ends != "" && (w == nil || w.Reason != c.ends || w.State != pushd.Canceled) {
					t.Errorf("error %v, want %q", err, c.ends)
				}
				if took := time.Since(began); took < c.after || took >= c.after+OffFor {
					t.Errorf("believed after %s, want %s", took, c.after)
				}
			})
		})
	}
}

func TestChecker_MovedBeforeEnd(t *testing.T) {
	for _, c := range []struct {
		what  string
		reads reading
		last  pushd.JobID
		moved bool
		ends  bool
	}{
		{"the same start", reading{Channel: pushd.Channel{StartTime: 1000}}, "j", false, false},
		{"a database that fails", reading{err: errors.New("away")}, "j", false, false},
		{"another start", reading{Channel: pushd.Channel{StartTime: 2000}}, "j", true, false},
		{"another start with a newer job", reading{Channel: pushd.Channel{StartTime: 2000}}, "k", true, true},
	} {
		moved, err := checker(&platform{readings: []reading{c.reads}, last: pushd.Job{ID: c.last}}).MovedBeforeEnd(t.Context(), 1000)
		var w *Withdrawn
		if moved != c.moved || errors.As(err, &w) != c.ends || !c.ends && err != nil {
			t.Errorf("%s: %v, %v", c.what, moved, err)
		}
	}
}
