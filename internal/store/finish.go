package store

import (
	"context"

	"github.com/jmoiron/sqlx"

	"pushd/internal/fanout"
)

// Finish ends a job. See fanout.Notes.
//
// The UPDATE that ends it is the fence; the books are checked behind it, and
// if they do not balance nothing has happened.
func (s *Store) Finish(ctx context.Context, l fanout.Lease, e fanout.Ending) error {
	err := s.tx(ctx, func(tx *sqlx.Tx) error {
		n, err := s.exec(ctx, tx, `
UPDATE pushd_job SET
  state = ?,
  reason = ?,
  detail = ?,
  notified = CASE WHEN ? THEN 1 ELSE notified END,
  finished_at = {now},
  parked_until = 0,
  active_actid = NULL,
  active_appid = NULL,
  owner = '',
  boot = '',
  lease_until = 0,
  send_rate = 0
WHERE `+ours,
			e.State, e.Reason, clip(e.Detail), e.State == fanout.Succeeded, l.Job, l.Epoch)
		if err := s.won(n, err, fanout.ErrLost); err != nil {
			return err
		}
		return s.closeBooks(ctx, tx, l.Job, e.State)
	})
	return wrap(err, "finish job %s", l.Job)
}

// closeBooks stores the sums of a job that has just ended in state, and writes
// live_notify_status. ErrIncomplete: it cannot have succeeded.
func (s *Store) closeBooks(ctx context.Context, tx *sqlx.Tx, id fanout.JobID, state fanout.State) error {
	sum, err := s.keepSums(ctx, tx, id)
	if err != nil {
		return err
	}
	var job struct {
		ActID    fanout.ActID `db:"actid"`
		Notified bool         `db:"notified"`
		Walked   int64        `db:"walk_walked"`
		Complete bool         `db:"walk_complete"`
	}
	if err := tx.GetContext(ctx, &job, `
SELECT actid, notified, walk_walked, walk_complete
FROM pushd_job
WHERE id = ?`, id); err != nil {
		return err
	}
	if state == fanout.Succeeded && (!job.Complete || sum.Settled() != sum.People || sum.People != job.Walked) {
		return fanout.ErrIncomplete
	}
	status := s.opt.StatusFailed
	if job.Notified { // it has succeeded, now or earlier
		status = fanout.StatusDone
	}
	return s.setStatus(ctx, tx, job.ActID, status)
}

// overdue is the condition under which a job that nobody holds has expired.
const overdue = `
  state IN ('queued', 'running', 'paused', 'parked')
  AND deadline <= {now}
  AND lease_until <= {now}`

// Expire ends what waits past its deadline. See fanout.Housekeeping.
func (s *Store) Expire(ctx context.Context, limit int) (expired []fanout.JobID, err error) {
	var late []fanout.JobID
	err = s.retry(ctx, func() error {
		late = nil
		return s.db.SelectContext(ctx, &late, s.text(`
SELECT id
FROM pushd_job
WHERE active_actid IS NOT NULL
  AND `+overdue+`
ORDER BY deadline, id
LIMIT ?`), limit)
	})
	if err != nil {
		return nil, wrap(err, "list late jobs")
	}
	for _, id := range late {
		done, err := s.expire(ctx, id)
		if err != nil {
			return expired, wrap(err, "expire job %s", id)
		}
		if done {
			expired = append(expired, id)
		}
	}
	return expired, nil
}

// expire ends one job, unless somebody was faster.
func (s *Store) expire(ctx context.Context, id fanout.JobID) (done bool, err error) {
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		n, err := s.exec(ctx, tx, `
UPDATE pushd_job SET
  finished_at = {now},
  parked_until = 0,
  active_actid = NULL,
  active_appid = NULL,
  owner = '',
  boot = '',
  lease_until = 0,
  reason = ?,
  detail = ?,
  state = 'expired'
WHERE id = ?
  AND `+overdue, fanout.DeadlinePassed, "the deadline passed before everyone was told", id)
		if done = err == nil && n == 1; !done {
			return err
		}
		return s.closeBooks(ctx, tx, id, fanout.Expired)
	})
	return done, err
}
