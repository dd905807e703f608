package store

import (
	"context"
	"errors"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// Standing lists the newest job of every reminder that the reconciler looks
// after. See pushd.Housekeeping. The jobs' counts are left at those of the
// row: nobody needs them here, and summing up thousands of jobs every few
// seconds would cost more than the rest.
func (s *Store) Standing(ctx context.Context, since pushd.Time, after pushd.JobID, limit int) ([]pushd.Job, error) {
	var rows []jobRow
	err := s.retry(ctx, func() error {
		rows = nil
		return s.db.SelectContext(ctx, &rows, s.withClock(`
SELECT `+jobColumns+`
FROM (
  SELECT id AS candidate FROM pushd_job WHERE active_actid IS NOT NULL AND id > ?
  UNION
  SELECT id FROM pushd_job WHERE finished_at > 0 AND finished_at >= ? AND id > ?
) c
JOIN pushd_job j ON j.id = c.candidate
WHERE NOT EXISTS (
  SELECT 1
  FROM pushd_job n
  WHERE n.actid = j.actid
    AND n.start_time = j.start_time
    AND n.run > j.run)
ORDER BY id
LIMIT ?`), after, since, after, limit)
	})
	if err != nil {
		return nil, wrap(err, "list standing jobs")
	}
	return s.readable(rows), nil
}

// MendStatus puts live_notify_status right. See pushd.Housekeeping.
//
// The UPDATE locks the job as it was seen, so that no finish or command comes
// in between. It changes the row: a cluster that certifies what each node has
// changed would let a finish on another node through otherwise.
func (s *Store) MendStatus(ctx context.Context, seen pushd.Job, start int64, status int) (mended bool, err error) {
	err = s.together(ctx, column{seen.ActID, status, s.ifNewest(ctx, seen, start)}, func(tx *sqlx.Tx) error {
		n, err := s.exec(ctx, tx, `
UPDATE pushd_job SET
  mended = mended + 1
WHERE id = ?
  AND state = ?
  AND start_time = ?
  AND notified = ?`, seen.ID, seen.State, seen.StartTime, seen.Notified)
		return s.casResult(n, err, errNotNow)
	})
	if errors.Is(err, errNotNow) || errors.Is(err, pushd.ErrLost) {
		return false, nil
	}
	return err == nil, wrap(err, "write live_notify_status of channel %d", seen.ActID)
}
