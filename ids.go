// Package pushd names what pushd is about: a job, its message, the pages of its
// recipients, verdicts, problems, and the small interfaces by which the packages
// know each other. It imports nothing of ours, does nothing, and says nothing of HTTP,
// SQL or WeChat's numbers beyond what is stored.
//
// What is done with these nouns: internal/fanout runs a job, internal/store is
// the Ledger, internal/wechat the WeChat, internal/tokenclient the Tokens, api
// the way in.
package pushd

import "time"

// ActID names a channel of the platform (activity.id). It is above zero.
type ActID int64

// AppID names a WeChat Official Account.
type AppID string

// OpenID names one follower of one account. Openids compare byte for byte:
// "oAbc" and "oabc" are two recipients.
type OpenID string

// maxOpenID is far beyond the 28 characters of a real openid.
const maxOpenID = 128

// Plausible says whether an openid may be one. It refuses what can't be and would
// hurt where openids are stored line by line.
func (id OpenID) Plausible() bool {
	for i := range len(id) {
		if id[i] <= ' ' || id[i] >= 0x7f {
			return false
		}
	}
	return id != "" && len(id) <= maxOpenID
}

// TemplateID names a message template of an account.
type TemplateID string

// JobID is opaque: 20 characters of [0-9a-z].
type JobID string

// Time is a moment on the database's clock in microseconds since 1970; 0
// means "never" or "unknown". All processes share that one clock; none
// trusts its own wall clock for anything that another process will read.
type Time int64

// Add returns t moved by d.
func (t Time) Add(d time.Duration) Time { return t + Time(d/time.Microsecond) }

// Sub returns the time between u and t.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t-u) * time.Microsecond }

// Std returns t as a time.Time in UTC; the zero Time gives the zero time.Time.
func (t Time) Std() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(t)).UTC()
}
