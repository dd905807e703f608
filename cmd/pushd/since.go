package main

import (
	"fmt"
	"time"
)

// since is a moment on the command line: a time, or how long ago it was.
type since struct {
	at  time.Time
	ago time.Duration
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *since) UnmarshalText(text []byte) (err error) {
	if s.ago, err = time.ParseDuration(string(text)); err == nil && s.ago >= 0 {
		return nil
	}
	if s.at, err = time.Parse(time.RFC3339, string(text)); err == nil {
		return nil
	}
	return fmt.Errorf("%q is neither a duration such as 2h nor a time such as 2026-03-01T20:00:00+08:00", text)
}

// before is the moment as of now; zero if none was given.
func (s since) before(now time.Time) time.Time {
	if s.ago != 0 {
		return now.Add(-s.ago)
	}
	return s.at
}
