package store

import (
	"context"
	"encoding/json"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// Reload reads the job. See pushd.Notes.
func (s *Store) Reload(ctx context.Context, id pushd.JobID) (pushd.Job, error) {
	return s.Job(ctx, id)
}

// SaveMessage stores what the job sends and the channel's facts it was made
// from, and numbers the message. See pushd.Notes.
//
// The job follows its channel: with a moved start it becomes the reminder of
// the new start, so that no one can ask for that one a second time. A deadline
// that came with the job, or was set since, stays.
func (s *Store) SaveMessage(ctx context.Context, l pushd.Lease, m pushd.Prepared) (version int, err error) {
	var message []byte
	if m.Message != nil {
		if message, err = json.Marshal(m.Message); err != nil {
			return 0, wrap(err, "save message of job %s", l.Job)
		}
	}
	fresh := false
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		n, err := s.exec(ctx, tx, `
UPDATE pushd_job SET
  message = ?,
  prepared_start = ?,
  prepared_deadline = ?,
  deadline = CASE WHEN deadline_asked = 0 AND ? > 0 THEN ? ELSE deadline END
WHERE `+endable, nullText(message), m.StartTime, m.Deadline, m.Deadline, m.Deadline, l.Job, l.Epoch)
		if err := s.casResult(n, err, pushd.ErrLost); err != nil {
			return err
		}
		if message != nil {
			if version, fresh, err = s.number(ctx, tx, l.Job, message); err != nil {
				return err
			}
		}
		if err := s.moveStart(ctx, tx, l.Job, m.StartTime); err != nil || !fresh {
			return err
		}
		return s.events.Write(ctx, tx, pushd.MessageEvent(l.Job, version))
	})
	if fresh {
		s.events.Say(ctx, err, pushd.MessageEvent(l.Job, version))
	}
	return version, wrap(err, "save message of job %s", l.Job)
}

// moveStart makes the job the newest run of the reminder at start.
func (s *Store) moveStart(ctx context.Context, tx *sqlx.Tx, id pushd.JobID, start int64) error {
	var now struct {
		ActID     pushd.ActID `db:"actid"`
		StartTime int64       `db:"start_time"`
	}
	if err := tx.GetContext(ctx, &now, `SELECT actid, start_time FROM pushd_job WHERE id = ?`, id); err != nil {
		return err
	}
	if start == 0 || now.StartTime == start {
		return nil
	}
	var run int
	if err := tx.GetContext(ctx, &run, `
SELECT COALESCE(MAX(run) + 1, 0)
FROM pushd_job
WHERE actid = ?
  AND start_time = ?`, now.ActID, start); err != nil {
		return err
	}
	_, err := s.exec(ctx, tx, `UPDATE pushd_job SET start_time = ?, run = ? WHERE id = ?`, start, run, id)
	return err
}

// SaveQuota stores what is known of today's quota. See pushd.Notes.
func (s *Store) SaveQuota(ctx context.Context, l pushd.Lease, remain, shortfall *int64) error {
	n, err := s.execRetry(ctx, `
UPDATE pushd_job SET
  quota_remain = ?,
  shortfall = ?
WHERE `+writable, remain, shortfall, l.Job, l.Epoch)
	return wrap(s.casResult(n, err, pushd.ErrLost), "save quota of job %s", l.Job)
}

// SaveSent stores when a send was last started. See pushd.Notes.
func (s *Store) SaveSent(ctx context.Context, l pushd.Lease, at pushd.Time) error {
	_, err := s.execRetry(ctx, `
UPDATE pushd_job SET
  last_sent_at = ?
WHERE id = ?
  AND epoch = ?
  AND owner <> ''
  AND last_sent_at < ?`, at, l.Job, l.Epoch, at)
	return wrap(err, "save when job %s sent last", l.Job)
}
