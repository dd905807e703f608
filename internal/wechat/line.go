package wechat

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// line is one connection to WeChat.
type line struct {
	conn net.Conn
	raw  net.Conn // below TLS; conn without it
	in   *bufio.Reader
	left int    // bytes that the current answer may still have
	out  []byte // the request, reused
	used time.Time
}

const (
	lineBuffer = 1 << 10 // an answer of WeChat's, head and all, has some 500 bytes
	maxAnswer  = 64 << 10
)

var errLongAnswer = errors.New("the answer is too long")

func newLine(conn, raw net.Conn) *line {
	c := &line{conn: conn, raw: raw}
	c.in = bufio.NewReaderSize(c, lineBuffer)
	return c
}

// Read implements io.Reader for in: no answer is read without end.
func (c *line) Read(b []byte) (int, error) {
	if c.left <= 0 {
		return 0, errLongAnswer
	}
	n, err := c.conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}

// arm makes the exchange end at the deadline, or when ctx does. stop disarms
// it, and says false if ctx was what ended it.
func (c *line) arm(ctx context.Context, deadline time.Time) (stop func() bool, err error) {
	if err := c.conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	if ctx.Done() == nil {
		return func() bool { return true }, nil
	}
	return context.AfterFunc(ctx, func() { c.conn.SetDeadline(time.Unix(1, 0)) }), nil
}

// exchange writes a request and reads its answer.
func (c *line) exchange(request []byte, buf *answerBuffer) (status int, body []byte, reusable bool, err error) {
	c.out, c.left = request, maxAnswer
	if _, err := c.conn.Write(request); err != nil {
		return 0, nil, false, err
	}
	resp, err := c.answer()
	if err != nil {
		return 0, nil, false, err
	}
	body, err = readAnswer(resp.Body, buf)
	resp.Body.Close()
	return resp.StatusCode, body, !resp.Close && c.in.Buffered() == 0, err
}

// answer reads the head of the answer, and skips what is only announced.
func (c *line) answer() (*http.Response, error) {
	for {
		resp, err := http.ReadResponse(c.in, nil)
		if err != nil || resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return resp, err
		}
	}
}
