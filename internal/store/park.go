package store

import (
	"context"

	"pushd/internal/fanout"
)

// ours is the condition under which a worker may park or unpark its job. A
// parked job that is owned under this epoch is one that it holds itself, so
// that each of these calls may be made again when its answer was lost.
const ours = `
      id = ?
  AND epoch = ?
  AND owner <> ''
  AND state IN ('running', 'parked')`

// Park ends the work on a running job, or on a held one, until it is due. See
// fanout.Leases.
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
WHERE `+ours, p.Reason, clip(p.Detail), p.Until, l.Job, l.Epoch)
	return wrap(s.won(n, err, fanout.ErrLost), "park job %s", l.Job)
}

// Hold parks a running job whose worker stays. See fanout.Leases.
func (s *Store) Hold(ctx context.Context, l fanout.Lease, p fanout.Parking) error {
	n, err := s.one(ctx, `
UPDATE pushd_job SET
  state = 'parked',
  reason = ?,
  detail = ?,
  parked_until = ?,
  active_appid = NULL,
  send_rate = 0
WHERE `+ours, p.Reason, clip(p.Detail), p.Until, l.Job, l.Epoch)
	return wrap(s.won(n, err, fanout.ErrLost), "hold job %s", l.Job)
}

// Unhold makes a held job running again. See fanout.Leases.
func (s *Store) Unhold(ctx context.Context, l fanout.Lease) error {
	n, err := s.one(ctx, `
UPDATE pushd_job SET
  state = 'running',
  reason = '',
  detail = '',
  parked_until = 0,
  active_appid = appid
WHERE `+ours, l.Job, l.Epoch)
	return wrap(s.won(n, err, fanout.ErrAccountBusy), "unhold job %s", l.Job)
}
