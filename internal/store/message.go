package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// number gives a job's message its version, and stores the version with the job:
// that of the last message if this is the same, else the next, which is fresh. The
// caller has written the job's row in tx, which keeps others out.
func (s *Store) number(ctx context.Context, tx *sqlx.Tx, id pushd.JobID, message []byte) (version int, fresh bool, err error) {
	var last struct {
		Version int    `db:"version"`
		Message string `db:"message"`
	}
	err = tx.GetContext(ctx, &last, `
SELECT version, message
FROM pushd_message
WHERE job_id = ?
ORDER BY version DESC
LIMIT 1`, id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, false, err
	}
	version, fresh = last.Version, err != nil || last.Message != string(message)
	if fresh {
		version++
		if _, err := s.exec(ctx, tx, `
INSERT INTO pushd_message (job_id, version, message, created_at)
VALUES (?, ?, ?, {now})`, id, version, string(message)); err != nil {
			return 0, false, err
		}
	}
	_, err = s.exec(ctx, tx, `UPDATE pushd_job SET message_version = ? WHERE id = ?`, version, id)
	return version, fresh, err
}

// Messages lists the versions of a job's message, the first first.
func (s *Store) Messages(ctx context.Context, id pushd.JobID) ([]pushd.MessageVersion, error) {
	var rows []struct {
		Version   int        `db:"version"`
		Message   []byte     `db:"message"`
		CreatedAt pushd.Time `db:"created_at"`
	}
	err := s.retry(ctx, func() error {
		rows = nil
		return s.db.SelectContext(ctx, &rows, `
SELECT version, message, created_at
FROM pushd_message
WHERE job_id = ?
ORDER BY version`, id)
	})
	if err != nil {
		return nil, wrap(err, "list messages of job %s", id)
	}
	versions := make([]pushd.MessageVersion, len(rows))
	for i, r := range rows {
		versions[i] = pushd.MessageVersion{Version: r.Version, At: r.CreatedAt}
		if err := json.Unmarshal(r.Message, &versions[i].Message); err != nil {
			return nil, wrap(fmt.Errorf("version %d: %w", r.Version, err), "list messages of job %s", id)
		}
	}
	return versions, nil
}
