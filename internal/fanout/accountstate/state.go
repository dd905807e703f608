// Package accountstate keeps what the jobs of one account share in this process, one
// after the other: how fast it may be sent to, whether WeChat answers it, and what
// else was learned that the next claim need not learn again. None of it is in the
// ledger.
package accountstate

import (
	"sync"
	"sync/atomic"
	"time"

	"pushd"
	"pushd/internal/fanout/deferral"
	"pushd/internal/fanout/earlier"
	"pushd/internal/fanout/outage"
	"pushd/internal/pace"
)

// State is that of one account. It is safe for concurrent use.
type State struct {
	Pacer  *pace.Pacer
	Outage outage.Account

	disturbed  atomic.Pointer[time.Time]   // see Disturb
	job        atomic.Pointer[pushd.JobID] // that was claimed last; see Claimed
	mismatches atomic.Int64                // parks for account_mismatch since a delivery

	mu      sync.Mutex
	earlier earlier.Lists // of the job that asked last

	used time.Time // of the table
}

// quietFor is how long nothing but the job itself may have sent for the
// account, so that a second CodeDuplicate speaks of the job's own message:
// twice the time over which WeChat compares. Nothing says which message it
// compares with: this one, or any of the account's.
const quietFor = 2 * deferral.ShortWait

// Disturb notes that a message which was not the job's may have just reached
// recipients of the account: a test message, or whatever it was that made WeChat
// refuse a recipient as a duplicate who was not sent to before. The process's own
// clock counts: the database's may be set ahead in between.
func (s *State) Disturb() {
	now := time.Now()
	s.disturbed.Store(&now)
}

// Claimed notes which job sends from now on. Another one of the account may have sent
// until now, here or in another process.
func (s *State) Claimed(id pushd.JobID) {
	if before := s.job.Swap(&id); before == nil || *before != id {
		s.Disturb()
	}
}

// Quiet says that nothing is known to have been sent for the account since
// quietFor but by the job that has it. Since it was claimed other jobs can't have: an
// account has one running job, in all processes together.
func (s *State) Quiet() bool {
	at := s.disturbed.Load()
	return at == nil || time.Since(*at) > quietFor
}

// Mismatched notes that a job parks since token, recipients and template do not
// belong together, and says for how long: the longer, the more often since a
// delivery.
func (s *State) Mismatched() time.Duration {
	return min(10*time.Minute, time.Minute<<min(s.mismatches.Add(1)-1, 10))
}

// Delivered notes that a message was delivered.
func (s *State) Delivered() { s.mismatches.Store(0) }

// Earlier is what is known of the lists that a job has dropped.
func (s *State) Earlier(job pushd.JobID) earlier.Lists {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.earlier.Of(job)
}
