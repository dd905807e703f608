package fanout

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

// Failure is one person who was not told: skipped, failed or unknown.
type Failure struct {
	OpenID OpenID
	State  PersonState
	Code   int // WeChat's errcode or one of pushd's own, see CodeName
	Page   int // the page that holds the person, from 1
}
