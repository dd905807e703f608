package tokenclient

import "time"

// View is what is known of an account's token, for display.
type View struct {
	Age   time.Duration // since pushd first saw the current token; 0 = there is none
	Rest  time.Duration // until it is no longer used
	Err   string        // why asking does not help; holds no secret; "" if it does
	Since time.Time     // since when it does not
}

// Look says what is known of an account's token; false if this process has not
// met the account lately. It asks no one.
func (c *Client) Look(appID string) (View, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.accounts[appID]
	if a == nil {
		return View{}, false
	}
	var v View
	if now := time.Now(); a.current.tok != "" && now.Before(a.current.deadAt) {
		v.Age, v.Rest = now.Sub(a.current.received), a.current.deadAt.Sub(now)
	}
	if !a.failing.IsZero() && a.lastErr != nil {
		v.Err, v.Since = a.lastErr.Error(), a.failing
	}
	return v, true
}
