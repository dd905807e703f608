package pushd

import "time"

// Due is a reminder that the platform has not posted yet.
type Due struct {
	ActID ActID
	AppID AppID     // "" = not known
	Title string    // the same
	At    time.Time // when it is to be posted
	// Braked says that a brake of the account refuses it now. Said only of what is
	// overdue.
	Braked bool
}

// Overdue counts the reminders that fell due a while ago and have not been posted.
type Overdue struct {
	Missed int64 // which would be accepted: something is wrong
	Braked int64 // which a brake of their account refuses, as its owner wants it
}
