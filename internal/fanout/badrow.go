package fanout

import (
	"time"

	"pushd"
)

// badRowWait is how long a job without a message waits before it reads a channel
// again that could not be used.
const badRowWait = 30 * time.Second

// withBadChannel decides what becomes of a job whose channel can't be used: it
// goes on with the message it has, or waits until the row is corrected.
func (r *run) withBadChannel(bad *pushd.ChannelError) error {
	if r.job.Prepared.Message == nil {
		return &parked{pushd.Parking{Reason: pushd.ChannelInvalid, Detail: bad.Error() + "; it goes on by itself when that is corrected", Until: r.e.clock.Now().Add(badRowWait)}}
	}
	r.log.Warn("the channel can't be read; the job goes on with what it knows of it", "column", bad.Column, "text", bad.Text)
	return nil
}
