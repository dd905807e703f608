package fanout

import (
	"errors"

	"pushd"
)

// The reasons why a round, and with it the work on a job, stops early.
var (
	errRelease = errors.New("the lease is given back")
	errMoved   = errors.New("the channel's start moved")
	errAgain   = errors.New("another round at once")
	errLater   = errors.New("another round when those who were put off may be asked")
)

// ended stops the work for good.
type ended struct{ pushd.Ending }

func (e *ended) Error() string { return string(e.Reason) }

// fatal makes the ending of an answer after which the job cannot go on.
func fatal(a pushd.Answer) error {
	e := pushd.Ending{State: pushd.Failed, Reason: pushd.WeChatRefused,
		Detail: "WeChat refuses the job: " + a.Describe() + "; correct the cause, then POST with continue"}
	if a.Holds {
		e.Detail += ", and lift the hold on the account"
		e.Hold = &pushd.Hold{Code: a.Code, Reason: "WeChat answers " + a.Describe()}
	}
	return &ended{e}
}
