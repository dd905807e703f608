package wechat

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

// line is one connection to WeChat.
type line struct {
	conn net.Conn
	tls  *records // below TLS; nil without it
	in   *bufio.Reader
	brim bool      // the last read was as long as it could be, so there may be more
	left int       // bytes that the current answer may still have
	out  []byte    // the request, reused
	used time.Time // when the last exchange ended
	ends time.Time // the deadline that conn has

	socket syscall.RawConn // nil where conn is no socket
	look   func(fd uintptr)
	one    [1]byte
	quiet  bool // what look has seen

	mu      sync.Mutex
	ctx     context.Context // of the exchange under way; nil between two
	watched context.Context // whose end calls cut
	unwatch func() bool     // ends that
}

const (
	lineBuffer = 1 << 10 // an answer of WeChat's, head and all, has some 500 bytes
	maxAnswer  = 64 << 10
)

var errLongAnswer = errors.New("the answer is too long")

// newLine makes a line of conn, which may be TLS over below.
func newLine(conn net.Conn, below *records) *line {
	c := &line{conn: conn, tls: below}
	c.in = bufio.NewReaderSize(c, lineBuffer)
	raw := conn
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

// unread says that more was read than the answers so far.
func (c *line) unread() bool {
	return c.in.Buffered() > 0 || c.brim || c.tls != nil && c.tls.unread()
}

// Read implements io.Reader for in: no answer is read without end.
func (c *line) Read(b []byte) (int, error) {
	if c.left <= 0 {
		return 0, errLongAnswer
	}
	b = b[:min(len(b), c.left)]
	n, err := c.conn.Read(b)
	c.left -= n
	c.brim = n == len(b)
	return n, err
}

// begin makes the exchange that follows end at the deadline, or up to slack
// before it, and when ctx does. Both are kept from one exchange to the next
// where they still fit: setting them costs more than looking.
func (c *line) begin(ctx context.Context, deadline time.Time, slack time.Duration) error {
	if early := deadline.Sub(c.ends); early < 0 || early > slack {
		if err := c.conn.SetDeadline(deadline); err != nil {
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
func (c *line) cut(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx == ctx {
		c.conn.SetDeadline(time.Unix(1, 0))
	}
}

// finish ends what begin began. After it ctx can't touch the connection.
func (c *line) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ctx = nil
}

// close closes the connection for good.
func (c *line) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unwatch != nil {
		c.unwatch()
	}
	c.conn.Close()
}

// exchange writes a request and reads its answer into r.
func (c *line) exchange(request []byte, buf *answerBuffer, r *carried) (reusable bool, err error) {
	c.out, c.left = request, maxAnswer
	if _, err := c.conn.Write(request); err != nil {
		return false, err
	}
	if _, err := c.in.Peek(1); err != nil {
		return false, unexpected(err)
	}
	// Nearly always all of it has come at once.
	have, _ := c.in.Peek(c.in.Buffered())
	if body, ok := plainAnswer(have); ok {
		r.status, r.body = http.StatusOK, buf[:copy(buf[:], body)]
		c.in.Discard(len(have))
		return true, nil
	}
	resp, err := c.answer()
	if err != nil {
		return false, err
	}
	r.status = resp.StatusCode
	r.body, err = readAnswer(resp.Body, buf)
	resp.Body.Close()
	return !resp.Close, err
}

// answer reads the head of any answer, and skips what is only announced.
func (c *line) answer() (*http.Response, error) {
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
