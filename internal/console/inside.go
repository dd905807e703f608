package console

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"pushd/api/client"
)

// base is the address of an API in the same process; nothing resolves it.
const base = "http://pushd"

// askFor bounds a page's calls of the API, which itself gives a database 8 s and
// WeChat 30 s.
const askFor = 35 * time.Second

// asking bounds the calls for a request.
func asking(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.Context(), askFor)
}

// client is the API for someone with a key.
func (c *Console) client(r *http.Request, key string) client.Client {
	return client.Client{URL: base, Key: key, HTTP: &http.Client{Transport: inside{c.API, r}}}
}

// inside is a transport to the API without a network between. A call is made in
// the name of the request from outside: the log shows where that came from.
type inside struct {
	api     http.Handler
	outside *http.Request
}

// RoundTrip implements http.RoundTripper. The answer is read while it is written.
func (t inside) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	r = r.Clone(ctx)
	r.RemoteAddr, r.RequestURI, r.Host = t.outside.RemoteAddr, r.URL.RequestURI(), t.outside.Host
	if r.Body == nil {
		r.Body = http.NoBody
	}
	read, write := io.Pipe()
	w := &answer{header: http.Header{}, body: write, begun: make(chan struct{})}
	go func() {
		defer func() {
			err := error(nil)
			if v := recover(); v != nil { // the API logs its own panics
				err = errors.New("the answer was cut off")
			}
			w.WriteHeader(http.StatusOK)
			_ = write.CloseWithError(err) // never fails
		}()
		t.api.ServeHTTP(w, r)
	}()
	select {
	case <-w.begun:
	case <-ctx.Done():
		cancel()
		_ = read.CloseWithError(ctx.Err()) // never fails
		return nil, ctx.Err()
	}
	return &http.Response{
		StatusCode: w.status, Header: w.sent, Body: unread{read, cancel},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1, Request: r,
	}, nil
}

// unread is an answer's body. Whoever closes it is a client that goes away.
type unread struct {
	*io.PipeReader
	cancel context.CancelFunc
}

// Close implements io.Closer.
func (u unread) Close() error {
	u.cancel()
	return u.PipeReader.Close()
}

// answer is where the API writes.
type answer struct {
	header http.Header
	body   *io.PipeWriter
	once   sync.Once
	begun  chan struct{}
	status int
	sent   http.Header
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	a.once.Do(func() {
		a.status, a.sent = status, a.header.Clone()
		close(a.begun)
	})
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// Flush implements http.Flusher: nothing is held back.
func (a *answer) Flush() {}

// forward hands a request on to the API, which answers the browser itself: for
// lists that are too long to be held.
func (c *Console) forward(v *visit, path string) {
	r := v.r.Clone(v.r.Context())
	r.Method, r.URL.Path, r.URL.RawPath, r.Body = http.MethodGet, path, "", http.NoBody
	r.Header.Set("Authorization", "Bearer "+v.session.Key)
	r.Header.Del("Cookie")
	c.API.ServeHTTP(v.w, r)
}
