package sqldb

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/sethvargo/go-retry"
)

// How long may a call take? As long as the caller's context lets it, and no try
// begins later than retryFor after the first; a try that has begun is not cut, and
// each of its statements may take the driver's ReadTimeout. This loop is for
// conflicts alone, of which no caller should hear. A database that does not answer
// is an error at once: whether to call again is for who called, by
// internal/retry for a job's worker, by an answer of 503 for the API. internal/retry
// says why these are two loops.
//
// Conflicts with other transactions resolve in milliseconds; ten tries take
// about two seconds. Who waits for a lock for longer gets the error.
const (
	retryFirst = 4 * time.Millisecond
	retryCap   = 300 * time.Millisecond
	retryMax   = 10
	retryFor   = 10 * time.Second
)

// Retry calls f again while it fails for a reason that passes by itself: a
// deadlock, a lock timeout, a write conflict. f must start over each time.
func (d *DB) Retry(ctx context.Context, f func() error) error {
	pace := retry.WithJitterPercent(50, retry.WithCappedDuration(retryCap, retry.NewExponential(retryFirst)))
	pace = retry.WithMaxDuration(retryFor, retry.WithMaxRetries(retryMax, pace))
	err := retry.Do(ctx, pace, func(context.Context) error {
		err := f()
		if err != nil && d.Dialect.Transient(err) {
			return retry.RetryableError(err)
		}
		return err
	})
	if err != nil && d.Denied != nil && d.Dialect.Denied != nil && d.Dialect.Denied(err) != "" {
		d.Denied()
	}
	return err
}

// Tx runs f in a transaction, and again if it met another one.
func (d *DB) Tx(ctx context.Context, f func(tx *sqlx.Tx) error) error {
	return d.Retry(ctx, func() error {
		tx, err := d.Pool.BeginTxx(ctx, nil)
		if err != nil {
			return err
		}
		if err := f(tx); err != nil {
			tx.Rollback()
			return err
		}
		return tx.Commit()
	})
}

// Execer is a pool or a transaction.
type Execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Exec runs one statement and says how many rows its condition matched,
// changed or not (clientFoundRows).
func (d *DB) Exec(ctx context.Context, on Execer, query string, args ...any) (int64, error) {
	res, err := on.ExecContext(ctx, d.WithClock(query), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// ExecRetry runs one autocommitted statement, again if it met another transaction.
func (d *DB) ExecRetry(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = d.Retry(ctx, func() error {
		n, err = d.Exec(ctx, d.Pool, query, args...)
		return err
	})
	return n, err
}

// WithClock puts the dialect's clock into a statement, for {now}.
func (d *DB) WithClock(query string) string {
	return strings.ReplaceAll(query, "{now}", d.Dialect.Now)
}
