package store

import (
	"context"

	"pushd"
)

// Heartbeat notes that the host is alive, and returns when that was, by the
// database's clock.
func (s *Store) Heartbeat(ctx context.Context) (pushd.Time, error) {
	if _, err := s.Salt(ctx); err != nil { // there is a row then
		return 0, err
	}
	if _, err := s.execRetry(ctx, `UPDATE pushd_install SET host_seen_at = {now} WHERE id = 1`); err != nil {
		return 0, wrap(err, "note the host's heartbeat")
	}
	in, err := s.readInstall(ctx)
	return in.HostSeen, wrap(err, "note the host's heartbeat")
}
