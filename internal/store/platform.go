package store

import (
	"context"

	"github.com/jmoiron/sqlx"

	"pushd"
	"pushd/internal/mysqlconn"
	"pushd/internal/platform"
)

// Channel reads a channel. See pushd.Channels.
func (s *Store) Channel(ctx context.Context, id pushd.ActID) (ch pushd.Channel, err error) {
	err = s.retry(ctx, func() (err error) {
		ch, err = s.platform.Channel(ctx, s.db, id)
		return err
	})
	if pushd.BadChannel(err) != nil {
		return ch, err
	}
	return ch, wrap(err, "read channel %d", id)
}

// Subscribers reads a page of those who asked for a channel's stream. See
// pushd.Channels. What the database refuses is an error of the audience; one that
// is away, or busy, may be asked again.
func (s *Store) Subscribers(ctx context.Context, id pushd.ActID, after pushd.OpenID, limit int) (page pushd.FollowerPage, err error) {
	err = s.retry(ctx, func() (err error) {
		page, err = s.platform.Subscribers(ctx, s.db, id, after, limit)
		return err
	})
	if err != nil && (mysqlconn.TooSlow(err) || !s.d.Down(err) && !s.d.Transient(err)) {
		return page, platform.RefusedQuery(err)
	}
	return page, wrap(err, "read subscribers of channel %d (PUSHD_AUDIENCE_QUERY)", id)
}

// Statuses reads live_notify_status of many channels. See pushd.Housekeeping.
func (s *Store) Statuses(ctx context.Context, ids []pushd.ActID) (statuses map[pushd.ActID]int, err error) {
	err = s.retry(ctx, func() (err error) {
		statuses, err = s.platform.Statuses(ctx, s.db, ids)
		return err
	})
	return statuses, wrap(err, "read live_notify_status of %d channels", len(ids))
}

// CallbackVersion reads which token of an account's callback is current, by
// PUSHD_CALLBACK_QUERY.
func (s *Store) CallbackVersion(ctx context.Context, app pushd.AppID) (version int, err error) {
	err = s.retry(ctx, func() (err error) {
		version, err = s.platform.CallbackVersion(ctx, s.db, app)
		return err
	})
	return version, wrap(err, "read the version of %s's callback token (PUSHD_CALLBACK_QUERY)", app)
}

// Overdue counts the reminders that were due at a time and have not been posted,
// by PUSHD_DUE_QUERY. It is asked once: the query is the operator's.
func (s *Store) Overdue(ctx context.Context, at pushd.Time) (int64, error) {
	n, err := s.platform.Overdue(ctx, s.db, at)
	return n, wrap(err, "count overdue reminders (PUSHD_DUE_QUERY)")
}

// DueBetween lists the reminders that are to be posted between two times and have not been,
// by PUSHD_DUE_LIST. It is asked once: the query is the operator's.
func (s *Store) DueBetween(ctx context.Context, from, to pushd.Time) ([]pushd.Due, error) {
	all, err := s.platform.Due(ctx, s.db, from, to)
	return all, wrap(err, "list reminders that are due (PUSHD_DUE_LIST)")
}

// database is the store as the platform's tables need it.
type database struct{ *Store }

// Tx implements platform.Database.
func (d database) Tx(ctx context.Context, f func(*sqlx.Tx) error) error { return d.tx(ctx, f) }

// Locks implements platform.Database.
func (d database) Locks() (brief, usual string) { return d.d.Locks(d.opt.DSN) }

// Transient implements platform.Database.
func (d database) Transient(err error) bool { return d.d.Transient(err) }

// LockTimeout implements platform.Database.
func (d database) LockTimeout(err error) bool { return d.d.LockTimeout(err) }

// ifNewest asks whether job may write the column, and the channel's start is
// still the one that start says. The column is that of the start's newest job; a
// start of which there is no job leaves it to the channel's newest.
func (s *Store) ifNewest(job pushd.Job, start int64) func(context.Context, *sqlx.Tx) error {
	return func(ctx context.Context, tx *sqlx.Tx) error {
		newer, err := s.newer(ctx, tx, job, start)
		if err != nil {
			return err
		}
		if newer > 0 {
			return platform.ErrNotNow
		}
		return s.platform.StartsAt(ctx, tx, job.ActID, start)
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
