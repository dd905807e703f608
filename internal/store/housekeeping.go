package store

import (
	"context"
	"errors"

	"github.com/jmoiron/sqlx"

	"pushd/internal/fanout"
)

// Standing lists the newest job of every channel that the reconciler looks
// after. See fanout.Housekeeping. The jobs' counts are left at those of the
// row: nobody needs them here, and summing up thousands of jobs every few
// seconds would cost more than the rest.
func (s *Store) Standing(ctx context.Context, since fanout.Time, after fanout.JobID, limit int) ([]fanout.Job, error) {
	var rows []jobRow
	err := s.retry(ctx, func() error {
		rows = nil
		return s.db.SelectContext(ctx, &rows, s.text(`
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
    AND (n.created_at > j.created_at OR n.created_at = j.created_at AND n.id > j.id))
ORDER BY id
LIMIT ?`), after, since, after, limit)
	})
	if err != nil {
		return nil, wrap(err, "list standing jobs")
	}
	return s.readable(rows), nil
}

// errNewer says that a job is not its channel's newest any more.
var errNewer = errors.New("the channel has a newer job")

// MendStatus puts live_notify_status right. See fanout.Housekeeping.
//
// The first UPDATE changes nothing: it locks the job as it was seen, so that
// no finish or command comes in between. A newer job writes the column in the
// transaction that makes it, so it is looked for behind the column's lock.
func (s *Store) MendStatus(ctx context.Context, seen fanout.Job, status int) (mended bool, err error) {
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		mended = false
		n, err := s.exec(ctx, tx, `
UPDATE pushd_job SET
  epoch = epoch
WHERE id = ?
  AND state = ?
  AND notified = ?`, seen.ID, seen.State, seen.Notified)
		if err != nil || n == 0 {
			return err
		}
		if err := s.setStatus(ctx, tx, seen.ActID, status); err != nil {
			return err
		}
		var newer int
		if err := tx.GetContext(ctx, &newer, `
SELECT COUNT(*)
FROM pushd_job
WHERE actid = ?
  AND (created_at > ? OR created_at = ? AND id > ?)`, seen.ActID, seen.CreatedAt, seen.CreatedAt, seen.ID); err != nil {
			return err
		}
		if newer > 0 {
			return errNewer
		}
		mended = true
		return nil
	})
	if errors.Is(err, errNewer) {
		return false, nil
	}
	return mended, wrap(err, "mend status of channel %d", seen.ActID)
}
