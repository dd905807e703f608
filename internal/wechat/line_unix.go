//go:build unix

package wechat

import (
	"syscall"
	"time"
)

// alive says whether an idle connection can be used: nothing has come in
// meanwhile, and no end. It does not wait.
func (c *line) alive() bool {
	if c.conn.SetDeadline(time.Time{}) != nil { // the last send's may be over
		return false
	}
	c.ends = time.Time{}
	sc, ok := c.raw.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	quiet := false
	err = raw.Read(func(fd uintptr) bool {
		_, err := syscall.Read(int(fd), make([]byte, 1))
		quiet = err == syscall.EAGAIN
		return true
	})
	return err == nil && quiet
}
