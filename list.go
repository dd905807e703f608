package pushd

import (
	"encoding/base64"
	"errors"
	"fmt"
)

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

// ListCursor is what a Filter's cursor stands for: the last job that was listed.
type ListCursor struct {
	CreatedAt Time
	ID        JobID
}

// String is the cursor as the API shows it. Clients must not read it.
func (c ListCursor) String() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %s", c.CreatedAt, c.ID))
}

// ParseListCursor is the opposite of String. The error is ErrCursor.
func ParseListCursor(text string) (c ListCursor, err error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return ListCursor{}, ErrCursor
	}
	if n, err := fmt.Sscanf(string(b), "%d %s", &c.CreatedAt, &c.ID); n != 2 || err != nil {
		return ListCursor{}, ErrCursor
	}
	return c, nil
}

// Failure is one recipient on a list, most often one who did not get it.
type Failure struct {
	OpenID OpenID
	State  PersonState
	Code   int // see Person.Code
	Page   int // the page that holds the person, from 1
	// Receipt is what WeChat says of the message.
	Receipt Receipt
}
