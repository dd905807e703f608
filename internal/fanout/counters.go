package fanout

import (
	"time"

	"pushd"
)

// count counts one answer to a send.
func (e *Engine) count(r result) { e.counters.Answer(r.answer.Verdict, r.delivery.Attempted(), r.took) }

// Stats returns the counters.
func (e *Engine) Stats() pushd.Stats {
	s := e.counters.Stats()
	s.StatusCorrected, s.StatusErrors = e.house.Corrected()
	for _, r := range e.running() {
		s.InFlight += int(r.inFlight.Load())
		s.Concurrency += r.account.Pacer.Limit()
		s.Jobs[pushd.Running]++
		if r.atRisk() {
			s.JobsAtRisk++
		}
	}
	s.LedgerBytes = e.house.Size()
	s.LastWrite = e.database.LastWrite()
	s.Jobs[pushd.Parked] = int(e.house.Parked())
	return s
}

// Rate returns the job's messages/s over the last ten seconds, if this
// process works on it.
func (e *Engine) Rate(id pushd.JobID) (perSecond float64, ok bool) {
	r := e.find(id)
	if r == nil {
		return 0, false
	}
	return r.rate.PerSecond(time.Now()), true
}

// AtRisk lists the jobs that run here and will be done after their deadline if they
// go on like this.
func (e *Engine) AtRisk() (jobs []pushd.Job) {
	for _, r := range e.running() {
		if r.atRisk() {
			j := r.job
			j.State, j.Deadline = pushd.Running, r.deadline()
			jobs = append(jobs, j)
		}
	}
	return jobs
}

// atRisk says that the job will be done after its deadline if it goes on like
// this. Of a retry it is not known how many are left.
func (r *run) atRisk() bool {
	if r.job.Retry != pushd.AgainNobody {
		return false
	}
	j := r.job
	j.State, j.Now = pushd.Running, r.e.clock.Now()
	j.Walk, _ = r.frontier.Get()
	j.Counts.Sent += r.settled.Load()
	return j.ETA(r.rate.PerSecond(time.Now())) > r.deadline()
}
