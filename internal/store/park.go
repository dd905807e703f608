package store

import (
	"context"

	"pushd/internal/fanout"
)

// Park ends the work on a running job until it is due. See fanout.Leases.
func (s *Store) Park(ctx context.Context, l fanout.Lease, p fanout.Parking) error {
	n, err := s.one(ctx, `
UPDATE pushd_job SET
  state = 'parked',
  reason = ?,
  detail = ?,
  parked_until = ?,
  active_appid = NULL,
  owner = '',
  boot = '',
  lease_until = 0,
  send_rate = 0
WHERE `+running, p.Reason, clip(p.Detail), p.Until, l.Job, l.Epoch)
	return wrap(s.won(n, err, fanout.ErrLost), "park job %s", l.Job)
}
