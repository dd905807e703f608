package store

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// Activity reads what the followers of an account were sent. See
// pushd.Activities.
//
// It reads in a transaction: the version is then that of the jobs it lists, and a
// proxy asks the primary.
func (s *Store) Activity(ctx context.Context, appID pushd.AppID, since pushd.Time) (a pushd.Activity, err error) {
	var rows []struct {
		ID    pushd.JobID `db:"id"`
		Until pushd.Time  `db:"until_at"`
	}
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		rows = nil
		if err := tx.GetContext(ctx, &a.Version, `SELECT COALESCE(MAX(version), 0) FROM pushd_account WHERE appid = ?`, appID); err != nil {
			return err
		}
		return tx.SelectContext(ctx, &rows, `
SELECT id, until_at
FROM (
  SELECT
    id, created_at,
    CASE WHEN active_actid IS NOT NULL OR lease_until <> 0 THEN 0
    WHEN last_sent_at > finished_at THEN last_sent_at
    ELSE finished_at END AS until_at
  FROM (
    SELECT id AS candidate FROM pushd_job WHERE active_actid IS NOT NULL AND appid = ?
    UNION
    SELECT id FROM pushd_job WHERE finished_at >= ? AND appid = ?
  ) c
  JOIN pushd_job j ON j.id = c.candidate
  WHERE active_actid IS NOT NULL OR lease_until <> 0 OR `+haveSent+`
) sends
WHERE until_at = 0 OR until_at >= ?
ORDER BY created_at DESC, id DESC
LIMIT ?`, appID, since.Add(-letGo), appID, since, pushd.ActivityMax)
	})
	for _, r := range rows {
		a.Jobs = append(a.Jobs, pushd.JobActivity{Job: r.ID, Until: r.Until})
	}
	return a, wrap(err, "read the activity of account %s", appID)
}

// letGo is how long after a job's end its last message may leave, and more.
const letGo = 10 * time.Minute

// haveSent is the condition under which a job that has ended may have started a
// send. Before each one the watermark of a page says so, and since when; a worker
// that stops in order before it takes that time back where nothing was sent, and the
// watermark stays. The sums are what is left of that when the pages are gone.
const haveSent = `(last_sent_at > 0
    OR sent + failed + unsure > 0
    OR EXISTS (SELECT 1 FROM pushd_progress p WHERE p.job_id = j.id AND p.mark > 0
      AND (p.doubt_at > 0 OR p.errors IS NOT NULL OR p.sent + p.failed + p.unsure > 0)))`

// CreateAfter is Create for who has decided by an activity. See pushd.Activities.
func (s *Store) CreateAfter(ctx context.Context, j pushd.Job, seen pushd.Activity) (pushd.Job, error) {
	return s.create(ctx, j, &seen)
}

// accepting gives the account its next version, in the transaction that accepts
// a job: whoever has decided by an earlier one decides again.
func (s *Store) accepting(ctx context.Context, tx *sqlx.Tx, appID pushd.AppID, seen *pushd.Activity) error {
	query, args := `UPDATE pushd_account SET version = version + 1 WHERE appid = ?`, []any{appID}
	if seen != nil {
		query, args = query+` AND version = ?`, append(args, seen.Version)
	}
	n, err := s.exec(ctx, tx, query, args...)
	switch {
	case err != nil || n > 0:
		return err
	case seen != nil && seen.Version > 0:
		return pushd.ErrOvertaken
	}
	_, err = s.exec(ctx, tx, `INSERT INTO pushd_account (appid, version) VALUES (?, 1)`, appID)
	err = s.casResult(1, err, pushd.ErrOvertaken)
	if errors.Is(err, pushd.ErrOvertaken) && seen == nil { // the account's first jobs, both at once
		_, err = s.exec(ctx, tx, query, args...)
	}
	return err
}
