package store

import (
	"context"

	"pushd"
)

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
