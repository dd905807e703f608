package pushd

import "time"

// Overview is what the ledger says of the whole, over all processes, at one
// moment: for the metrics and the health. Of more than OverviewMax jobs those
// beyond it are not counted.
type Overview struct {
	Now Time // the database's clock when it was read
	// HostSeen is when the host's last heartbeat came; 0 = there was none yet.
	HostSeen Time
	// NewestJob is when the last job was accepted; 0 = there is none.
	NewestJob Time
	Queued    Group
	Running   Group
	Parked    Group
	Paused    Group // by a person
	Held      Group // paused until a person has decided about a ledger that went back
	Tried     Group // paused until a person has seen what came of the first recipients
	// TriedDeadline is the earliest deadline of those; 0 where there are none.
	TriedDeadline Time
	// Holds is how many holds are in force, of everything or of an account.
	Holds int
	// Late counts the jobs that wait and can't be through by their deadline: it
	// is before the end of the wait, or less than LateWithin away.
	Late int
	// Short counts the jobs whose account has less quota left than they have
	// recipients, and Shortfall those recipients.
	Short     int
	Shortfall int64
	// Ended counts the jobs that ended in the last EndedWithin.
	Ended map[State]int
}

// What an Overview goes by.
const (
	OverviewMax = 10_000
	LateWithin  = 10 * time.Minute
	EndedWithin = 15 * time.Minute
)

// Group is the active jobs of one kind.
type Group struct {
	Jobs int
	// Since is how long no message of the one that has waited longest has flown;
	// 0 where none waits.
	Since Time
}

// Add adds jobs, the one that has waited longest since then.
func (g *Group) Add(jobs int, since Time) {
	if g.Jobs == 0 || since < g.Since {
		g.Since = since
	}
	g.Jobs += jobs
}

// Due notes the deadline of jobs in this state for this reason.
func (o *Overview) Due(s State, why Reason, deadline Time) {
	if o.Group(s, why) == &o.Tried && (o.TriedDeadline == 0 || deadline < o.TriedDeadline) {
		o.TriedDeadline = deadline
	}
}

// Group returns the group to which jobs in this state for this reason belong;
// nil where they have ended.
func (o *Overview) Group(s State, why Reason) *Group {
	switch {
	case s == Queued:
		return &o.Queued
	case s == Running:
		return &o.Running
	case s == Parked && why == InQuietHours: // as the owner wants it
		return &o.Paused
	case s == Parked:
		return &o.Parked
	case s == Paused && why == LedgerWentBack:
		return &o.Held
	case s == Paused && why == FirstReached:
		return &o.Tried
	case s == Paused:
		return &o.Paused
	}
	return nil
}
