package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// claimable is the condition under which a job may be taken. Its lease must be
// free, which is 0 and nothing else: whether a lease has lapsed is not read off
// a clock, which another node of the database may have set, but observed; see
// pushd.Leases. A running job with a free lease has lost its worker.
const claimable = `
  lease_until = 0
  AND (state IN ('queued', 'running')
    OR state = 'parked' AND parked_until <= {now})`

// free is claimable, and that no hold forbids it.
const free = claimable + `
  AND NOT ` + onHold

// Due lists jobs that can be claimed. See pushd.Leases.
func (s *Store) Due(ctx context.Context, limit int) (due []pushd.JobID, err error) {
	err = s.retry(ctx, func() error {
		due = nil
		return s.db.SelectContext(ctx, &due, s.withClock(`
SELECT id
FROM pushd_job j
WHERE active_actid IS NOT NULL
  AND `+free+`
  AND NOT EXISTS (
    SELECT 1 FROM pushd_job r WHERE r.active_appid = j.appid AND r.id <> j.id)
ORDER BY deadline, created_at, id
LIMIT ?`), limit)
	})
	return due, wrap(err, "list due jobs")
}

// Claim takes a job. See pushd.Leases.
//
// The one UPDATE decides: of many claimers one matches, for it moves the
// lease; and of two jobs of an account one breaks the unique key of
// active_appid, which is set as long as a lease on the account is held: also
// after a pause, until the worker has let go.
func (s *Store) Claim(ctx context.Context, owner pushd.Owner, id pushd.JobID, term time.Duration) (job pushd.Job, err error) {
	was, err := s.waitsFor(ctx, id)
	if err != nil {
		return job, wrap(err, "claim job %s", id)
	}
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		n, err := s.exec(ctx, tx, `
UPDATE pushd_job SET
  epoch = epoch + 1,
  owner = ?,
  boot = ?,
  lease_until = {now} + ?,
  lease_term = ?,
  send_rate = 0,
  active_appid = appid,
  started_at = CASE WHEN started_at = 0 THEN {now} ELSE started_at END,
  parked_until = 0,
  reason = '',
  detail = '',
  state = 'running'
WHERE id = ?
  AND `+free, owner.Instance, owner.Boot, micros(term), micros(term), id)
		if err := s.casResult(n, err, pushd.ErrAccountBusy); err != nil {
			return err
		}
		if err := s.adopt(ctx, tx, id); err != nil {
			return err
		}
		if job, err = s.readJob(ctx, tx, `id = ?`, id); err != nil {
			return err
		}
		job.Reason, job.ParkedUntil = was.Reason, was.Until
		return s.events.Write(ctx, tx, pushd.ClaimedEvent(job))
	})
	return job, wrap(err, "claim job %s", id)
}

// waiting says what a job waits for, and until when.
type waiting struct {
	Reason pushd.Reason `db:"reason"`
	Until  pushd.Time   `db:"parked_until"`
}

// waitsFor reads what a job waits for. It comes before the claim and outside
// its transaction, whose snapshot must not be older than its first UPDATE.
func (s *Store) waitsFor(ctx context.Context, id pushd.JobID) (w waiting, err error) {
	err = s.retry(ctx, func() error {
		return s.db.GetContext(ctx, &w, `SELECT reason, parked_until FROM pushd_job WHERE id = ?`, id)
	})
	if errors.Is(err, sql.ErrNoRows) {
		err = pushd.ErrLost
	}
	return w, err
}

// adopt gives the job's progress to its current epoch: no write of an earlier
// one can land any more.
func (s *Store) adopt(ctx context.Context, tx *sqlx.Tx, id pushd.JobID) error {
	_, err := s.exec(ctx, tx, `
UPDATE pushd_progress SET
  epoch = (SELECT epoch FROM pushd_job WHERE id = ?),
  rev = 0
WHERE job_id = ?`, id, id)
	return err
}

// casResult judges a compare-and-swap: no row is ErrLost, a broken unique key is
// taken.
func (s *Store) casResult(n int64, err error, taken error) error {
	switch {
	case err != nil && s.d.Duplicate(err):
		return taken
	case err != nil:
		return err
	case n == 0:
		return pushd.ErrLost
	}
	return nil
}

// micros is how durations are stored.
func micros(d time.Duration) int64 { return d.Microseconds() }
