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
// those of the row: summing up thousands of jobs every few seconds would cost more
// than the rest.
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

// standingColumns is what is read of a job for its column. It leaves out the JSON
// and what is known only by other tables: a round reads some 20,000 of them.
const standingColumns = `
  id, actid, start_time, run, state, notified, owner, boot, created_at, finished_at,
  walk_walked, sent, skipped, failed, unsure`

// standingRow is a row of pushd_job as far as standingColumns go.
type standingRow struct {
	ID         pushd.JobID `db:"id"`
	ActID      pushd.ActID `db:"actid"`
	StartTime  int64       `db:"start_time"`
	Run        int         `db:"run"`
	State      pushd.State `db:"state"`
	Notified   bool        `db:"notified"`
	Owner      string      `db:"owner"`
	Boot       string      `db:"boot"`
	CreatedAt  pushd.Time  `db:"created_at"`
	FinishedAt pushd.Time  `db:"finished_at"`
	Walked     int64       `db:"walk_walked"`
	Sent       int64       `db:"sent"`
	Skipped    int64       `db:"skipped"`
	Failed     int64       `db:"failed"`
	Unknown    int64       `db:"unsure"`
}

func (s *Store) standing(ctx context.Context, where string, args ...any) ([]pushd.Job, error) {
	var rows []standingRow
	err := s.retry(ctx, func() error {
		rows = nil
		return s.db.SelectContext(ctx, &rows, `SELECT `+standingColumns+` FROM pushd_job j `+where, args...)
	})
	if err != nil {
		return nil, err
	}
	jobs := make([]pushd.Job, len(rows))
	for i, r := range rows {
		jobs[i] = pushd.Job{
			ID: r.ID, ActID: r.ActID, StartTime: r.StartTime, Run: r.Run, State: r.State, Notified: r.Notified,
			Owner: pushd.Owner{Instance: r.Owner, Boot: r.Boot}, CreatedAt: r.CreatedAt, FinishedAt: r.FinishedAt,
			Walk:   pushd.Walk{Walked: r.Walked},
			Counts: pushd.Counts{Sent: r.Sent, Skipped: r.Skipped, Failed: r.Failed, Unknown: r.Unknown},
		}
	}
	return jobs, nil
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
