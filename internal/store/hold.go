package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// onHold is the condition under which nothing is sent for a row of pushd_job.
const onHold = `EXISTS (
    SELECT 1 FROM pushd_hold h WHERE h.scope IN ('', appid))`

// waitsOnHold is the condition under which a job waits for nothing but that a
// hold is lifted. Of a job that has lost its worker the state still says running.
const waitsOnHold = `(state = 'queued' OR ` + claimable + `)
    AND ` + onHold

// holdRow is a row of pushd_hold.
type holdRow struct {
	AppID   pushd.AppID `db:"scope"`
	Reason  string      `db:"reason"`
	By      pushd.Actor `db:"set_by"`
	Code    int         `db:"errcode"`
	Since   pushd.Time  `db:"set_at"`
	Stopped int         `db:"stopped"`
}

const holdColumns = `scope, reason, set_by, errcode, set_at, stopped`

// SetHold sets a hold. See pushd.Holds.
//
// The row goes in first. A claim reads this table under a lock, so that it is
// either over by the time the jobs at work are counted, or refused. They are
// counted without a lock, so that no transaction waits for both tables.
func (s *Store) SetHold(ctx context.Context, h pushd.Hold) (in pushd.Hold, existed bool, err error) {
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		if existed, err = s.insertHold(ctx, tx, h); err != nil {
			return err
		}
		if !existed {
			if err := s.countStopped(ctx, tx, h.AppID); err != nil {
				return err
			}
		}
		if in, err = s.readHold(ctx, tx, h.AppID); err != nil || existed {
			return err
		}
		return s.events.Write(ctx, tx, pushd.HeldEvent(in))
	})
	if !existed {
		s.events.Say(ctx, err, pushd.HeldEvent(in))
	}
	return in, existed, wrap(err, "set a hold")
}

// insertHold sets a hold unless there is one.
func (s *Store) insertHold(ctx context.Context, tx *sqlx.Tx, h pushd.Hold) (existed bool, err error) {
	_, err = s.exec(ctx, tx, `
INSERT INTO pushd_hold (scope, reason, detail, set_by, errcode, set_at, stopped)
VALUES (?, ?, ?, ?, ?, {now}, 0)`, h.AppID, pushd.ClipDetail(h.Reason), pushd.ClipDetail(h.Detail()), h.By, h.Code)
	if err != nil && s.d.Duplicate(err) {
		return true, nil
	}
	return false, err
}

// countStopped writes down how many jobs are at work under a new hold.
func (s *Store) countStopped(ctx context.Context, tx *sqlx.Tx, scope pushd.AppID) error {
	var n int
	if err := tx.GetContext(ctx, &n, `
SELECT COUNT(*)
FROM pushd_job
WHERE owner > ''
  AND lease_until <> 0
  AND state = 'running'
  AND ? IN ('', appid)`, scope); err != nil {
		return err
	}
	_, err := s.exec(ctx, tx, `UPDATE pushd_hold SET stopped = ? WHERE scope = ?`, n, scope)
	return err
}

func (s *Store) readHold(ctx context.Context, on sqlx.QueryerContext, scope pushd.AppID) (pushd.Hold, error) {
	var r holdRow
	err := sqlx.GetContext(ctx, on, &r, `SELECT `+holdColumns+` FROM pushd_hold WHERE scope = ?`, scope)
	if errors.Is(err, sql.ErrNoRows) {
		err = pushd.ErrNotFound
	}
	return pushd.Hold(r), err
}

// LiftHold removes a hold. See pushd.Holds.
func (s *Store) LiftHold(ctx context.Context, appID pushd.AppID) (h pushd.Hold, err error) {
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		if h, err = s.readHold(ctx, tx, appID); err != nil {
			return err
		}
		n, err := s.exec(ctx, tx, `DELETE FROM pushd_hold WHERE scope = ?`, appID)
		if err := s.casResult(n, err, pushd.ErrExists); err != nil {
			return err
		}
		return s.events.Write(ctx, tx, pushd.LiftedEvent(h))
	})
	s.events.Say(ctx, err, pushd.LiftedEvent(h))
	if errors.Is(err, pushd.ErrLost) { // another was faster
		err = pushd.ErrNotFound
	}
	return h, wrap(err, "lift a hold")
}

// Holds lists the holds. See pushd.Holds.
func (s *Store) Holds(ctx context.Context) (holds []pushd.Hold, err error) {
	var rows []holdRow
	err = s.retry(ctx, func() error {
		rows = nil
		return s.db.SelectContext(ctx, &rows, `SELECT `+holdColumns+` FROM pushd_hold ORDER BY scope`)
	})
	for _, r := range rows {
		holds = append(holds, pushd.Hold(r))
	}
	return holds, wrap(err, "list the holds")
}

// Standstill says how far jobs have come to rest. See pushd.Holds.
func (s *Store) Standstill(ctx context.Context, appID pushd.AppID, since pushd.Time) (pushd.Standstill, error) {
	var r struct {
		Stopping int        `db:"stopping"`
		Waiting  int        `db:"waiting"`
		LastSent pushd.Time `db:"last_sent"`
	}
	err := s.retry(ctx, func() error {
		return s.db.GetContext(ctx, &r, `
SELECT
  COALESCE(SUM(CASE WHEN lease_until <> 0 THEN 1 ELSE 0 END), 0) AS stopping,
  COALESCE(SUM(CASE WHEN lease_until = 0 AND active_actid IS NOT NULL THEN 1 ELSE 0 END), 0) AS waiting,
  COALESCE(MAX(last_sent_at), 0) AS last_sent
FROM (
  SELECT id AS candidate FROM pushd_job WHERE active_actid IS NOT NULL AND ? IN ('', appid)
  UNION
  SELECT id FROM pushd_job WHERE finished_at > 0 AND finished_at >= ? AND ? IN ('', appid)
) c
JOIN pushd_job j ON j.id = c.candidate`, appID, since, appID)
	})
	return pushd.Standstill(r), wrap(err, "see whether the jobs stand still")
}
