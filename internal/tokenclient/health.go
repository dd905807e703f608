package tokenclient

import (
	"maps"
	"time"
)

// staleFailure is how long a failed ask is news. While a token is needed and
// does not come, PHP is asked at least every lastPause.
const staleFailure = 5 * time.Minute

// Health is how the endpoint does.
type Health struct {
	// Failing counts the accounts for which PHP gives no usable token; 0
	// is healthy.
	Failing int
	// AppID, Err and Since are of the one that has failed longest. Err
	// holds no secret.
	AppID string
	Err   string
	Since time.Time
	// Life is the shortest rest of life among the tokens in use: of accounts that
	// were asked for a token a short while ago. InUse is false if there is none.
	Life  time.Duration
	InUse bool
}

// inUse is how long an account that was asked for a token counts as in use: jobs
// at work ask all the time.
const inUse = time.Minute

// Health says how the endpoint does.
func (c *Client) Health() Health {
	c.mu.Lock()
	defer c.mu.Unlock()
	var h Health
	now := time.Now()
	for _, a := range c.accounts {
		if a.current.tok != "" && now.Sub(a.used) < inUse {
			if life := max(a.current.deadAt.Sub(now), 0); !h.InUse || life < h.Life {
				h.Life, h.InUse = life, true
			}
		}
		if a.failing.IsZero() || time.Since(a.failedAt) > staleFailure {
			continue
		}
		h.Failing++
		if h.Err == "" || a.failing.Before(h.Since) {
			h.AppID, h.Err, h.Since = a.appID, a.lastErr.Error(), a.failing
		}
	}
	return h
}

// Counts count since the start.
type Counts struct {
	Asks      uint64           // requests to the endpoint
	Failures  uint64           // asks that brought no usable token
	Refreshes map[Cause]uint64 // asks that did, by cause
	Accounts  int              // accounts remembered now
}

// Counts returns the counters, for /metrics.
func (c *Client) Counts() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.counts
	n.Refreshes = maps.Clone(n.Refreshes)
	n.Accounts = len(c.accounts)
	return n
}
