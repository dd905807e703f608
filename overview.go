package pushd

// Overview is what the ledger says of the whole, over all processes, at one
// moment: for the metrics and the health.
type Overview struct {
	Now Time // the database's clock when it was read
	// HostSeen is when the host's last heartbeat came; 0 = there was none yet.
	HostSeen Time
}
