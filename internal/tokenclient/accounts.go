package tokenclient

import (
	"time"
)

const (
	// idleLife is how long an unused account is remembered: a
	// token that came with a job outlives the wait for its turn, and is
	// worth nothing after it.
	idleLife = 3 * time.Hour
	// maxAccounts bounds the memory; beyond it the one longest unused goes.
	maxAccounts = 10_000
	// sweepEvery is how often idle accounts are looked for.
	sweepEvery = time.Minute
)

// account returns what is known of an account. c.mu is held.
func (c *Client) account(appID string, actID int64) *account {
	now := time.Now()
	if now.Sub(c.swept) >= sweepEvery {
		c.sweep(now)
	}
	a := c.accounts[appID]
	if a == nil {
		if len(c.accounts) >= maxAccounts {
			c.dropOldest()
		}
		a = &account{appID: appID}
		c.accounts[appID] = a
	}
	if actID != 0 {
		a.actID = actID
	}
	a.used = now
	return a
}

// sweep drops idle accounts.
func (c *Client) sweep(now time.Time) {
	c.swept = now
	for id, a := range c.accounts {
		if a.asking == nil && now.Sub(a.used) >= idleLife {
			delete(c.accounts, id)
		}
	}
}

func (c *Client) dropOldest() {
	var oldest *account
	for _, a := range c.accounts {
		if a.asking == nil && (oldest == nil || a.used.Before(oldest.used)) {
			oldest = a
		}
	}
	if oldest != nil {
		delete(c.accounts, oldest.appID)
	}
}
