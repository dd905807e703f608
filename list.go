package pushd

import "errors"

// ErrCursor says that a Filter's cursor is not where a list ended.
var ErrCursor = errors.New("cursor is not valid")

// Filter says which jobs a list shows; a zero field asks for nothing. Lists
// run from the newest job to the oldest.
type Filter struct {
	States []State // any of them
	ActID  ActID
	AppID  AppID
	Since  Time   // created at or after
	Limit  int    // at most that many; the caller sets it
	Cursor string // where an earlier list ended; "" = the newest
}

// Failure is one recipient on a list, most often one who was not told.
type Failure struct {
	OpenID OpenID
	State  PersonState
	Code   int // see Person.Code
	Page   int // the page that holds the person, from 1
}
