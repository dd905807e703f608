package store

import (
	"context"
	"encoding/json"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// countsRow are the columns that pushd_job and pushd_progress share.
type countsRow struct {
	Sent    int64  `db:"sent"`
	Skipped int64  `db:"skipped"`
	Failed  int64  `db:"failed"`
	Unknown int64  `db:"unsure"` // UNKNOWN is a word of SQL
	Retries int64  `db:"retries"`
	InDoubt int64  `db:"in_doubt"`
	Errors  []byte `db:"errors"`
}

// counts are the sums of the row. Errors are for display alone: where they can't
// be decoded they are left out, and the sums stand.
func (r *countsRow) counts() pushd.Counts {
	c := pushd.Counts{
		Sent: r.Sent, Skipped: r.Skipped, Failed: r.Failed, Unknown: r.Unknown,
		Retries: r.Retries, InDoubt: r.InDoubt,
	}
	if len(r.Errors) > 0 && json.Unmarshal(r.Errors, &c.Errors) != nil {
		c.Errors = nil
	}
	return c
}

// countsColumns and countsSet are in the order of countsArgs.
const (
	countsColumns = `sent, skipped, failed, unsure, retries, in_doubt, errors`
	countsSet     = `sent = ?, skipped = ?, failed = ?, unsure = ?, retries = ?, in_doubt = ?, errors = ?`
)

func countsArgs(c pushd.Counts) []any {
	return []any{c.Sent, c.Skipped, c.Failed, c.Unknown, c.Retries, c.InDoubt, nullText(c.MarshalErrors())}
}

// nullText is b as text, or NULL if it is empty.
func nullText(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return string(b)
}

// total is a job summed up.
type total struct {
	pushd.Counts
	People int64 // on its stored pages
}

// sum adds up the progress of some jobs.
func (s *Store) sum(ctx context.Context, on sqlx.QueryerContext, ids []pushd.JobID) (map[pushd.JobID]total, error) {
	sums := make(map[pushd.JobID]total, len(ids))
	if len(ids) == 0 {
		return sums, nil
	}
	query, args, err := sqlx.In(`
SELECT job_id, people, `+countsColumns+`
FROM pushd_progress
WHERE job_id IN (?)`, ids)
	if err != nil {
		return nil, err
	}
	rows, err := on.QueryxContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r struct {
			JobID  pushd.JobID `db:"job_id"`
			People int64       `db:"people"`
			countsRow
		}
		if err := rows.StructScan(&r); err != nil {
			return nil, err
		}
		t := sums[r.JobID]
		t.People += r.People
		t.Add(r.counts())
		sums[r.JobID] = t
	}
	return sums, rows.Err()
}

// storeTotals stores the sums with the job, where they outlive its pages, and
// returns them. Of a job that has ended and has no worker they are the last word: a
// record that is still under way in the server can't land behind them.
func (s *Store) storeTotals(ctx context.Context, tx *sqlx.Tx, id pushd.JobID) (total, error) {
	_, err := s.exec(ctx, tx, `
UPDATE pushd_progress SET
  epoch = 0
WHERE job_id = ?
  AND EXISTS (SELECT 1 FROM pushd_job WHERE id = ? AND finished_at > 0 AND owner = '')`, id, id)
	if err != nil {
		return total{}, err
	}
	sums, err := s.sum(ctx, tx, []pushd.JobID{id})
	if err != nil {
		return total{}, err
	}
	t := sums[id]
	_, err = s.exec(ctx, tx, `UPDATE pushd_job SET `+countsSet+` WHERE id = ?`, append(countsArgs(t.Counts), id)...)
	return t, err
}
