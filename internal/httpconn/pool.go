package httpconn

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// pool is a sender with kept-alive connections of its own, each written with
// one call and answered to the goroutine that wrote it. net/http's transport
// keeps two goroutines for every connection and hands each request and
// response over to them, which costs more than all else in a request;
// docs/decisions/own-wire.md has the figures. What is hard about HTTP, reading
// responses, is left to net/http.
//
// It repeats nothing. A request that finds no connection, or can't open one,
// was not written; from the first byte on it may have been.
type pool struct {
	dialer  net.Dialer
	address string      // host:port
	tls     *tls.Config // nil: plain
	head    string      // the request's head up to the parameter's value
	tail    string      // and from after it up to the length
	timeout time.Duration
	slots   chan struct{} // taken by each connection in use

	mu    sync.Mutex
	idle  []*conn // the last used at the end
	prune *time.Timer
	shut  bool
}

const (
	idleFor     = 60 * time.Second
	dialTimeout = 5 * time.Second
	// A request may time out too early by this part of its timeout: see
	// conn.begin.
	deadlineSlack = 32
)

func newPool(o Options) *pool {
	p := &pool{
		dialer:  net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second},
		address: o.URL.Host, timeout: o.Timeout, slots: make(chan struct{}, o.MaxConns),
	}
	port := "80"
	if o.URL.Scheme == "https" {
		port = "443"
		p.tls = o.TLS.Clone()
		if p.tls == nil {
			p.tls = &tls.Config{}
		}
		p.tls.ServerName, p.tls.NextProtos = o.URL.Hostname(), []string{"http/1.1"}
	}
	if o.URL.Port() == "" {
		p.address = net.JoinHostPort(o.URL.Hostname(), port)
	}
	p.head = "POST " + o.URL.EscapedPath() + "?" + url.QueryEscape(o.Param) + "="
	p.tail = " HTTP/1.1\r\nHost: " + o.URL.Host + "\r\nUser-Agent: " + headerText(o.UserAgent) +
		"\r\nContent-Type: " + headerText(o.ContentType) + "\r\nContent-Length: "
	return p
}

// headerText keeps a setting from ending the header that it stands in.
func headerText(s string) string { return strings.NewReplacer("\r", "", "\n", "").Replace(s) }

// post implements sender.
func (p *pool) post(ctx context.Context, req Request, buf []byte) (r Response, err error) {
	began := time.Now()
	deadline := began.Add(p.timeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	free, err := p.acquire(ctx, deadline)
	if err != nil {
		return r, err
	}
	defer func() { <-p.slots }()
	now := began
	if !free {
		now = time.Now()
	}
	c := p.get(now)
	if c == nil {
		c, err = p.dial(ctx, deadline)
		now = time.Now()
	}
	r.Waited = now.Sub(began)
	if err != nil {
		return r, err
	}
	if err := c.begin(ctx, deadline, deadline.Sub(now)/deadlineSlack); err != nil {
		c.close()
		return r, err
	}
	r.Written = true
	reusable, err := c.exchange(p.request(c.out[:0], req), buf, &r)
	c.finish()
	gone := ctx.Err()
	if gone != nil && err != nil {
		err = gone // it was cut off, not slow
	}
	if err != nil || !reusable || c.unread() || gone != nil {
		c.close()
	} else {
		p.put(c)
	}
	return r, err
}

// acquire takes one of the connections that there may be. free says that
// there was no need to wait for it.
func (p *pool) acquire(ctx context.Context, deadline time.Time) (free bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	select {
	case p.slots <- struct{}{}:
		return true, nil
	default:
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	select {
	case p.slots <- struct{}{}:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// request appends the whole request to dst.
func (p *pool) request(dst []byte, req Request) []byte {
	dst = append(dst, p.head...)
	dst = append(dst, url.QueryEscape(req.Param)...)
	dst = append(dst, p.tail...)
	dst = strconv.AppendInt(dst, int64(req.size()), 10)
	dst = append(dst, "\r\n\r\n"...)
	dst = append(dst, req.Head...)
	dst = append(dst, req.Middle...)
	return append(dst, req.Tail...)
}

// dial opens a connection and shakes hands.
func (p *pool) dial(ctx context.Context, deadline time.Time) (*conn, error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	raw, err := p.dialer.DialContext(ctx, "tcp", p.address)
	if err != nil {
		return nil, err
	}
	if p.tls == nil {
		return newConn(raw, nil), nil
	}
	below := &records{Conn: raw}
	outer := tls.Client(below, p.tls)
	shake, done := context.WithTimeout(ctx, dialTimeout)
	defer done()
	if err := outer.HandshakeContext(shake); err != nil {
		raw.Close()
		return nil, err
	}
	return newConn(outer, below), nil
}

// get returns an open connection, the last used first: those that a smaller
// number of requests does not need grow old, and go. A connection on which
// anything has come in since its last response is closed: that would be taken
// for the response to the next request, and from then on each response for
// that to another request.
func (p *pool) get(now time.Time) *conn {
	for {
		p.mu.Lock()
		n := len(p.idle)
		if n == 0 {
			p.mu.Unlock()
			return nil
		}
		c := p.idle[n-1]
		p.idle[n-1] = nil
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		if now.Sub(c.used) < idleFor && c.silent() {
			return c
		}
		c.close()
	}
}

// put keeps a connection for the next request.
func (p *pool) put(c *conn) {
	c.used = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut {
		c.close()
		return
	}
	p.idle = append(p.idle, c)
	if p.prune == nil {
		p.prune = time.AfterFunc(idleFor, p.pruneOld)
	}
}

// pruneOld closes the connections that have been idle for long.
func (p *pool) pruneOld() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.prune = nil
	old := 0
	for old < len(p.idle) && time.Since(p.idle[old].used) >= idleFor {
		p.idle[old].close()
		old++
	}
	p.idle = append(p.idle[:0], p.idle[old:]...)
	if len(p.idle) > 0 && !p.shut {
		p.prune = time.AfterFunc(max(time.Second, idleFor-time.Since(p.idle[0].used)), p.pruneOld)
	}
}

// close implements sender.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut = true
	if p.prune != nil {
		p.prune.Stop()
	}
	for _, c := range p.idle {
		c.close()
	}
	p.idle = nil
}
