package ledgertest

import (
	"context"

	"pushd"
)

// Overview reads what the ledger says of the whole. See pushd.Housekeeping.
func (l *Memory) Overview(context.Context) (pushd.Overview, error) {
	now := l.begin()
	defer l.Unlock()
	return pushd.Overview{Now: now, HostSeen: l.Install.HostSeen}, nil
}
