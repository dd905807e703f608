package store

import (
	"context"

	"pushd"
)

// Park ends the work on a running job until it is due. See pushd.Leases.
func (s *Store) Park(ctx context.Context, l pushd.Lease, p pushd.Parking) error {
	n, err := s.execRetry(ctx, `
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
WHERE `+endable, p.Reason, pushd.ClipDetail(p.Detail), p.Until, l.Job, l.Epoch)
	return wrap(s.casResult(n, err, pushd.ErrLost), "park job %s", l.Job)
}
