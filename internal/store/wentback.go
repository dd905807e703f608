package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// installRow is the one row of pushd_install.
type installRow struct {
	Salt     string     `db:"salt"`
	Counter  int64      `db:"counter"`
	RaisedAt pushd.Time `db:"raised_at"`
	LostFrom pushd.Time `db:"lost_from"`
	LostTo   pushd.Time `db:"lost_to"`
	HostSeen pushd.Time `db:"host_seen_at"`
	Now      pushd.Time `db:"db_now"`
}

func (r *installRow) installation() pushd.Installation {
	return pushd.Installation{
		Counter: pushd.Counter{Installation: fingerprint(r.Salt), Value: r.Counter, At: r.RaisedAt},
		Lost:    pushd.Gap{From: r.LostFrom, To: r.LostTo},
		Now:     r.Now, HostSeen: r.HostSeen,
	}
}

// fingerprint names an installation without telling its salt.
func fingerprint(salt string) string {
	sum := sha256.Sum256([]byte("pushd installation\n" + salt))
	return hex.EncodeToString(sum[:8])
}

// Raise raises the installation's counter. See pushd.Counting.
//
// It is two statements and no transaction: a process that is frozen between
// them must not hold the row that all the others raise.
func (s *Store) Raise(ctx context.Context, least int64) (pushd.Counter, error) {
	n, err := s.execRetry(ctx, `
UPDATE pushd_install SET
  counter = counter + 1,
  raised_at = {now}
WHERE id = 1
  AND counter >= ?`, least)
	if err := s.casResult(n, err, pushd.ErrLost); err != nil {
		return pushd.Counter{}, wrap(err, "raise the installation's counter")
	}
	r, err := s.readInstall(ctx)
	if err != nil {
		return pushd.Counter{}, wrap(err, "raise the installation's counter")
	}
	c := r.installation().Counter
	c.Value = max(c.Value, least+1) // a replica that lags behind may have been asked
	return c, nil
}

// Installation reads the installation's row. See pushd.Counting.
func (s *Store) Installation(ctx context.Context) (pushd.Installation, error) {
	r, err := s.readInstall(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		if _, err = s.drawSalt(ctx); err == nil {
			r, err = s.readInstall(ctx)
		}
	}
	if err != nil {
		return pushd.Installation{}, wrap(err, "read the installation's row")
	}
	return r.installation(), nil
}

// readInstall reads the row. The salt that Salt keeps is the one that was read
// last: the database may be another copy now.
func (s *Store) readInstall(ctx context.Context) (r installRow, err error) {
	err = s.retry(ctx, func() error {
		return s.db.GetContext(ctx, &r, s.withClock(`
SELECT salt, counter, raised_at, lost_from, lost_to, host_seen_at, {now} AS db_now
FROM pushd_install
WHERE id = 1`))
	})
	if err == nil {
		s.salt.Store(&r.Salt)
	}
	return r, err
}

// StepBack writes down that the ledger went back. See pushd.Counting.
//
// The UPDATE of the counter decides, and locks the others out: of several
// processes that notice at once one matches, and for those that come later the
// counter is above everything that they know.
func (s *Store) StepBack(ctx context.Context, b pushd.StepBack) (held int, err error) {
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		held = 0
		n, err := s.exec(ctx, tx, `
UPDATE pushd_install SET
  counter = ?,
  raised_at = {now},
  lost_from = ?,
  lost_to = ?
WHERE id = 1
  AND counter = ?`, b.Value, b.Lost.From, b.Lost.To, b.Found)
		if err := s.casResult(n, err, pushd.ErrLost); err != nil || !b.Hold {
			return err
		}
		if held, err = s.holdAll(ctx, tx, b.Detail); err != nil {
			return err
		}
		return s.events.Write(ctx, tx, pushd.WentBackEvent(b, held))
	})
	return held, wrap(err, "hold the jobs of a ledger that went back")
}

// epochLeap is by how much a job's epoch rises when it is held: a ledger that
// went back would give the epochs again that workers of the lost time have.
const epochLeap = 1000

const heldBack = `state = 'paused' AND reason = 'ledger_went_back'`

// holdAll holds the jobs that have not ended. Their epoch rises, and the
// progress goes with it: nothing that a worker still has under way can land.
func (s *Store) holdAll(ctx context.Context, tx *sqlx.Tx, detail string) (int, error) {
	n, err := s.exec(ctx, tx, `
UPDATE pushd_job SET
  epoch = epoch + ?,
  owner = '',
  boot = '',
  lease_until = 0,
  send_rate = 0,
  active_appid = NULL,
  `+waits+`,
  parked_until = 0,
  detail = ?,
  reason = 'ledger_went_back',
  state = 'paused'
WHERE active_actid IS NOT NULL
  AND NOT (`+heldBack+`)`, epochLeap, pushd.ClipDetail(detail))
	if err != nil || n == 0 {
		return 0, err
	}
	var ids []pushd.JobID
	if err := tx.SelectContext(ctx, &ids, `SELECT id FROM pushd_job WHERE `+heldBack); err != nil {
		return 0, err
	}
	for _, id := range ids {
		if err := s.adopt(ctx, tx, id); err != nil {
			return 0, err
		}
	}
	return int(n), nil
}

// CountHeld counts the jobs that are held. See pushd.Counting.
func (s *Store) CountHeld(ctx context.Context) (n int, err error) {
	err = s.retry(ctx, func() error {
		return s.db.GetContext(ctx, &n, `SELECT COUNT(*) FROM pushd_job WHERE `+heldBack)
	})
	return n, wrap(err, "count the jobs that are held")
}
