//go:build unix

package httpconn

import "syscall"

// silent says whether an idle connection can be used: nothing has come in
// since the last response, and no end. It does not wait, and takes nothing.
func (c *conn) silent() bool {
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
func (c *conn) peek(fd uintptr) {
	_, _, err := syscall.Recvfrom(int(fd), c.one[:], syscall.MSG_PEEK)
	c.quiet = err == syscall.EAGAIN
}
