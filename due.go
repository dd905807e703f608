package pushd

import "time"

// Due is a reminder that the platform has not posted yet.
type Due struct {
	ActID ActID
	AppID AppID     // "" = not known
	Title string    // the same
	At    time.Time // when it is to be posted
}
