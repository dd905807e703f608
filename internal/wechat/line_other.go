//go:build !unix

package wechat

// silent knows here only what was read already: a connection that the server
// has closed shows by a send that is in doubt.
func (c *line) silent() bool { return !c.unread() }

func (c *line) peek(uintptr) {}
