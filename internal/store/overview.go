package store

import (
	"context"

	"pushd"
)

// Overview reads what the ledger says of the whole. See pushd.Housekeeping.
func (s *Store) Overview(ctx context.Context) (pushd.Overview, error) {
	in, err := s.Installation(ctx)
	if err != nil {
		return pushd.Overview{}, err
	}
	return pushd.Overview{Now: in.Now, HostSeen: in.HostSeen}, nil
}
