package pushd

// The platform's live_notify_status. StatusFailed is a setting
// (PUSHD_STATUS_FAILED), so it is not among them.
const (
	StatusNotNotified = 0
	StatusNotifying   = 1
	StatusDone        = 2
)

// LiveNotifyStatus is what live_notify_status is while j is its channel's newest
// job and the channel's start is still the job's. It is the one place that says
// so; failed is what the column becomes when a job ends without completing.
func (j *Job) LiveNotifyStatus(failed int) int {
	switch {
	case j.State == Succeeded:
		return StatusDone
	case j.Notified && (j.State.Active() || j.Counts.Settled() == j.Walk.Walked):
		return StatusDone // a retry, at work or over, leaves what was done
	case j.State.Active():
		return StatusNotifying
	}
	return failed
}
