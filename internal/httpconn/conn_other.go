//go:build !unix

package httpconn

// silent knows here only what was read already: that the server has closed a
// connection shows by a request that was written and not answered.
func (c *conn) silent() bool { return !c.unread() }

func (c *conn) peek(uintptr) {}
