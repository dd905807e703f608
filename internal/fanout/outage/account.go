package outage

import (
	"sync/atomic"
	"time"
)

// How long a job parks when WeChat is found down.
const (
	probeFirst = time.Second
	probeLast  = 15 * time.Second // at most, when it stays down
)

// Account is whether WeChat answers an account's sends. Its zero value is that it
// does. Its methods may be called from many goroutines.
type Account struct {
	downs  atomic.Int64 // how often in a row WeChat was found down
	downAt atomic.Int64 // unix ns: when last, 0 = it answers
}

// Down notes that WeChat does not answer the account's sends, and says how long
// to wait for the next probe.
func (a *Account) Down(now time.Time) time.Duration {
	a.downAt.Store(now.UnixNano())
	return min(probeLast, probeFirst<<min(a.downs.Add(1)-1, 10))
}

// Up notes that WeChat answers again.
func (a *Account) Up() {
	a.downs.Store(0)
	a.downAt.Store(0)
}

// IsDown says that WeChat was down for the account when last heard of.
func (a *Account) IsDown(now time.Time) bool {
	at := a.downAt.Load()
	return at != 0 && now.Sub(time.Unix(0, at)) < 2*probeLast
}
