package store

import (
	"context"
	"errors"

	"github.com/jmoiron/sqlx"

	"pushd"
	"pushd/internal/platform"
)

// Finish ends a job. See pushd.Notes.
//
// The UPDATE that ends it is the fence; the books are checked behind it, and
// if they do not balance nothing has happened. A deadline that a person has
// moved while the worker let its sends come to their end counts.
func (s *Store) Finish(ctx context.Context, l pushd.Lease, e pushd.Ending) error {
	err := s.end(ctx, l.Job, e, func(tx *sqlx.Tx) error {
		n, err := s.exec(ctx, tx, `
UPDATE pushd_job SET
  notified = CASE WHEN ? THEN 1 ELSE notified END,
  owner = '',
  boot = '',
  lease_until = 0,
  `+ending+`
WHERE `+endable+`
  AND (deadline <= {now} OR ? <> 'expired')`,
			e.State == pushd.Succeeded, e.Reason, pushd.ClipDetail(e.Detail), e.State, l.Job, l.Epoch, e.State)
		if err := s.casResult(n, err, pushd.ErrLost); err != nil || e.Hold == nil {
			return err
		}
		existed, err := s.insertHold(ctx, tx, *e.Hold)
		if err == nil && !existed {
			err = s.events.Write(ctx, tx, pushd.HeldEvent(*e.Hold))
		}
		return err
	})
	return wrap(err, "finish job %s", l.Job)
}

// ending is what every end of a job sets: reason, detail, state.
const ending = `
  finished_at = {now},
  parked_until = 0,
  active_actid = NULL,
  active_appid = NULL,
  send_rate = 0,
  retry = '',
  reason = ?,
  detail = ?,
  state = ?`

// end ends a job that its worker holds: fence moves the row or fails, then the
// sums are stored. ErrIncomplete: it cannot have succeeded.
//
// What live_notify_status becomes follows from the job as it was just before:
// its worker has recorded everything, and nothing else writes about its recipients.
func (s *Store) end(ctx context.Context, id pushd.JobID, e pushd.Ending, fence func(*sqlx.Tx) error) error {
	var job pushd.Job
	err := s.retry(ctx, func() (err error) {
		job, _, err = s.showJob(ctx, s.db, `id = ?`, id)
		return err
	})
	if errors.Is(err, pushd.ErrNotFound) {
		return pushd.ErrLost
	}
	if err != nil {
		return err
	}
	start := job.StartTime
	job.State = e.State
	c := platform.Column{ActID: job.ActID, Status: job.LiveNotifyStatus(s.opt.StatusFailed), May: s.ifNewest(job, start)}
	var ended pushd.Event
	err = s.platform.WithColumn(ctx, c, func(tx *sqlx.Tx) error {
		if err := fence(tx); err != nil {
			return err
		}
		ended, err = s.checkTotals(ctx, tx, id, e)
		return err
	})
	s.events.Say(ctx, err, ended)
	return err
}

// checkTotals stores the sums of a job that has just ended, and refuses a success
// that they do not bear out. It returns the event that it has written down.
func (s *Store) checkTotals(ctx context.Context, tx *sqlx.Tx, id pushd.JobID, e pushd.Ending) (ended pushd.Event, err error) {
	sum, err := s.storeTotals(ctx, tx, id)
	if err != nil {
		return ended, err
	}
	var walk struct {
		Walked   int64 `db:"walk_walked"`
		Complete bool  `db:"walk_complete"`
	}
	if err := tx.GetContext(ctx, &walk, `
SELECT walk_walked, walk_complete
FROM pushd_job
WHERE id = ?`, id); err != nil {
		return ended, err
	}
	if e.State == pushd.Succeeded && (!walk.Complete || sum.Settled() != sum.People || sum.People != walk.Walked) {
		return ended, pushd.ErrIncomplete
	}
	ended = pushd.Event{Job: id, Kind: pushd.EventEnded, State: e.State, Reason: e.Reason, Detail: e.Detail, Figures: pushd.SumsOf(sum.Counts, walk.Walked)}
	return ended, s.events.Write(ctx, tx, ended)
}

// overdue is the condition under which a job without an owner has expired.
const overdue = `
  active_actid IS NOT NULL
  AND deadline <= {now}
  AND lease_until = 0`

// Expire ends what waits past its deadline. See pushd.Housekeeping.
func (s *Store) Expire(ctx context.Context, limit int) (expired []pushd.JobID, err error) {
	var late []pushd.JobID
	err = s.retry(ctx, func() error {
		late = nil
		return s.db.SelectContext(ctx, &late, s.withClock(`
SELECT id
FROM pushd_job
WHERE `+overdue+`
ORDER BY deadline, id
LIMIT ?`), limit)
	})
	if err != nil {
		return nil, wrap(err, "list late jobs")
	}
	for _, id := range late {
		err := s.expire(ctx, id)
		if err != nil && !errors.Is(err, pushd.ErrLost) {
			return expired, wrap(err, "expire job %s", id)
		}
		if err == nil {
			expired = append(expired, id)
		}
	}
	return expired, nil
}

// expire ends one job; ErrLost if another was faster. The epoch rises, so that no write
// of the last worker that is still under way in the server lands on the job.
func (s *Store) expire(ctx context.Context, id pushd.JobID) error {
	late := pushd.Ending{State: pushd.Expired, Reason: pushd.DeadlinePassed, Detail: "the deadline passed before every recipient had an outcome"}
	var ended pushd.Event
	err := s.tx(ctx, func(tx *sqlx.Tx) error {
		n, err := s.exec(ctx, tx, `
UPDATE pushd_job SET
  epoch = epoch + 1,
  owner = '',
  boot = '',
  `+ending+`
WHERE id = ?
  AND `+overdue, late.Reason, late.Detail, late.State, id)
		if err := s.casResult(n, err, pushd.ErrLost); err != nil {
			return err
		}
		ended, err = s.checkTotals(ctx, tx, id, late)
		return err
	})
	s.events.Say(ctx, err, ended)
	return err
}
