package pushd

import (
	"context"
	"errors"
	"time"
)

// Brakes are what an owner allows of the reminders to the followers of one
// account. nil is not said: the settings decide.
type Brakes struct {
	// MinGap is the least time between the last message of a reminder and the first
	// of the account's next; 0 = none.
	MinGap *time.Duration
	// PerDay is how many reminders may be sent a day; 0 = any number.
	PerDay *int
	// First is how many recipients are attempted before a person has to let the rest
	// follow; 0 = all.
	First *int
	// Quiet is when no message leaves.
	Quiet *QuietHours
}

// Or is b, and other where b does not say.
func (b Brakes) Or(other Brakes) Brakes {
	if b.MinGap == nil {
		b.MinGap = other.MinGap
	}
	if b.PerDay == nil {
		b.PerDay = other.PerDay
	}
	if b.First == nil {
		b.First = other.First
	}
	if b.Quiet == nil {
		b.Quiet = other.Quiet
	}
	return b
}

// Activity is what the followers of an account were sent lately, or may still be:
// the jobs that have not ended, and those that ended after a send was started.
type Activity struct {
	// Version changes with each job of the account that is accepted.
	Version int64
	Jobs    []JobActivity // the last first
}

// JobActivity is what one job has sent.
type JobActivity struct {
	Job JobID
	// Until is when its last message left, at the latest; 0 = more may leave.
	Until Time
}

// ActivityMax is how many jobs an Activity lists at most.
const ActivityMax = 1000

// ErrOvertaken says that another job of the account was accepted since its
// activity was read. Nothing was written.
var ErrOvertaken = errors.New("another job of the account was accepted meanwhile")

// Activities is the part of the ledger that lets the brakes of an account hold,
// whichever process takes a POST.
type Activities interface {
	// Activity reads what the followers of an account were sent since a time.
	// Of a job whose process has not let go, more may leave.
	Activity(ctx context.Context, appID AppID, since Time) (Activity, error)
	// CreateAfter is Create, for who has decided by an activity; ErrOvertaken.
	CreateAfter(ctx context.Context, j Job, seen Activity) (Job, error)
}
