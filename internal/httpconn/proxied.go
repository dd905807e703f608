package httpconn

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
)

// proxied is a sender over net/http's transport.
type proxied struct {
	transport *http.Transport
	url       url.URL     // without its query
	param     string      // escaped
	header    http.Header // never changed
	timeout   time.Duration
}

func newProxied(o Options) *proxied {
	return &proxied{
		transport: o.Transport, url: *o.URL, param: url.QueryEscape(o.Param), timeout: o.Timeout,
		header: http.Header{"Content-Type": {o.ContentType}, "User-Agent": {o.UserAgent}},
	}
}

// post implements sender.
func (x *proxied) post(ctx context.Context, in Request, buf []byte) (r Response, err error) {
	ctx, cancel := context.WithTimeout(ctx, x.timeout)
	defer cancel()
	var asked, got time.Time
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { asked = time.Now() },
		GotConn: func(httptrace.GotConnInfo) { got = time.Now() },
	})
	p, u := newBody(in), x.url
	u.RawQuery = x.param + "=" + url.QueryEscape(in.Param)
	req := http.Request{
		Method: http.MethodPost, URL: &u, Header: x.header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: &p.first, GetBody: p.again, ContentLength: int64(in.size()),
	}
	resp, err := x.transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return Response{Written: p.begun()}, err
	}
	defer resp.Body.Close()
	r = Response{Written: true, Status: resp.StatusCode, Waited: got.Sub(asked)}
	r.Body, err = readBody(resp.Body, buf)
	return r, err
}

// close implements sender.
func (x *proxied) close() {}

// body is the body of one request, read without being put together first.
//
// It also knows whether the server can have got it. The transport reads a body
// only once it has a connection and has begun to write the request, so a
// body of which nothing was read was not written, whatever the error says;
// begun seals it, and the transport, should it still be busy in the
// background, gets an error instead of the first byte.
type body struct {
	parts [3][]byte
	state atomic.Uint32
	first bodyReader
}

// The states of a body.
const (
	fresh  = iota // nothing was read
	taken         // something was
	sealed        // nothing was, and nothing will be
)

var errSealed = errors.New("the request was given up")

func newBody(r Request) *body {
	p := &body{parts: [3][]byte{r.Head, []byte(r.Middle), r.Tail}}
	p.first.p = p
	return p
}

// begun says whether the transport took anything of the body. If it did
// not, it can't any more.
func (p *body) begun() bool { return !p.state.CompareAndSwap(fresh, sealed) }

// again is http.Request.GetBody. The transport calls it for a POST only when
// not one byte of the first try was written to its connection, so the body
// is as good as fresh.
func (p *body) again() (io.ReadCloser, error) {
	p.state.CompareAndSwap(taken, fresh)
	return &bodyReader{p: p}, nil
}

// bodyReader reads a body from the start.
type bodyReader struct {
	p    *body
	part int
	at   int // in that part
}

// Read implements io.Reader.
func (r *bodyReader) Read(b []byte) (int, error) {
	s := &r.p.state
	if !s.CompareAndSwap(fresh, taken) && s.Load() == sealed {
		return 0, errSealed
	}
	n := 0
	for n < len(b) && r.part < len(r.p.parts) {
		k := copy(b[n:], r.p.parts[r.part][r.at:])
		n, r.at = n+k, r.at+k
		if r.at == len(r.p.parts[r.part]) {
			r.part, r.at = r.part+1, 0
		}
	}
	if n == 0 && len(b) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Close implements io.Closer.
func (r *bodyReader) Close() error { return nil }
