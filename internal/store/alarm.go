package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// forgetBatch bounds one call of ForgetAlarms.
const forgetBatch = 500

// FindAlarms looks for what is worth an alarm. See pushd.Alarms. Nothing is
// raised in the transactions that make it so: the rows of the jobs say it for
// long enough, whoever has changed them.
func (s *Store) FindAlarms(ctx context.Context) ([]pushd.Alarm, error) {
	in, err := s.Installation(ctx)
	if err != nil {
		return nil, err
	}
	var found []pushd.Alarm
	if a, silent := pushd.SilenceAlarm(in.HostSeen, in.Now); silent {
		found = append(found, a)
	}
	holds, err := s.Holds(ctx)
	if err != nil {
		return nil, err
	}
	for _, h := range holds {
		found = append(found, h.Alarm())
	}
	var facts []pushd.AlarmFacts
	err = s.retry(ctx, func() (err error) {
		facts, err = s.alarmFacts(ctx, in.Now)
		return err
	})
	for _, f := range facts {
		found = append(found, f.Alarms(in.Now)...)
	}
	return found, wrap(err, "look for alarms")
}

// alarmFacts reads the jobs that may be worth an alarm.
func (s *Store) alarmFacts(ctx context.Context, now pushd.Time) (facts []pushd.AlarmFacts, err error) {
	const columns = `
SELECT id, actid, appid, state, reason, detail, deadline, created_at, finished_at, parked_until, waiting_since, shortfall
FROM pushd_job
WHERE `
	for _, q := range []struct {
		where string
		args  []any
	}{
		{`active_actid IS NOT NULL
  AND (state = 'parked' AND waiting_since > 0 AND waiting_since <= ?
    OR state <> 'running' AND (parked_until >= deadline OR deadline <= ?)
    OR shortfall > 0)
ORDER BY deadline
LIMIT ?`, []any{now.Add(-pushd.ParkedLong), now.Add(pushd.LateWithin), pushd.AlarmsAtOnce}},
		{`finished_at > ?
  AND state IN ('failed', 'expired')
ORDER BY finished_at DESC
LIMIT ?`, []any{now.Add(-pushd.AlarmsEnded), pushd.AlarmsAtOnce}},
	} {
		var rows []struct {
			ID           pushd.JobID  `db:"id"`
			ActID        pushd.ActID  `db:"actid"`
			AppID        pushd.AppID  `db:"appid"`
			State        pushd.State  `db:"state"`
			Reason       pushd.Reason `db:"reason"`
			Detail       string       `db:"detail"`
			Deadline     pushd.Time   `db:"deadline"`
			CreatedAt    pushd.Time   `db:"created_at"`
			FinishedAt   pushd.Time   `db:"finished_at"`
			ParkedUntil  pushd.Time   `db:"parked_until"`
			WaitingSince pushd.Time   `db:"waiting_since"`
			Shortfall    *int64       `db:"shortfall"`
		}
		if err := s.db.SelectContext(ctx, &rows, columns+q.where, q.args...); err != nil {
			return nil, err
		}
		for _, r := range rows {
			facts = append(facts, pushd.AlarmFacts{WaitingSince: r.WaitingSince, Job: pushd.Job{
				ID: r.ID, ActID: r.ActID, AppID: r.AppID, State: r.State, Reason: r.Reason, Detail: r.Detail, Deadline: r.Deadline,
				CreatedAt: r.CreatedAt, FinishedAt: r.FinishedAt, ParkedUntil: r.ParkedUntil, Shortfall: r.Shortfall,
			}})
		}
	}
	return facts, nil
}

// RaiseAlarms stores alarms. See pushd.Alarms. The primary key decides which of
// several processes was the first.
func (s *Store) RaiseAlarms(ctx context.Context, alarms []pushd.Alarm) (added int, err error) {
	there, err := s.alarmsThere(ctx, alarms)
	if err != nil {
		return 0, wrap(err, "raise alarms")
	}
	for _, a := range alarms {
		if there[a.Key] {
			continue
		}
		text, err := json.Marshal(a)
		if err != nil {
			return added, wrap(err, "raise alarms")
		}
		_, err = s.execRetry(ctx, `
INSERT INTO pushd_alarm (alarm_key, alarm, raised_at, due_at)
VALUES (?, ?, {now}, {now})`, a.Key, string(text))
		if err != nil && !s.d.Duplicate(err) {
			return added, wrap(err, "raise alarms")
		}
		if err == nil {
			added++
		}
		there[a.Key] = true
	}
	return added, nil
}

