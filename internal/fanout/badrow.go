package fanout

import (
	"errors"
	"fmt"
	"time"
)

// ChannelError says that the platform's row of one channel can't be used as it
// is. It concerns that channel alone and heals when somebody mends the row, or
// the query that reads it.
type ChannelError struct {
	// Column is the column of PUSHD_CHANNEL_QUERY that is to blame.
	Column string
	// Text says what is there and what to write instead.
	Text string
}

func (e *ChannelError) Error() string { return e.Column + " " + e.Text }

// badChannel returns the ChannelError in err, or nil.
func badChannel(err error) *ChannelError {
	bad, _ := errors.AsType[*ChannelError](err)
	return bad
}

// channelProblem words a failed look at a channel for who asked for it.
func channelProblem(err error, id ActID) error {
	if errors.Is(err, ErrNotFound) {
		return &Problem{Code: CodeChannelNotFound, Field: "actid", Text: fmt.Sprintf("channel %d does not exist", id)}
	}
	if bad := badChannel(err); bad != nil {
		return &Problem{Code: CodeChannelInvalid, Field: bad.Column, Text: fmt.Sprintf("%s of channel %d %s", bad.Column, id, bad.Text)}
	}
	return err
}

// mendWait is how long a job without a message waits before it reads a channel
// again that could not be used.
const mendWait = 30 * time.Second

// withBadChannel decides what becomes of a job whose channel can't be used: it
// goes on with the message it has, or waits until the row is mended.
func (r *run) withBadChannel(bad *ChannelError) error {
	if r.job.Prepared.Message == nil {
		return &parked{Parking{ChannelInvalid, bad.Error() + "; it goes on by itself when that is mended", r.e.clock.now().Add(mendWait)}}
	}
	r.log.Warn("the channel can't be read; the job goes on with what it knows of it", "column", bad.Column, "text", bad.Text)
	return nil
}
