package store

import (
	"context"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// Park ends the work on a running job until it is due. See pushd.Leases.
func (s *Store) Park(ctx context.Context, l pushd.Lease, p pushd.Parking) error {
	state := pushd.Parked
	if p.Pause {
		state = pushd.Paused
	}
	err := s.tx(ctx, func(tx *sqlx.Tx) error {
		n, err := s.exec(ctx, tx, `
UPDATE pushd_job SET
  state = ?,
  reason = ?,
  detail = ?,
  parked_until = CASE WHEN forced = 1 AND ? = 'quiet_hours' THEN 0 ELSE ? END,
  active_appid = NULL,
  `+waits+`,
  owner = '',
  boot = '',
  lease_until = 0,
  send_rate = 0
WHERE `+endable, state, p.Reason, pushd.ClipDetail(p.Detail), p.Reason, p.Until, l.Job, l.Epoch)
		if err := s.casResult(n, err, pushd.ErrLost); err != nil {
			return err
		}
		return s.events.Write(ctx, tx, pushd.ParkedEvent(l.Job, p))
	})
	return wrap(err, "park job %s", l.Job)
}

// waits notes since when no message of the job flows.
const waits = `waiting_since = CASE WHEN waiting_since = 0 THEN {now} ELSE waiting_since END`
