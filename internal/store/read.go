package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// Jobs lists jobs, newest first. next is the cursor of the rest, "" if there
// is none; jobs that are made meanwhile do not disturb it.
func (s *Store) Jobs(ctx context.Context, f pushd.Filter) (jobs []pushd.Job, next string, err error) {
	query, args, err := listSQL(f)
	if err != nil {
		return nil, "", wrap(err, "list jobs")
	}
	var rows []jobRow
	err = s.retry(ctx, func() error {
		rows = nil
		return s.db.SelectContext(ctx, &rows, s.withClock(query), args...)
	})
	if err != nil {
		return nil, "", wrap(err, "list jobs")
	}
	if len(rows) > f.Limit {
		rows = rows[:f.Limit]
		next = pushd.ListCursor{CreatedAt: rows[f.Limit-1].CreatedAt, ID: rows[f.Limit-1].ID}.String()
	}
	jobs, err = s.withCounts(ctx, s.db, rows)
	return jobs, next, wrap(err, "list jobs")
}

// listSQL asks for one row more than the limit, to know whether there is one.
func listSQL(f pushd.Filter) (string, []any, error) {
	if f.Limit < 1 {
		return "", nil, fmt.Errorf("limit %d is below 1", f.Limit)
	}
	where, args := []string{"1 = 1"}, []any{}
	add := func(cond string, arg ...any) { where, args = append(where, cond), append(args, arg...) }
	if len(f.States) > 0 {
		add(`state IN (?)`, f.States)
	}
	if f.ActID != 0 {
		add(`actid = ?`, f.ActID)
	}
	if f.AppID != "" {
		add(`appid = ?`, f.AppID)
	}
	if f.Since != 0 {
		add(`created_at >= ?`, f.Since)
	}
	if f.Cursor != "" {
		last, err := pushd.ParseListCursor(f.Cursor)
		if err != nil {
			return "", nil, err
		}
		add(`(created_at < ? OR created_at = ? AND id < ?)`, last.CreatedAt, last.CreatedAt, last.ID)
	}
	args = append(args, f.Limit+1)
	return sqlx.In(`
SELECT `+jobColumns+`
FROM pushd_job j
WHERE `+strings.Join(where, "\n  AND ")+`
ORDER BY created_at DESC, id DESC
LIMIT ?`, args...)
}

// QueuePosition is how many jobs of the same account will be taken up before
// a queued job, plus one; 0 if it is not queued.
func (s *Store) QueuePosition(ctx context.Context, id pushd.JobID) (n int, err error) {
	err = s.retry(ctx, func() error {
		return s.db.GetContext(ctx, &n, `
SELECT COUNT(*)
FROM pushd_job j
JOIN pushd_job q ON q.appid = j.appid
WHERE j.id = ?
  AND j.state = 'queued'
  AND q.state = 'queued'
  AND (q.deadline < j.deadline
    OR q.deadline = j.deadline AND (q.created_at < j.created_at
      OR q.created_at = j.created_at AND q.id <= j.id))`, id)
	})
	return n, wrap(err, "read queue position of job %s", id)
}