// alarmsThere says which of the alarms are stored already.
func (s *Store) alarmsThere(ctx context.Context, alarms []pushd.Alarm) (map[string]bool, error) {
	there := map[string]bool{}
	if len(alarms) == 0 {
		return there, nil
	}
	query, args, err := sqlx.In(`SELECT alarm_key FROM pushd_alarm WHERE alarm_key IN (?)`, keysOf(alarms))
	if err != nil {
		return nil, err
	}
	var keys []string
	err = s.retry(ctx, func() error {
		keys = nil
		return s.db.SelectContext(ctx, &keys, query, args...)
	})
	for _, k := range keys {
		there[k] = true
	}
	return there, err
}

func keysOf(alarms []pushd.Alarm) []string {
	keys := make([]string, len(alarms))
	for i, a := range alarms {
		keys[i] = a.Key
	}
	return keys
}

// TakeAlarms takes alarms that are due. See pushd.Alarms. For each the UPDATE
// decides: it moves what it was found by.
func (s *Store) TakeAlarms(ctx context.Context, limit int, term time.Duration) (taken []pushd.Alarm, err error) {
	var rows []struct {
		Key    string     `db:"alarm_key"`
		Alarm  string     `db:"alarm"`
		Raised pushd.Time `db:"raised_at"`
		Due    pushd.Time `db:"due_at"`
		Tries  int        `db:"tries"`
	}
	err = s.retry(ctx, func() error {
		rows = nil
		return s.db.SelectContext(ctx, &rows, s.withClock(`
SELECT alarm_key, alarm, raised_at, due_at, tries
FROM pushd_alarm
WHERE sent_at = 0
  AND due_at <= {now}
ORDER BY due_at, alarm_key
LIMIT ?`), limit)
	})
	for _, r := range rows {
		n, err := s.execRetry(ctx, `
UPDATE pushd_alarm SET
  due_at = {now} + ?,
  tries = tries + 1
WHERE alarm_key = ?
  AND due_at = ?
  AND sent_at = 0`, micros(term), r.Key, r.Due)
		if err != nil {
			return taken, wrap(err, "take alarms")
		}
		if n == 0 {
			continue // another was faster
		}
		a := pushd.Alarm{}
		if err := json.Unmarshal([]byte(r.Alarm), &a); err != nil { // damaged by hand: the key says what it was about
			a.Text = "an alarm that can't be read"
		}
		a.Key, a.At, a.Tries = r.Key, r.Raised, r.Tries+1
		taken = append(taken, a)
	}
	return taken, wrap(err, "take alarms")
}

// AlarmsSent notes that alarms were sent. See pushd.Alarms.
func (s *Store) AlarmsSent(ctx context.Context, alarms []pushd.Alarm) error {
	return s.setAlarms(ctx, alarms, `sent_at = {now}`)
}

// PutOffAlarms makes alarms due again after a while. See pushd.Alarms.
func (s *Store) PutOffAlarms(ctx context.Context, alarms []pushd.Alarm, after time.Duration) error {
	return s.setAlarms(ctx, alarms, `due_at = {now} + ?`, micros(after))
}

func (s *Store) setAlarms(ctx context.Context, alarms []pushd.Alarm, set string, args ...any) error {
	if len(alarms) == 0 {
		return nil
	}
	query, all, err := sqlx.In(`UPDATE pushd_alarm SET `+set+` WHERE alarm_key IN (?) AND sent_at = 0`, append(args, keysOf(alarms))...)
	if err == nil {
		_, err = s.execRetry(ctx, query, all...)
	}
	return wrap(err, "settle alarms")
}

// ForgetAlarms removes old alarms. See pushd.Alarms.
func (s *Store) ForgetAlarms(ctx context.Context, keep time.Duration) (unsent int, err error) {
	var old []struct {
		Key  string     `db:"alarm_key"`
		Sent pushd.Time `db:"sent_at"`
	}
	err = s.retry(ctx, func() error {
		old = nil
		return s.db.SelectContext(ctx, &old, s.withClock(`
SELECT alarm_key, sent_at
FROM pushd_alarm
WHERE raised_at < {now} - ?
ORDER BY raised_at
LIMIT ?`), micros(keep), forgetBatch)
	})
	for _, o := range old {
		n, err := s.execRetry(ctx, `DELETE FROM pushd_alarm WHERE alarm_key = ?`, o.Key)
		if err != nil {
			return unsent, wrap(err, "delete old alarms")
		}
		if n > 0 && o.Sent == 0 {
			unsent++
		}
	}
	return unsent, wrap(err, "delete old alarms")
}
