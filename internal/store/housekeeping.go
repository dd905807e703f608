package store

import (
	"context"

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
	jobs := make([]fanout.Job, len(rows))
	for i := range rows {
		if jobs[i], err = rows[i].job(); err != nil {
			return nil, wrap(err, "list standing jobs")
		}
	}
	return jobs, nil
}
