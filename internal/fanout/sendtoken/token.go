// Package sendtoken keeps the access token that a round of sends uses: what it has
// shown, and which question for another one is open.
package sendtoken

import (
	"time"

	"pushd"
)

// PollEvery is how often a sender looks for a token that was renewed by age.
const PollEvery = time.Second

// Token is that of one round. Two questions may be open: for another token, since
// WeChat refused this one; and beside the sends whether there is a newer one. The
// first outranks the second. It is not safe for concurrent use.
type Token struct {
	current  pushd.Token
	works    pushd.Token // the token that is known to work
	before   pushd.Token // the one before current, if it has delivered nothing
	gated    bool
	asking   bool
	polling  bool
	polledAt time.Time
}

// Current is the token in use; "" before the first.
func (t *Token) Current() pushd.Token { return t.current }

// WasBefore says that tok was in use before current, and has delivered nothing: what
// WeChat says to it may be about another account.
func (t *Token) WasBefore(tok pushd.Token) bool { return tok == t.before }

// Gated says that no more sends may be in flight than the breaker can judge: nothing
// was delivered yet.
func (t *Token) Gated() bool { return t.gated }

// Use takes tok for the token from now on, and says whether it is another one.
func (t *Token) Use(tok pushd.Token) bool {
	if tok == t.current {
		return false
	}
	t.gated = t.current == "" // a renewal does not slow the sends down
	if t.before = t.current; t.Proven() {
		t.before = ""
	}
	t.current = tok
	return true
}

// Delivered notes that current has delivered something, and says whether that is
// the first of it.
func (t *Token) Delivered() bool {
	first := t.works != t.current
	t.gated, t.works = false, t.current
	return first
}

// Proven says that current has delivered something.
func (t *Token) Proven() bool { return t.works == t.current }

// Asking says that another token is asked for, since current was refused.
func (t *Token) Asking() bool { return t.asking }

// Ask notes that it is, and Answered that the answer has come.
func (t *Token) Ask() { t.asking = true }

// Answered notes the end of that question, whatever the answer.
func (t *Token) Answered() { t.asking = false }

// PollDue says that it is time to look for a newer token, and notes that it is
// done.
func (t *Token) PollDue(now time.Time) bool {
	if t.polling || t.asking || now.Sub(t.polledAt) < PollEvery {
		return false
	}
	t.polling, t.polledAt = true, now
	return true
}

// Polled takes the end of a look that began while was was in use. newer is false
// where that is no longer so, since a refusal was faster.
func (t *Token) Polled(was pushd.Token) (newer bool) {
	t.polling = false
	return was == t.current && !t.asking
}
