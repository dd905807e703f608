package fanout

import (
	"fmt"
	"time"

	"pushd"
)

// hearQuiet takes from a reading of the channel, and of how it went, when no message
// leaves. What can't be read of it stays as it was known.
func (r *run) hearQuiet(ch pushd.Channel, err error) {
	quiet := ch.Brakes.Quiet
	switch {
	case err != nil && pushd.BadChannel(err) == nil:
		return
	case quiet != nil:
	case err != nil && r.quiet.Load() != nil:
		return
	default:
		quiet = &r.e.cfg.Quiet
	}
	r.quiet.Store(quiet)
}

// quietNow parks a job in whose quiet hours now lies; nil if it does not.
func (r *run) quietNow(now pushd.Time) error {
	quiet := r.quiet.Load()
	if quiet == nil || r.job.Forced {
		return nil
	}
	end := quiet.End(now, r.e.cfg.Location)
	if end == 0 {
		return nil
	}
	return r.park(pushd.InQuietHours, fmt.Sprintf("no message leaves in the quiet hours %s; it goes on at %s, or at once by a POST with force",
		quiet, end.Std().In(r.e.cfg.Location).Format(time.RFC3339)), end)
}
