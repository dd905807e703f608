package store

import (
	"context"
	"errors"

	"github.com/jmoiron/sqlx"

	"pushd"
	"pushd/internal/platform"
)

// newestRun is the condition under which a job is the newest of its reminder.
const newestRun = `
  NOT EXISTS (
    SELECT 1
    FROM pushd_job n
    WHERE n.actid = j.actid
      AND n.start_time = j.start_time
      AND n.run > j.run)`

// Working lists the active jobs. See pushd.Housekeeping. The counts are left at
// those of the row: they are not needed here, and summing up thousands of jobs
// every few seconds would cost more than the rest.
func (s *Store) Working(ctx context.Context, after pushd.ActID, limit int) ([]pushd.Job, error) {
	jobs, err := s.standing(ctx, `
WHERE active_actid > ?
  AND `+newestRun+`
ORDER BY active_actid
LIMIT ?`, after, limit)
	return jobs, wrap(err, "list working jobs")
}

// Ended lists jobs in the order of their ends. See pushd.Housekeeping. Its first
// condition is for the index; a job that has not ended has none.
func (s *Store) Ended(ctx context.Context, after pushd.EndMark, until pushd.Time, limit int) ([]pushd.Job, error) {
	jobs, err := s.standing(ctx, `
WHERE finished_at >= ?
  AND finished_at > 0
  AND finished_at < ?
  AND (finished_at > ? OR id > ?)
  AND `+newestRun+`
ORDER BY finished_at, id
LIMIT ?`, after.At, until, after.At, after.Job, limit)
	return jobs, wrap(err, "list ended jobs")
}

func (s *Store) standing(ctx context.Context, where string, args ...any) ([]pushd.Job, error) {
	var rows []jobRow
	err := s.retry(ctx, func() error {
		rows = nil
		return s.db.SelectContext(ctx, &rows, s.withClock(`SELECT `+jobColumns+` FROM pushd_job j `+where), args...)
	})
	if err != nil {
		return nil, err
	}
	return s.readable(rows), nil
}

// CorrectStatus corrects live_notify_status. See pushd.Housekeeping.
//
// The UPDATE locks the job as it was seen, so that no finish or command comes
// in between. It changes the row: a cluster that certifies what each node has
// changed would let a finish on another node through otherwise.
func (s *Store) CorrectStatus(ctx context.Context, seen pushd.Job, start int64, status int) (corrected bool, err error) {
	err = s.platform.Together(ctx, platform.Column{ActID: seen.ActID, Status: status, May: s.ifNewest(seen, start)}, func(tx *sqlx.Tx) error {
		n, err := s.exec(ctx, tx, `
UPDATE pushd_job SET
  mended = mended + 1
WHERE id = ?
  AND state = ?
  AND start_time = ?
  AND notified = ?`, seen.ID, seen.State, seen.StartTime, seen.Notified)
		return s.casResult(n, err, platform.ErrNotNow)
	})
	if errors.Is(err, platform.ErrNotNow) || errors.Is(err, pushd.ErrLost) {
		return false, nil
	}
	return err == nil, wrap(err, "write live_notify_status of channel %d", seen.ActID)
}
