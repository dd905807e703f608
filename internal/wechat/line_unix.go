//go:build unix

package wechat

import "syscall"

// silent says whether an idle connection can be used: nothing has come in
// that nobody has asked for, and no end. It does not wait, and takes nothing.
func (c *line) silent() bool {
	if c.unread() {
		return false
	}
	if c.socket == nil { // nothing to look at
		return true
	}
	c.quiet = false
	return c.socket.Control(c.look) == nil && c.quiet
}

// peek looks at the socket for silent.
func (c *line) peek(fd uintptr) {
	_, _, err := syscall.Recvfrom(int(fd), c.one[:], syscall.MSG_PEEK)
	c.quiet = err == syscall.EAGAIN
}
