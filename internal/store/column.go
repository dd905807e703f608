package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// column is a value of live_notify_status that goes with a change of a job.
type column struct {
	actID  pushd.ActID
	status int
	// may says at the end of the transaction whether the column is the job's to
	// write; errNotNow if not. nil: always.
	may func(*sqlx.Tx) error
}

// The column is the platform's: its row may be locked by a forgotten
// transaction, its table by a backup, the right may be missing, a CHECK may
// forbid the value, a trigger may fail or hang. None of that may keep a job from
// changing, nor hold a row or many connections that other jobs need.
const (
	columnFor     = 3 * time.Second // how long a transaction waits for the platform's tables in all
	columnWaiters = 4               // connections that may wait for them at once
	columnTurn    = time.Second     // how long to wait for one of those, without a connection
)

// errNotNow says that the column is not the job's to write: the channel has a
// newer job, or its start is another one.
var errNotNow = errors.New("the column is another reminder's")

// columnError is what came of a statement on the platform's tables.
type columnError struct {
	err   error
	final bool // trying the transaction again is of no use
}

func (e *columnError) Error() string { return "live_notify_status can't be written: " + e.err.Error() }

// Unwrap shows what can pass by itself when the transaction is tried again,
// such as a deadlock.
func (e *columnError) Unwrap() error {
	if e.final {
		return nil
	}
	return e.err
}

// withColumn makes a change together with its column in one transaction, or
// alone where the column can't be written or is not the job's to write. The
// reconciler then puts the column right, if it is not.
func (s *Store) withColumn(ctx context.Context, c column, change func(*sqlx.Tx) error) error {
	err := s.together(ctx, c, change)
	var bad *columnError
	if errors.As(err, &bad) && s.cut(bad.err) {
		err = s.together(ctx, c, change)
	}
	switch {
	case errors.As(err, &bad):
		s.opt.Logger.Warn("live_notify_status does not change with the job; the reconciler will see to it", "actid", c.actID, "status", c.status, "err", bad.err)
	case !errors.Is(err, errNotNow):
		return err
	}
	if ctx.Err() != nil {
		return err
	}
	return s.tx(ctx, change)
}

// cut says that the connection broke, rather than that somebody made it wait:
// with another one the column may well be written.
func (s *Store) cut(err error) bool {
	return s.d.Down(err) && !errors.Is(err, context.DeadlineExceeded)
}

// together writes the column, makes the change, and asks whether it was right
// to write the column.
//
// The column comes first: while its row is waited for, no row of pushd's own is
// locked. The question comes last: with both rows locked, what it reads is true
// until the commit.
func (s *Store) together(ctx context.Context, c column, change func(*sqlx.Tx) error) error {
	leave, err := s.columnTurn(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return s.tx(ctx, func(tx *sqlx.Tx) error {
		short, cancel := context.WithTimeout(ctx, columnFor)
		defer cancel()
		defer s.setLocks(ctx, tx, s.usual) // the connection goes back to the pool
		if err := s.setLocks(short, tx, s.brief); err != nil {
			return s.columnError(ctx, err)
		}
		if err := s.setStatus(short, tx, c.actID, c.status); err != nil {
			return s.columnError(ctx, err)
		}
		if err := change(tx); err != nil || c.may == nil {
			return err
		}
		if err := c.may(tx); err != nil && !errors.Is(err, errNotNow) {
			return s.columnError(ctx, err)
		} else if err != nil {
			return err
		}
		return nil
	})
}

// columnTurn waits until few enough transactions wait for the platform's tables.
func (s *Store) columnTurn(ctx context.Context) (leave func(), err error) {
	wait := time.NewTimer(columnTurn)
	defer wait.Stop()
	select {
	case s.columns <- struct{}{}:
		return func() { <-s.columns }, nil
	case <-wait.C:
		return nil, &columnError{errors.New("too many transactions wait for the platform's tables"), true}
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// setLocks sets for how long statements wait for locks.
func (s *Store) setLocks(ctx context.Context, on execer, statement string) error {
	if statement == "" {
		return nil
	}
	_, err := on.ExecContext(ctx, statement)
	return err
}

func (s *Store) setStatus(ctx context.Context, on execer, id pushd.ActID, status int) error {
	_, err := on.ExecContext(ctx, s.opt.StatusUpdate, status, id)
	return err
}

// columnError names what the platform's tables made of a transaction, unless
// whoever asked for it has gone.
func (s *Store) columnError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return &columnError{err, !s.d.Transient(err) || s.d.LockTimeout(err)}
}

// ifNewest asks whether job may write the column, and the channel's start is
// still the one that start says. The column is that of the start's newest job; a
// start of which there is no job leaves it to the channel's newest.
func (s *Store) ifNewest(ctx context.Context, job pushd.Job, start int64) func(*sqlx.Tx) error {
	return func(tx *sqlx.Tx) error {
		ctx, cancel := context.WithTimeout(ctx, columnFor)
		defer cancel()
		newer, err := s.newer(ctx, tx, job, start)
		if err != nil {
			return err
		}
		if newer > 0 {
			return errNotNow
		}
		row, err := s.channelRow(ctx, tx, job.ActID)
		var bad *pushd.ChannelError
		switch {
		case errors.Is(err, pushd.ErrNotFound):
			return nil // there is no row to write to
		case errors.As(err, &bad):
			return errNotNow // a row that can't be read says nothing of its start
		case err != nil:
			return fmt.Errorf("read channel %d: %w", job.ActID, err)
		}
		if ch := row.channel(job.ActID); row.bad != nil || ch.StartTime != start {
			return errNotNow
		}
		return nil
	}
}

// newer counts the jobs to which the column belongs rather than to job.
func (s *Store) newer(ctx context.Context, tx *sqlx.Tx, job pushd.Job, start int64) (int, error) {
	if job.StartTime == start {
		return s.count(ctx, tx, `actid = ? AND start_time = ? AND run > ?`, job.ActID, start, job.Run)
	}
	return s.count(ctx, tx, `actid = ? AND (start_time = ? OR created_at > ? OR created_at = ? AND id > ?)`,
		job.ActID, start, job.CreatedAt, job.CreatedAt, job.ID)
}
