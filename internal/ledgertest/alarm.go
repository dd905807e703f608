package ledgertest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"pushd"
)

// alarm is one that is stored.
type alarm struct {
	pushd.Alarm
	due, sent pushd.Time
}

// FindAlarms looks for what is worth an alarm. See pushd.Alarms.
func (l *Memory) FindAlarms(context.Context) (found []pushd.Alarm, err error) {
	now := l.begin()
	defer l.Unlock()
	if a, silent := pushd.SilenceAlarm(l.Install.HostSeen, now); silent {
		found = append(found, a)
	}
	for _, h := range l.OnHold {
		found = append(found, h.Alarm())
	}
	for _, j := range l.ByID {
		if j.State.Active() || j.FinishedAt > now.Add(-pushd.AlarmsEnded) {
			facts := pushd.AlarmFacts{Job: j.row(now), WaitingSince: j.waitingSince}
			found = append(found, facts.Alarms(now)...)
		}
	}
	return found, nil
}

// RaiseAlarms stores alarms. See pushd.Alarms.
func (l *Memory) RaiseAlarms(_ context.Context, alarms []pushd.Alarm) (added int, err error) {
	now := l.begin()
	defer l.Unlock()
	for _, a := range alarms {
		if l.alarms[a.Key] != nil {
			continue
		}
		if l.alarms == nil {
			l.alarms = map[string]*alarm{}
		}
		a.At = now
		l.alarms[a.Key] = &alarm{Alarm: a, due: now}
		added++
	}
	return added, nil
}

// TakeAlarms takes alarms that are due. See pushd.Alarms.
func (l *Memory) TakeAlarms(_ context.Context, limit int, term time.Duration) (taken []pushd.Alarm, err error) {
	now := l.begin()
	defer l.Unlock()
	due := slices.SortedFunc(maps.Values(l.alarms), func(a, b *alarm) int { return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.Key, b.Key)) })
	for _, a := range due {
		if len(taken) < limit && a.sent == 0 && a.due <= now {
			a.due, a.Tries = now.Add(term), a.Tries+1
			taken = append(taken, a.Alarm)
		}
	}
	return taken, nil
}

// AlarmsSent notes that alarms were sent. See pushd.Alarms.
func (l *Memory) AlarmsSent(_ context.Context, alarms []pushd.Alarm) error {
	now := l.begin()
	defer l.Unlock()
	for _, a := range alarms {
		if stored := l.alarms[a.Key]; stored != nil {
			stored.sent = now
		}
	}
	return nil
}

// PutOffAlarms makes alarms due again after a while. See pushd.Alarms.
func (l *Memory) PutOffAlarms(_ context.Context, alarms []pushd.Alarm, after time.Duration) error {
	now := l.begin()
	defer l.Unlock()
	for _, a := range alarms {
		if stored := l.alarms[a.Key]; stored != nil && stored.sent == 0 {
			stored.due = now.Add(after)
		}
	}
	return nil
}

// ForgetAlarms removes old alarms. See pushd.Alarms.
func (l *Memory) ForgetAlarms(_ context.Context, keep time.Duration) (unsent int, err error) {
	now := l.begin()
	defer l.Unlock()
	for key, a := range l.alarms {
		if a.At < now.Add(-keep) {
			if a.sent == 0 {
				unsent++
			}
			delete(l.alarms, key)
		}
	}
	return unsent, nil
}
