package httpconn

import (
	"encoding/binary"
	"net"
)

// records is the connection below TLS. It gives TLS one record at a time: TLS
// would read ahead, and hold back what has come in behind the record asked
// for, where nobody can see it. Here it can be seen (unread), and what has not
// been read at all shows at the socket.
type records struct {
	net.Conn
	buf  []byte
	r, w int // what of buf is not given on yet
	head [recordHead]byte
	had  int // bytes of the current record's head that were given on
	left int // bytes of its body that were not
}

const (
	recordHead   = 5       // type, version, length
	recordBuffer = 2 << 10 // a short response and its record, or a page of a handshake
)

// Read implements net.Conn.
func (c *records) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if c.r == c.w {
		if c.buf == nil {
			c.buf = make([]byte, recordBuffer)
		}
		n, err := c.Conn.Read(c.buf)
		c.r, c.w = 0, n
		if n == 0 {
			return 0, err
		}
	}
	if c.left == 0 { // the next record's head
		n := copy(b, c.buf[c.r:min(c.w, c.r+recordHead-c.had)])
		copy(c.head[c.had:], b[:n])
		c.had, c.r = c.had+n, c.r+n
		if c.had == recordHead {
			c.had, c.left = 0, int(binary.BigEndian.Uint16(c.head[3:]))
		}
		return n, nil
	}
	n := copy(b[:min(len(b), c.left)], c.buf[c.r:c.w])
	c.left, c.r = c.left-n, c.r+n
	return n, nil
}

// unread says that something has come in that TLS has not taken.
func (c *records) unread() bool { return c.r < c.w }
