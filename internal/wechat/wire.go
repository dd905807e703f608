package wechat

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"pushd/internal/fanout"
)

// carrier carries a send to WeChat and its answer back.
type carrier interface {
	// post sends one letter. The body of what comes back is valid until buf
	// is used again.
	post(ctx context.Context, tok fanout.Token, l *fanout.Letter, to fanout.OpenID, buf *answerBuffer) (carried, error)
	close()
}

// carried is what became of a send, as far as HTTP knows.
type carried struct {
	begun  bool // WeChat may have got it; if not, not one byte was written
	status int
	body   []byte        // nil if it is too long to be an answer of WeChat's
	waited time.Duration // for a connection, and on opening it
}

// wire carries sends over kept-alive connections of its own: HTTP/1.1, one
// send per connection at a time, each written with one call and answered to
// the goroutine that wrote it. net/http's transport keeps two goroutines for
// every connection and hands each request and answer over to them, which
// costs more than all else in a send; docs/decisions/own-wire.md has the
// figures. What is hard about HTTP, reading answers, is left to net/http.
//
// It repeats nothing. A send that finds no connection, or can't open one, was
// not sent; from the first byte on it may have been.
type wire struct {
	dialer  net.Dialer
	address string      // host:port
	host    string      // as in the header
	tls     *tls.Config // nil: plain
	head    string      // the request's head up to the token
	tail    string      // and from after it up to the length
	timeout time.Duration
	slots   chan struct{} // taken by each connection in use

	mu    sync.Mutex
	idle  []*line // the last used at the end
	prune *time.Timer
	shut  bool
}

const (
	idleFor     = 60 * time.Second
	dialTimeout = 5 * time.Second
	// A send may time out too early by this part of its timeout: see
	// line.begin.
	deadlineSlack = 32
)

func newWire(base *url.URL, o Options) *wire {
	w := &wire{
		dialer: net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}, host: base.Host, address: base.Host,
		timeout: o.SendTimeout, slots: make(chan struct{}, o.MaxConns),
	}
	port := "80"
	if base.Scheme == "https" {
		port = "443"
		w.tls = tlsConfig(o)
		w.tls.ServerName = base.Hostname()
	}
	if base.Port() == "" {
		w.address = net.JoinHostPort(base.Hostname(), port)
	}
	w.head = "POST " + strings.TrimSuffix(base.EscapedPath(), "/") + pathSend + "?access_token="
	w.tail = " HTTP/1.1\r\nHost: " + w.host + "\r\nUser-Agent: " + headerText(o.UserAgent) +
		"\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: "
	return w
}

// headerText keeps a setting from ending the header that it stands in.
func headerText(s string) string { return strings.NewReplacer("\r", "", "\n", "").Replace(s) }

// post implements carrier.
func (w *wire) post(ctx context.Context, tok fanout.Token, l *fanout.Letter, to fanout.OpenID, buf *answerBuffer) (r carried, err error) {
	began := time.Now()
	deadline := began.Add(w.timeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	free, err := w.acquire(ctx, deadline)
	if err != nil {
		return r, err
	}
	defer func() { <-w.slots }()
	now := began
	if !free {
		now = time.Now()
	}
	c := w.kept(now)
	if c == nil {
		c, err = w.dial(ctx, deadline)
		now = time.Now()
	}
	r.waited = now.Sub(began)
	if err != nil {
		return r, err
	}
	if err := c.begin(ctx, deadline, deadline.Sub(now)/deadlineSlack); err != nil {
		c.close()
		return r, err
	}
	r.begun = true
	reusable, err := c.exchange(w.request(c.out[:0], tok, l, to), buf, &r)
	c.finish()
	gone := ctx.Err()
	if gone != nil && err != nil {
		err = gone // it was cut off, not slow
	}
	if err != nil || !reusable || c.unread() || gone != nil {
		c.close()
	} else {
		w.keep(c)
	}
	return r, err
}

// acquire takes one of the connections that there may be. free says that
// there was no need to wait for it.
func (w *wire) acquire(ctx context.Context, deadline time.Time) (free bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	select {
	case w.slots <- struct{}{}:
		return true, nil
	default:
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	select {
	case w.slots <- struct{}{}:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// request appends the whole request to dst.
func (w *wire) request(dst []byte, tok fanout.Token, l *fanout.Letter, to fanout.OpenID) []byte {
	openid := quoted(to)
	dst = append(dst, w.head...)
	dst = append(dst, url.QueryEscape(string(tok))...)
	dst = append(dst, w.tail...)
	dst = strconv.AppendInt(dst, int64(len(l.Head)+len(openid)+len(l.Tail)), 10)
	dst = append(dst, "\r\n\r\n"...)
	dst = append(dst, l.Head...)
	dst = append(dst, openid...)
	return append(dst, l.Tail...)
}

// dial opens a connection and shakes hands.
func (w *wire) dial(ctx context.Context, deadline time.Time) (*line, error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	raw, err := w.dialer.DialContext(ctx, "tcp", w.address)
	if err != nil {
		return nil, err
	}
	if w.tls == nil {
		return newLine(raw, nil), nil
	}
	below := &records{Conn: raw}
	conn := tls.Client(below, w.tls)
	shake, done := context.WithTimeout(ctx, dialTimeout)
	defer done()
	if err := conn.HandshakeContext(shake); err != nil {
		raw.Close()
		return nil, err
	}
	return newLine(conn, below), nil
}

// kept returns an open connection, the last used first: those that a smaller
// number of sends does not need grow old, and go. A connection on which
// anything has come in since its last answer is closed: it would be taken for
// the next one, and everybody's verdict from then on for somebody else's.
func (w *wire) kept(now time.Time) *line {
	for {
		w.mu.Lock()
		n := len(w.idle)
		if n == 0 {
			w.mu.Unlock()
			return nil
		}
		c := w.idle[n-1]
		w.idle[n-1] = nil
		w.idle = w.idle[:n-1]
		w.mu.Unlock()
		if now.Sub(c.used) < idleFor && c.silent() {
			return c
		}
		c.close()
	}
}

// keep keeps a connection for the next send.
func (w *wire) keep(c *line) {
	c.used = time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.shut {
		c.close()
		return
	}
	w.idle = append(w.idle, c)
	if w.prune == nil {
		w.prune = time.AfterFunc(idleFor, w.pruneOld)
	}
}

// pruneOld closes the connections that nobody has used for long.
func (w *wire) pruneOld() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.prune = nil
	old := 0
	for old < len(w.idle) && time.Since(w.idle[old].used) >= idleFor {
		w.idle[old].close()
		old++
	}
	w.idle = append(w.idle[:0], w.idle[old:]...)
	if len(w.idle) > 0 && !w.shut {
		w.prune = time.AfterFunc(max(time.Second, idleFor-time.Since(w.idle[0].used)), w.pruneOld)
	}
}

// close closes the idle connections, and the others after their sends.
func (w *wire) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shut = true
	if w.prune != nil {
		w.prune.Stop()
	}
	for _, c := range w.idle {
		c.close()
	}
	w.idle = nil
}
