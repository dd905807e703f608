package httpconn

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// conn is one connection.
type conn struct {
	net  net.Conn
	tls  *records // below TLS; nil without it
	in   *bufio.Reader
	brim bool      // the last read was as long as it could be, so there may be more
	left int       // bytes that the current response may still have
	out  []byte    // the request, reused
	used time.Time // when the last exchange ended
	ends time.Time // the deadline that net has

	socket syscall.RawConn // nil where net is no socket
	look   func(fd uintptr)
	one    [1]byte
	quiet  bool // what look has seen

	mu      sync.Mutex
	ctx     context.Context // of the exchange under way; nil between two
	watched context.Context // whose end calls cut
	unwatch func() bool     // ends that
}

const (
	readBuffer  = 1 << 10 // most responses, head and all, have some 500 bytes
	maxResponse = 64 << 10
)

// newConn makes a conn of outer, which may be TLS over below.
func newConn(outer net.Conn, below *records) *conn {
	c := &conn{net: outer, tls: below}
	c.in = bufio.NewReaderSize(c, readBuffer)
	raw := outer
	if below != nil {
		raw = below.Conn
	}
	if s, ok := raw.(syscall.Conn); ok {
		if socket, err := s.SyscallConn(); err == nil {
			c.socket, c.look = socket, c.peek
		}
	}
	return c
}

// unread says that more was read than the responses so far.
func (c *conn) unread() bool {
	return c.in.Buffered() > 0 || c.brim || c.tls != nil && c.tls.unread()
}

// Read implements io.Reader for in: no response is read without end.
func (c *conn) Read(b []byte) (int, error) {
	if c.left <= 0 {
		return 0, ErrTooLong
	}
	b = b[:min(len(b), c.left)]
	n, err := c.net.Read(b)
	c.left -= n
	c.brim = n == len(b)
	return n, err
}

// begin makes the exchange that follows end at the deadline, or up to slack
// before it, and when ctx does. Both are kept from one exchange to the next
// where they still fit: setting them costs more than looking.
func (c *conn) begin(ctx context.Context, deadline time.Time, slack time.Duration) error {
	if early := deadline.Sub(c.ends); early < 0 || early > slack {
		if err := c.net.SetDeadline(deadline); err != nil {
			return err
		}
		c.ends = deadline
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ctx = ctx
	if ctx != c.watched && ctx.Done() != nil {
		if c.unwatch != nil {
			c.unwatch()
		}
		c.watched, c.unwatch = ctx, context.AfterFunc(ctx, func() { c.cut(ctx) })
	}
	return ctx.Err() // it may have ended before anybody watched
}

// cut ends an exchange under ctx, if that is what is under way.
func (c *conn) cut(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx == ctx {
		c.net.SetDeadline(time.Unix(1, 0))
	}
}

// finish ends what begin began. After it ctx can't touch the connection.
func (c *conn) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ctx = nil
}

// close closes the connection for good.
func (c *conn) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unwatch != nil {
		c.unwatch()
	}
	c.net.Close()
}

// exchange writes a request and reads the response into r and buf.
func (c *conn) exchange(request, buf []byte, r *Response) (reusable bool, err error) {
	c.out, c.left = request, maxResponse
	if _, err := c.net.Write(request); err != nil {
		return false, err
	}
	if _, err := c.in.Peek(1); err != nil {
		return false, unexpected(err)
	}
	// Nearly always all of it has come at once.
	have, _ := c.in.Peek(c.in.Buffered())
	if body, ok := fastResponse(have); ok && len(body) <= len(buf) {
		r.Status, r.Body = http.StatusOK, buf[:copy(buf, body)]
		c.in.Discard(len(have))
		return true, nil
	}
	resp, err := c.response()
	if err != nil {
		return false, err
	}
	r.Status = resp.StatusCode
	r.Body, err = readBody(resp.Body, buf)
	resp.Body.Close()
	return !resp.Close, err
}

// response reads the head of any response, and skips what is only announced.
func (c *conn) response() (*http.Response, error) {
	for {
		resp, err := http.ReadResponse(c.in, nil)
		if err != nil || resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, unexpected(err)
		}
	}
}

// unexpected makes an end what it is in the middle of an exchange.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
