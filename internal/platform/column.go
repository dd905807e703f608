package platform

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// Column is a value of live_notify_status that goes with a change of a job.
type Column struct {
	ActID  pushd.ActID
	Status int
	// May says at the end of the transaction whether the column is the job's to
	// write; ErrNotNow if not. nil: always.
	May func(ctx context.Context, tx *sqlx.Tx) error
}

// The column is the platform's: its row may be locked by an abandoned
// transaction, its table by a backup, the right may be missing, a CHECK may
// forbid the value, a trigger may fail or hang. None of that may keep a job from
// changing, nor hold a row or many connections that other jobs need.
const (
	columnFor     = 3 * time.Second // how long a transaction waits for the platform's tables in all
	columnWaiters = 4               // connections that may wait for them at once
	columnTurn    = time.Second     // how long to wait for one of those, without a connection
)

// ErrNotNow says that the column is not the job's to write: the channel has a
// newer job, or its start is another one.
var ErrNotNow = errors.New("the column is another reminder's")

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

// WithColumn makes a change together with its column in one transaction, or
// alone where the column can't be written or is not the job's to write. The
// reconciler then puts the column right, if it is not.
func (t *Tables) WithColumn(ctx context.Context, c Column, change func(*sqlx.Tx) error) error {
	err := t.Together(ctx, c, change)
	var bad *columnError
	if errors.As(err, &bad) && t.cut(bad.err) {
		err = t.Together(ctx, c, change)
	}
	switch {
	case errors.As(err, &bad):
		t.log.Warn("live_notify_status does not change with the job; the reconciler will see to it", "actid", c.ActID, "status", c.Status, "err", bad.err)
	case !errors.Is(err, ErrNotNow):
		return err
	}
	if ctx.Err() != nil {
		return err
	}
	return t.db.Tx(ctx, change)
}

// cut says that the connection broke, rather than that another made it wait:
// with another one the column may well be written.
func (t *Tables) cut(err error) bool {
	return t.db.Down(err) && !errors.Is(err, context.DeadlineExceeded)
}

// Together writes the column, makes the change, and asks whether it was right
// to write the column.
//
// The column comes first: while its row is waited for, no row of pushd's own is
// locked. The question comes last: with both rows locked, what it reads is true
// until the commit.
func (t *Tables) Together(ctx context.Context, c Column, change func(*sqlx.Tx) error) error {
	leave, err := t.columnTurn(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return t.db.Tx(ctx, func(tx *sqlx.Tx) error {
		short, cancel := context.WithTimeout(ctx, columnFor)
		defer cancel()
		defer t.setLocks(ctx, tx, t.usual) // the connection goes back to the pool
		if err := t.setLocks(short, tx, t.brief); err != nil {
			return t.columnError(ctx, err)
		}
		if err := t.setStatus(short, tx, c.ActID, c.Status); err != nil {
			return t.columnError(ctx, err)
		}
		if err := change(tx); err != nil || c.May == nil {
			return err
		}
		asked, cancel := context.WithTimeout(ctx, columnFor)
		defer cancel()
		if err := c.May(asked, tx); err != nil && !errors.Is(err, ErrNotNow) {
			return t.columnError(ctx, err)
		} else if err != nil {
			return err
		}
		return nil
	})
}

// columnTurn waits until few enough transactions wait for the platform's tables.
func (t *Tables) columnTurn(ctx context.Context) (leave func(), err error) {
	wait := time.NewTimer(columnTurn)
	defer wait.Stop()
	select {
	case t.waiting <- struct{}{}:
		return func() { <-t.waiting }, nil
	case <-wait.C:
		return nil, &columnError{errors.New("too many transactions wait for the platform's tables"), true}
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// setLocks sets for how long statements wait for locks.
func (t *Tables) setLocks(ctx context.Context, tx *sqlx.Tx, statement string) error {
	if statement == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, statement)
	return err
}

func (t *Tables) setStatus(ctx context.Context, tx *sqlx.Tx, id pushd.ActID, status int) error {
	_, err := tx.ExecContext(ctx, t.q.StatusUpdate, status, id)
	return err
}

// columnError names what the platform's tables made of a transaction, unless
// whoever asked for it has gone.
func (t *Tables) columnError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return &columnError{err, !t.db.Transient(err) || t.db.LockTimeout(err)}
}

// StartsAt asks in a transaction whether the channel still starts at start;
// ErrNotNow if not. Of a channel that is gone there is no row to write to. A row of
// which another column can't be used has its start all the same, and a start that
// can't be used is one that is not known, 0. Where rows differ it is not known which
// of them counts.
func (t *Tables) StartsAt(ctx context.Context, tx *sqlx.Tx, id pushd.ActID, start int64) error {
	row, err := t.channelRow(ctx, tx, id)
	var bad *pushd.ChannelError
	switch {
	case errors.Is(err, pushd.ErrNotFound):
		return nil
	case errors.As(err, &bad):
		return ErrNotNow // there may be no such channel
	case err != nil:
		return fmt.Errorf("read channel %d: %w", id, err)
	}
	if row.differs || row.channel(id).StartTime != start {
		return ErrNotNow
	}
	return nil
}
