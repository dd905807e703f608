package pushd

import (
	"context"
	"fmt"
)

// Hold is a person's word, or WeChat's, that nothing is sent until a person
// lifts it: for one account, or for everything. Jobs under a hold keep their
// state and wait. A ledger that went back holds its jobs, too, but each for
// itself; see StepBack.
type Hold struct {
	// AppID is the account that is held; "" is every account.
	AppID  AppID
	Reason string // to be read; may be empty, and quote WeChat
	By     Actor  // who set it
	// Code is WeChat's errcode because of which pushd has set it; 0 = a person
	// has.
	Code  int
	Since Time
	// Stopped is how many jobs were at work when it was set.
	Stopped int
}

// Detail words a hold for the jobs that wait under it.
func (h Hold) Detail() string {
	what, lift := "everything is held", "pushd hold lift"
	if h.AppID != "" {
		what, lift = "account "+string(h.AppID)+" is held", "pushd hold lift --account "+string(h.AppID)
	}
	text := what
	if h.By != "" {
		text += " by " + string(h.By)
	}
	if h.Reason != "" {
		text += " (" + h.Reason + ")"
	}
	return text + "; a person lifts that: " + lift
}

// String words a hold for the health.
func (h Hold) String() string {
	what := "everything"
	if h.AppID != "" {
		what = "account " + string(h.AppID)
	}
	text := fmt.Sprintf("%s is held since %s", what, stamp(h.Since))
	if h.By != "" {
		text += " by " + string(h.By)
	}
	if h.Reason != "" {
		text += ": " + h.Reason
	}
	return text
}

// Standstill is how far the jobs under a hold have come to rest.
type Standstill struct {
	// Stopping is how many jobs a process has not let go of yet: it finishes
	// what is in flight, or has died and its lease has not lapsed.
	Stopping int
	// Waiting is how many jobs wait that have not ended, those that were paused
	// included.
	Waiting int
	// LastSent is when the last message left, as far as it is known: of the
	// jobs that have not ended, and of those that ended since the hold was set.
	LastSent Time
}

// Holds is the part of the ledger about holds.
type Holds interface {
	// SetHold sets a hold, with Since and Stopped, unless there is one on the
	// same account, or on everything, already: that one stays as it is. It
	// returns the hold that is in force. From then on no job under it can be
	// claimed, and Orders says that it is on hold.
	SetHold(ctx context.Context, h Hold) (in Hold, existed bool, err error)
	// LiftHold removes the hold of an account, or with "" that of everything,
	// and returns it; ErrNotFound.
	LiftHold(ctx context.Context, appID AppID) (Hold, error)
	// Holds lists the holds in force, that of everything first, then by account.
	Holds(ctx context.Context) ([]Hold, error)
	// Standstill says how far the jobs of an account, or with "" all jobs, have
	// come to rest; those that have ended count if that was at or after since.
	Standstill(ctx context.Context, appID AppID, since Time) (Standstill, error)
}
