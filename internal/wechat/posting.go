package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"pushd/internal/fanout"
)

// proxied carries sends through net/http's transport: where a proxy is set,
// for it knows all kinds of them.
type proxied struct {
	transport *http.Transport
	url       url.URL     // without its query
	header    http.Header // never changed
	timeout   time.Duration
}

// post implements carrier.
func (x *proxied) post(ctx context.Context, tok fanout.Token, l *fanout.Letter, to fanout.OpenID, buf *answerBuffer) (r carried, err error) {
	ctx, cancel := context.WithTimeout(ctx, x.timeout)
	defer cancel()
	var asked, got time.Time
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { asked = time.Now() },
		GotConn: func(httptrace.GotConnInfo) { got = time.Now() },
	})
	p, u := newPosting(l, to), x.url
	u.RawQuery = "access_token=" + url.QueryEscape(string(tok))
	req := http.Request{
		Method: http.MethodPost, URL: &u, Header: x.header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: &p.first, GetBody: p.again, ContentLength: p.size(),
	}
	resp, err := x.transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return carried{begun: p.begun()}, err
	}
	defer resp.Body.Close()
	r = carried{begun: true, status: resp.StatusCode, waited: got.Sub(asked)}
	r.body, err = readAnswer(resp.Body, buf)
	return r, err
}

func (x *proxied) close() {}

// posting is the body of one send: head, openid, tail, read without being
// put together first.
//
// It also knows whether WeChat can have got the message. The transport reads
// a body only once it has a connection and has begun to write the request, so
// a posting of which nothing was read was not sent, whatever the error says;
// begun seals it, and the transport, should it still be busy in the
// background, gets an error instead of the first byte.
type posting struct {
	parts [3][]byte
	state atomic.Uint32
	first postingReader
}

// The states of a posting.
const (
	fresh  = iota // nothing was read
	taken         // something was
	sealed        // nothing was, and nothing will be
)

var errSealed = errors.New("send was given up")

func newPosting(l *fanout.Letter, to fanout.OpenID) *posting {
	p := &posting{parts: [3][]byte{l.Head, []byte(quoted(to)), l.Tail}}
	p.first.p = p
	return p
}

func (p *posting) size() int64 {
	return int64(len(p.parts[0]) + len(p.parts[1]) + len(p.parts[2]))
}

// begun says whether the transport took anything of the posting. If it did
// not, it can't any more.
func (p *posting) begun() bool { return !p.state.CompareAndSwap(fresh, sealed) }

// again is http.Request.GetBody. The transport calls it for a POST only when
// not one byte of the first try was written to its connection, so the posting
// is as good as fresh.
func (p *posting) again() (io.ReadCloser, error) {
	p.state.CompareAndSwap(taken, fresh)
	return &postingReader{p: p}, nil
}

// postingReader reads a posting from the start.
type postingReader struct {
	p    *posting
	part int
	at   int // in that part
}

// Read implements io.Reader.
func (r *postingReader) Read(b []byte) (int, error) {
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
func (r *postingReader) Close() error { return nil }

// quoted returns the openid as it stands between the quotes of a JSON string.
// Real openids are letters, digits, - and _, and stay as they are.
func quoted(to fanout.OpenID) string {
	for i := range len(to) {
		if c := to[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x7f {
			return escaped(to)
		}
	}
	return string(to)
}

func escaped(to fanout.OpenID) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(string(to)); err != nil {
		return "" // a string always encodes
	}
	out := strings.TrimSuffix(b.String(), "\n")
	return out[1 : len(out)-1]
}
