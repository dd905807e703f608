// Package listing knows by which token a list of followers was read, and which
// token is known to be the account's. PHP can mix two accounts' tokens up: then the
// list is another account's, and no token will ever fit to it.
package listing

import (
	"sync"

	"pushd"
)

// List is what is known of one job's list. It is safe for concurrent use.
type List struct {
	mu    sync.Mutex
	token pushd.Token
	mixed bool        // by several tokens, or by an earlier claim
	own   pushd.Token // the last token that is known to be the account's
}

// New knows nothing of the tokens. begun says that an earlier claim has read some of
// the list.
func New(begun bool) *List { return &List{mixed: begun} }

// ReadBy notes that a page was read by tok.
func (l *List) ReadBy(tok pushd.Token) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mixed = l.mixed || l.token != "" && l.token != tok
	l.token = tok
}

// AllBy says that the whole list was read by tok.
func (l *List) AllBy(tok pushd.Token) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.mixed && l.token == tok
}

// Proved notes that tok is the account's own: something was delivered with it, or
// it lists a recipient of the job.
func (l *List) Proved(tok pushd.Token) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.own = tok
}

// Proven says that tok is known to be the account's own.
func (l *List) Proven(tok pushd.Token) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.own == tok
}

// Forget forgets the list, but not whose the tokens are.
func (l *List) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.token, l.mixed = "", false
}
