package store

import (
	"context"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// purgeJobs and purgePages bound one call of Purge and one of its statements:
// twenty pages are about 5 MB of openids. removeJobs bounds one of RemoveJobs.
const (
	purgeJobs  = 5
	purgePages = 20
	removeJobs = 200
)

// Purge removes the pages of jobs that ended before t. See
// pushd.Housekeeping.
//
// The sums are stored and the job is marked first, so that it shows the same
// figures all the time; a purge cut short is taken up again through the
// column kept.
func (s *Store) Purge(ctx context.Context, t pushd.Time) (more bool, err error) {
	old, more, err := s.endedBefore(ctx, t, true, purgeJobs)
	if err != nil {
		return false, wrap(err, "list jobs to purge")
	}
	for _, id := range old {
		if err := s.purge(ctx, id); err != nil {
			return false, wrap(err, "purge job %s", id)
		}
	}
	events, err := s.events.Remove(ctx, t)
	return more || events, wrap(err, "remove events")
}

// endedBefore lists up to most jobs that ended before t, the oldest first: those
// whose pages are kept, or those whose pages are gone. more says that there are
// others.
func (s *Store) endedBefore(ctx context.Context, t pushd.Time, kept bool, most int) (old []pushd.JobID, more bool, err error) {
	err = s.retry(ctx, func() error {
		old = nil
		return s.db.SelectContext(ctx, &old, `
SELECT id
FROM pushd_job
WHERE kept = ?
  AND finished_at > 0
  AND finished_at < ?
ORDER BY finished_at, id
LIMIT ?`, kept, t, most+1)
	})
	if more = len(old) > most; more {
		old = old[:most]
	}
	return old, more, err
}

func (s *Store) purge(ctx context.Context, id pushd.JobID) error {
	marked, err := s.markPurged(ctx, id)
	if err != nil || !marked {
		return err
	}
	var last int
	err = s.db.GetContext(ctx, &last, `
SELECT COALESCE(MAX(page_no), 0)
FROM pushd_progress
WHERE job_id = ?`, id)
	if err != nil {
		return err
	}
	// The progress goes last, so that a purge cut short still knows how far it
	// has to go.
	for upTo := purgePages; upTo < last+purgePages; upTo += purgePages {
		for _, table := range []string{"pushd_receipt_page", "pushd_page", "pushd_progress"} {
			if _, err := s.execRetry(ctx, `DELETE FROM `+table+` WHERE job_id = ? AND page_no <= ?`, id, upTo); err != nil {
				return err
			}
		}
	}
	_, err = s.execRetry(ctx, `UPDATE pushd_job SET kept = 0 WHERE id = ?`, id)
	return err
}

// markPurged stores the sums for good. It is not done if the job was taken up
// again meanwhile.
func (s *Store) markPurged(ctx context.Context, id pushd.JobID) (marked bool, err error) {
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		n, err := s.exec(ctx, tx, `
UPDATE pushd_job SET
  purged_at = {now}
WHERE id = ?
  AND active_actid IS NULL
  AND purged_at = 0`, id)
		if err != nil {
			return err
		}
		if n == 1 {
			marked = true
			_, err = s.storeTotals(ctx, tx, id)
			return err
		}
		return tx.GetContext(ctx, &marked, `SELECT COUNT(*) FROM pushd_job WHERE id = ? AND purged_at <> 0`, id)
	})
	return marked, err
}

// RemoveJobs removes jobs whose pages are gone. See pushd.Housekeeping. What
// belongs to them goes first, so that a removal cut short is taken up again through
// the job. Pages of receipts are there still if one came while its page went.
func (s *Store) RemoveJobs(ctx context.Context, t pushd.Time) (more bool, err error) {
	old, more, err := s.endedBefore(ctx, t, false, removeJobs)
	if err != nil {
		return false, wrap(err, "list jobs to remove")
	}
	if len(old) == 0 {
		return false, nil
	}
	for _, remove := range []string{
		`DELETE FROM pushd_message WHERE job_id IN (?)`,
		`DELETE FROM pushd_receipt_page WHERE job_id IN (?)`,
		`DELETE FROM pushd_receipt WHERE job_id IN (?)`,
		`DELETE FROM pushd_job WHERE id IN (?) AND kept = 0 AND active_actid IS NULL`,
	} {
		query, args, err := sqlx.In(remove, old)
		if err == nil {
			_, err = s.execRetry(ctx, query, args...)
		}
		if err != nil {
			return false, wrap(err, "remove jobs")
		}
	}
	return more, nil
}
