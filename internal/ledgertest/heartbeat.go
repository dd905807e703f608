package ledgertest

import (
	"context"

	"pushd"
)

// Heartbeat notes that the host is alive. See Ledger.
func (l *Memory) Heartbeat(context.Context) (pushd.Time, error) {
	now := l.begin()
	defer l.Unlock()
	l.Install.HostSeen = now
	return now, nil
}
