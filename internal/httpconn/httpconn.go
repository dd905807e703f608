// Package httpconn posts requests to one URL over HTTP/1.1, one at a time on
// each connection, and says of a request that failed whether the server can
// have got it: the one question that decides whether it may be repeated.
//
// It repeats nothing, follows no redirect and knows nothing of what is sent
// or answered. docs/decisions/own-wire.md says why it is not net/http's
// client, and what that costs.
package httpconn

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Options say where the requests go and how. All but TLS and Transport are
// required.
type Options struct {
	// URL is where they go: http or https, a host and a path.
	URL *url.URL
	// Param is the name of the query's parameter; each request gives its value.
	Param string
	// UserAgent and ContentType are the headers.
	UserAgent, ContentType string
	// Timeout bounds a request from the wait for a connection to the last
	// byte of the response. It may end early by a thirty-second part.
	Timeout time.Duration
	// MaxConns bounds the connections; a request beyond it waits for one.
	MaxConns int
	// TLS is for https; ServerName and NextProtos are set here.
	TLS *tls.Config
	// Transport carries the requests, within its own limits and with its own
	// TLS, if its Proxy names a proxy for URL: net/http knows all kinds of
	// them. Otherwise it is not used.
	Transport *http.Transport
}

// Request is one POST. Its body is Head, Middle and Tail, so that what
// requests have in common is encoded once and never put together.
type Request struct {
	Param  string // the value of Options.Param, not escaped
	Head   []byte
	Middle string
	Tail   []byte
}

// size is the length of the body.
func (r Request) size() int { return len(r.Head) + len(r.Middle) + len(r.Tail) }

// Response is what became of a request, as far as HTTP knows.
type Response struct {
	// Written says that some of the request may have been written, so that
	// the server may have got it. If not, not one byte was.
	Written bool
	// Status is the HTTP status; 0 if none came.
	Status int
	// Body is nil if it did not fit.
	Body []byte
	// Waited is how long there was no connection: the wait for a free one, and
	// for opening it.
	Waited time.Duration
}

// ErrTooLong says that the head of a response, or all of it, has no end that
// anybody would wait for.
var ErrTooLong = errors.New("the response is too long")

// ErrProxy says that Options.Transport does not know its proxy. It says no
// more, for the settings of a proxy may hold a password.
var ErrProxy = errors.New("the settings of the proxy are no good")

// Client posts requests; it is safe for concurrent use.
type Client struct{ sender sender }

// sender is how requests travel.
type sender interface {
	post(ctx context.Context, req Request, buf []byte) (Response, error)
	close()
}

// New makes a client; it connects to nothing yet.
func New(o Options) (*Client, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Transport != nil && o.Transport.Proxy != nil {
		proxy, err := o.Transport.Proxy(&http.Request{URL: o.URL})
		if err != nil {
			return nil, ErrProxy
		}
		if proxy != nil {
			return &Client{newProxied(o)}, nil
		}
	}
	return &Client{newPool(o)}, nil
}

func (o *Options) check() error {
	switch u := o.URL; {
	case u == nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || !strings.HasPrefix(u.Path, "/"):
		return errors.New("http connections: URL must be http or https, with a host and a path")
	case o.Timeout <= 0 || o.MaxConns <= 0:
		return errors.New("http connections: Timeout and MaxConns must be positive")
	}
	return nil
}

// Post posts a request and reads the response into buf, of which
// Response.Body is a part. An error may quote the query, or what a proxy
// answered.
func (c *Client) Post(ctx context.Context, req Request, buf []byte) (Response, error) {
	return c.sender.post(ctx, req, buf)
}

// Close closes the idle connections, and the others after their requests.
// Those of Options.Transport are left to its owner.
func (c *Client) Close() { c.sender.close() }

// readBody reads to the end, so that the connection can be used again. It
// returns nil for a body that does not fit.
func readBody(r io.Reader, buf []byte) ([]byte, error) {
	for n := 0; n < len(buf); {
		k, err := r.Read(buf[n:])
		n += k
		if errors.Is(err, io.EOF) {
			return buf[:n], nil
		}
		if err != nil {
			return nil, err
		}
	}
	more, err := io.CopyN(io.Discard, r, maxResponse)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if more == 0 && err == nil {
		return buf, nil
	}
	return nil, err
}
