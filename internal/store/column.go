package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"pushd/internal/fanout"
)

// column is a value of live_notify_status that goes with a change of a job.
type column struct {
	actID  fanout.ActID
	status int
}

// errColumn says that live_notify_status could not be written: the row is
// locked, the right is missing, a CHECK forbids the value. It is the platform's
// table, so that must not keep a job from changing.
var errColumn = errors.New("live_notify_status can't be written")

// errNotNow says that the column is not the job's to write: the channel has a
// newer job, or its start is not the job's any more.
var errNotNow = errors.New("the column is another reminder's")

// withColumn runs change, then writes the column, then check, in one
// transaction. Where the column can't be written, or check finds that it must
// not be, the change is made without it; the reconciler puts the column right.
//
// check comes last because the column's row is locked then: what it reads can't
// change before the commit.
func (s *Store) withColumn(ctx context.Context, c *column, change func(*sqlx.Tx) error, check func(tx *sqlx.Tx, written bool) error) error {
	err := s.tx(ctx, func(tx *sqlx.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		if c != nil {
			if err := s.writeColumn(ctx, tx, *c); err != nil {
				return err
			}
		}
		return check(tx, c != nil)
	})
	if c == nil || !errors.Is(err, errColumn) && !errors.Is(err, errNotNow) {
		return err
	}
	if errors.Is(err, errColumn) {
		s.opt.Logger.Warn("live_notify_status is not written now; the job changes all the same", "actid", c.actID, "status", c.status, "err", err)
	}
	return s.withColumn(ctx, nil, change, check)
}

// writeColumn writes live_notify_status, and waits no longer than a second for
// its row. A conflict that a repetition of the transaction resolves, and a
// database that is gone, are told as they are.
func (s *Store) writeColumn(ctx context.Context, tx *sqlx.Tx, c column) error {
	for _, q := range s.d.ShortLocks {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, s.opt.StatusUpdate, c.status, c.actID)
	for _, q := range s.d.LongLocks { // also before a rollback: the connection goes back to the pool
		if _, lerr := tx.ExecContext(ctx, q); lerr != nil && err == nil {
			err = lerr
		}
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil, s.d.Down(err), s.d.Transient(err) && !s.d.LockTimeout(err):
		return err
	}
	return fmt.Errorf("%w: %w", errColumn, noLockTimeout{err})
}

// noLockTimeout hides that an error was a lock timeout, after which a
// transaction would be tried again.
type noLockTimeout struct{ err error }

func (e noLockTimeout) Error() string { return e.err.Error() }

// stillNewest says, with the column's row locked, whether job may write it.
func (s *Store) stillNewest(ctx context.Context, tx *sqlx.Tx, job fanout.Job) error {
	var newer int
	if err := tx.GetContext(ctx, &newer, `
SELECT COUNT(*)
FROM pushd_job
WHERE actid = ?
  AND (created_at > ? OR created_at = ? AND id > ?)`, job.ActID, job.CreatedAt, job.CreatedAt, job.ID); err != nil {
		return err
	}
	if newer > 0 {
		return errNotNow
	}
	row, err := s.channelRow(ctx, tx, job.ActID)
	switch {
	case errors.Is(err, fanout.ErrNotFound):
		return nil // there is no row to write to
	case err != nil && (ctx.Err() != nil || s.d.Down(err) || s.d.Transient(err)):
		return err
	case err != nil: // a row that can't be read says nothing of its start
		return errNotNow
	case row.channel(job.ActID).StartTime != job.StartTime:
		return errNotNow
	}
	return nil
}
