package account

import "pushd"

// NoToken says that there is no token now that WeChat accepts. Err is mostly a
// *pushd.TokenError.
type NoToken struct{ Err error }

func (e *NoToken) Error() string { return "no access token that WeChat accepts: " + e.Err.Error() }

func (e *NoToken) Unwrap() error { return e.Err }

// Refused says that WeChat does not do what it was asked for.
type Refused struct {
	What   string // can't be done, in words
	Answer pushd.Answer
}

func (e *Refused) Error() string { return e.What + ": " + e.Answer.Describe() }
