package ledgertest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pushd"
)

func alarmRules() []rule {
	return []rule{
		{"AlarmsFound", alarmsFound},
		{"AlarmsOnce", alarmsOnce},
		{"AlarmsPutOff", alarmsPutOff},
		{"AlarmsForgotten", alarmsForgotten},
	}
}

// What is worth an alarm is found in every job's row, and nothing else is.
func alarmsFound(t *testing.T, f *bench) {
	want := func(when string, kinds ...pushd.AlarmKind) {
		t.Helper()
		found, err := f.FindAlarms(f.ctx)
		f.ok(err)
		var got []pushd.AlarmKind
		for _, a := range found {
			got = append(got, a.Kind)
			if !strings.HasPrefix(a.Key, string(a.Kind)+"/") || a.Text == "" {
				t.Errorf("%+v", a)
			}
		}
		slices.Sort(got)
		slices.Sort(kinds)
		if !slices.Equal(got, kinds) {
			t.Errorf("%s: %v, want %v", when, got, kinds)
		}
	}
	want("nothing")
	j := f.claimed(alice)
	_, err := f.Heartbeat(f.ctx)
	f.ok(err)
	want("a job runs")
	short := int64(3)
	f.ok(f.SaveQuota(f.ctx, j.Lease(), &short, &short))
	want("its quota is short", pushd.AlarmQuotaShort)
	f.ok(f.Park(f.ctx, j.Lease(), pushd.Parking{Reason: pushd.QuotaExhausted, Detail: "why", Until: future + 1}))
	want("it waits beyond its deadline", pushd.AlarmQuotaShort, pushd.AlarmDeadlineAtRisk)
	f.cancel(j.ID)
	want("a person has canceled it")
	bad, err := f.Claim(f.ctx, alice, f.create(43, "wx3").ID, term)
	f.ok(err)
	f.ok(f.Finish(f.ctx, bad.Lease(), pushd.Ending{State: pushd.Failed, Reason: pushd.WeChatRefused, Detail: "template"}))
	good, err := f.Claim(f.ctx, alice, f.create(44, "wx4").ID, term)
	f.ok(err)
	f.ok(f.SaveWalk(f.ctx, good.Lease(), pushd.Walk{Pass: 1, Complete: true}))
	f.ok(f.Finish(f.ctx, good.Lease(), succeeded))
	want("another failed, and one succeeded", pushd.AlarmEndedBadly)
	_, _, err = f.SetHold(f.ctx, pushd.Hold{AppID: "wx3", Reason: "punished", Code: 48004})
	f.ok(err)
	want("and its account is held", pushd.AlarmEndedBadly, pushd.AlarmOnHold)
}

// raised stores n alarms.
func (f *bench) raised(n int) (alarms []pushd.Alarm) {
	f.t.Helper()
	for i := range n {
		alarms = append(alarms, pushd.Alarm{Key: fmt.Sprintf("test//%d", i), Kind: pushd.AlarmTest, Job: "j", ActID: 4, AppID: "wx", State: pushd.Failed, Reason: pushd.WeChatRefused, Text: "看"})
	}
	added, err := f.RaiseAlarms(f.ctx, alarms)
	f.ok(err)
	if added != n {
		f.t.Fatalf("%d added, want %d", added, n)
	}
	return alarms
}

// An alarm is stored once, whoever raises it, and taken by one at a time.
func alarmsOnce(t *testing.T, f *bench) {
	alarms := f.raised(20)
	atOnce(4, func(int) {
		if added, err := f.Again().RaiseAlarms(f.ctx, alarms); err != nil || added != 0 {
			t.Errorf("%d added again, %v", added, err)
		}
	})
	var mu sync.Mutex
	got := map[string]int{}
	atOnce(6, func(int) {
		ledger := f.Again()
		for range 10 {
			taken, err := ledger.TakeAlarms(f.ctx, 3, time.Hour)
			if err != nil || len(taken) > 3 {
				t.Errorf("%d taken, %v", len(taken), err)
			}
			mu.Lock()
			for _, a := range taken {
				got[a.Key]++
				want := alarms[0]
				want.Key, want.At, want.Tries = a.Key, a.At, 1
				if a != want || a.At == 0 {
					t.Errorf("%+v, want %+v", a, want)
				}
			}
			mu.Unlock()
		}
	})
	for _, a := range alarms {
		if got[a.Key] != 1 {
			t.Errorf("%s was taken %d times", a.Key, got[a.Key])
		}
	}
}

// What was taken and not sent comes up again, and what was sent does not.
func alarmsPutOff(t *testing.T, f *bench) {
	f.raised(3)
	take := func(want int) []pushd.Alarm {
		t.Helper()
		f.tick()
		taken, err := f.TakeAlarms(f.ctx, 10, time.Hour)
		f.ok(err)
		if len(taken) != want {
			t.Fatalf("%d taken, want %d", len(taken), want)
		}
		return taken
	}
	taken := take(3)
	take(0)
	f.ok(f.AlarmsSent(f.ctx, taken[:1]))
	f.ok(f.PutOffAlarms(f.ctx, taken[:2], 0))
	f.ok(f.PutOffAlarms(f.ctx, taken[2:], time.Hour))
	if again := take(1); again[0].Key != taken[1].Key || again[0].Tries != 2 {
		t.Errorf("%+v", again)
	}
	f.ok(f.PutOffAlarms(f.ctx, taken[1:2], 0))
	f.ok(f.AlarmsSent(f.ctx, nil))
	take(1)
}

// Old alarms go, sent or not, and those that were not are counted.
func alarmsForgotten(t *testing.T, f *bench) {
	f.raised(2)
	taken, err := f.TakeAlarms(f.ctx, 1, time.Hour)
	f.ok(err)
	f.ok(f.AlarmsSent(f.ctx, taken))
	forget := func(keep time.Duration, want int) {
		t.Helper()
		if n, err := f.ForgetAlarms(f.ctx, keep); err != nil || n != want {
			t.Errorf("%d unsent, want %d, %v", n, want, err)
		}
	}
	forget(time.Hour, 0)
	f.tick()
	forget(0, 1)
	forget(0, 0)
	f.raised(2) // what still is so is sent again
}
