package httpconn

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const good = `{"ok":true}`

// request is a request whose body says what the server shall do.
func request(what string) Request {
	return Request{Param: "a secret/+1", Head: []byte("<"), Middle: what, Tail: []byte(">")}
}

// options are those of a test, for a server.
func options(t testing.TB, server string) Options {
	t.Helper()
	u, err := url.Parse(server + "/a/path")
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		URL: u, Param: "key", UserAgent: "tester/1", ContentType: "text/x-test",
		Timeout: 5 * time.Second, MaxConns: 4,
	}
}

// serve starts a server with TLS, and a client of it.
func serve(t testing.TB, h http.HandlerFunc, change func(*Options)) *Client {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	o := options(t, s.URL)
	o.TLS = trusted(s)
	if change != nil {
		change(&o)
	}
	return client(t, o)
}

func client(t testing.TB, o Options) *Client {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// trusted is what a client of a test's server needs.
func trusted(s *httptest.Server) *tls.Config {
	return &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
}

// answer reads the request, and answers well.
func answer(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	io.WriteString(w, good)
}

// hangUp reads the request and closes the connection, but for a good request.
func hangUp(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if strings.Contains(string(body), "good") {
		io.WriteString(w, good)
		return
	}
	panic(http.ErrAbortHandler)
}

// hang holds a request until its client has gone, and ends without a response.
func hang(r *http.Request) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// mustPost posts a request that must succeed.
func mustPost(t testing.TB, c *Client, ctx context.Context) Response {
	t.Helper()
	r, err := c.Post(ctx, request("good"), make([]byte, 100))
	if err != nil || !r.Written || r.Status != 200 || string(r.Body) != good {
		t.Fatalf("got %+v, %v", r, err)
	}
	return r
}

// through makes a test go through net/http's transport and a proxy, which
// counts its tunnels.
func through(t testing.TB, tunnels *atomic.Int64) func(*Options) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tunnels.Add(1)
		there, err := net.Dial("tcp", r.Host)
		if err != nil {
			http.Error(w, "no way", http.StatusBadGateway)
			return
		}
		here, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { io.Copy(there, here); there.Close() }()
		io.Copy(here, there)
		here.Close()
	}))
	t.Cleanup(proxy.Close)
	return func(o *Options) {
		u, _ := url.Parse(proxy.URL)
		o.Transport = &http.Transport{Proxy: http.ProxyURL(u), TLSClientConfig: o.TLS}
		t.Cleanup(o.Transport.CloseIdleConnections)
	}
}

// both runs a test with connections of our own, and through a proxy.
func both(t *testing.T, test func(t *testing.T, change func(*Options))) {
	t.Run("Pool", func(t *testing.T) { test(t, nil) })
	t.Run("Proxied", func(t *testing.T) {
		var tunnels atomic.Int64
		test(t, through(t, &tunnels))
		if tunnels.Load() == 0 {
			t.Error("nothing went through the proxy")
		}
	})
}

func TestClient_Post(t *testing.T) {
	both(t, func(t *testing.T, change func(*Options)) {
		var got *http.Request
		var body string
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			got, body = r, string(b)
			io.WriteString(w, good)
		}, change)
		for _, what := range []string{"good", "", "中"} {
			r, err := c.Post(t.Context(), request(what), make([]byte, 100))
			if err != nil || !r.Written || r.Status != 200 || string(r.Body) != good {
				t.Fatalf("got %+v, %v", r, err)
			}
			if body != "<"+what+">" || got.ContentLength != int64(len(body)) || got.Method != "POST" || got.Proto != "HTTP/1.1" ||
				got.URL.Path != "/a/path" || got.URL.RawQuery != "key=a+secret%2F%2B1" ||
				got.Header.Get("User-Agent") != "tester/1" || got.Header.Get("Content-Type") != "text/x-test" {
				t.Errorf("sent %s %s %v: %s", got.Method, got.URL, got.Header, body)
			}
		}
	})
}

// A setting can't end the header that it stands in.
func TestClient_HeadersOfOneLine(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("User-Agent"); got != "aX: 1" || r.Header.Get("X") != "" {
			t.Errorf("User-Agent %q, X %q", got, r.Header.Get("X"))
		}
		answer(w, r)
	}, func(o *Options) { o.UserAgent = "a\r\nX: 1" })
	mustPost(t, c, t.Context())
}

// A body that does not fit is read to its end and left out.
func TestClient_BodyDoesNotFit(t *testing.T) {
	both(t, func(t *testing.T, change func(*Options)) {
		c := serve(t, answer, change)
		for size, fits := range map[int]bool{0: false, len(good) - 1: false, len(good): true, len(good) + 1: true} {
			r, err := c.Post(t.Context(), request("good"), make([]byte, size))
			if err != nil || r.Status != 200 || !r.Written {
				t.Errorf("%d bytes: %+v, %v", size, r, err)
			}
			if fits && string(r.Body) != good || !fits && r.Body != nil {
				t.Errorf("%d bytes: got %q", size, r.Body)
			}
		}
	})
}

// What has arrived is never repeated: not on a new connection, not on one
// that is used again.
func TestClient_NeverRepeats(t *testing.T) {
	both(t, func(t *testing.T, change func(*Options)) {
		var arrived atomic.Int64
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			arrived.Add(1)
			hangUp(w, r)
		}, change)
		for _, again := range []bool{false, true} {
			if again {
				mustPost(t, c, t.Context())
			}
			before := arrived.Load()
			if r, err := c.Post(t.Context(), request("bad"), nil); err == nil || !r.Written {
				t.Errorf("again %v: %+v, %v", again, r, err)
			}
			if n := arrived.Load() - before; n != 1 {
				t.Errorf("again %v: arrived %d times", again, n)
			}
		}
	})
}

// A connection that the server closes while it is idle: either that is noticed
// before anything is written, and another one is taken, or the request may have
// been written. It never arrives twice.
func TestClient_ClosedWhileIdle(t *testing.T) {
	closed := make(chan struct{}, 16)
	var arrived atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		answer(w, r)
	}))
	s.Config.IdleTimeout = time.Millisecond
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateClosed {
			closed <- struct{}{}
		}
	}
	s.StartTLS()
	defer s.Close()
	o := options(t, s.URL)
	o.TLS = trusted(s)
	c := client(t, o)
	var ok int64
	for i := range 5 {
		r, err := c.Post(t.Context(), request("good"), make([]byte, 100))
		switch {
		case err == nil:
			ok++
			<-closed
		case !r.Written:
			t.Errorf("request %d: not written, %v", i, err)
		}
	}
	if n := arrived.Load(); n != ok || n == 0 {
		t.Errorf("%d requests arrived, %d were answered", n, ok)
	}
}

// All connections are in use: what waits in vain was not written.
func TestClient_WaitsForAConnection(t *testing.T) {
	hold, holding := make(chan struct{}), make(chan struct{})
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		holding <- struct{}{}
		<-hold
		io.WriteString(w, good)
	}, func(o *Options) { o.MaxConns, o.Timeout = 1, time.Minute })
	first := make(chan error)
	go func() {
		_, err := c.Post(t.Context(), request("good"), nil)
		first <- err
	}()
	<-holding
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if r, err := c.Post(ctx, request("good"), nil); !errors.Is(err, context.DeadlineExceeded) || r.Written {
		t.Errorf("in vain: %+v, %v", r, err)
	}
	second := make(chan error)
	go func() {
		_, err := c.Post(t.Context(), request("good"), nil)
		second <- err
	}()
	hold <- struct{}{}
	if err := <-first; err != nil {
		t.Errorf("first: %v", err)
	}
	<-holding
	close(hold)
	if err := <-second; err != nil {
		t.Errorf("second: %v", err)
	}
}

func TestClient_Canceled(t *testing.T) {
	both(t, func(t *testing.T, change func(*Options)) {
		arrived := make(chan struct{})
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			close(arrived)
			hang(r)
		}, change)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-arrived; cancel() }()
		if r, err := c.Post(ctx, request("good"), nil); !errors.Is(err, context.Canceled) || !r.Written {
			t.Errorf("under way: %+v, %v", r, err)
		}
		if r, err := c.Post(ctx, request("good"), nil); !errors.Is(err, context.Canceled) || r.Written {
			t.Errorf("before: %+v, %v", r, err)
		}
	})
}

// The deadline is that of the request or that of the context, whichever comes
// first. What has arrived by then was written.
func TestClient_TimesOut(t *testing.T) {
	both(t, func(t *testing.T, change func(*Options)) {
		for _, own := range []bool{false, true} {
			var arrived atomic.Bool
			c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
				arrived.Store(true)
				io.Copy(io.Discard, r.Body)
				hang(r)
			}, func(o *Options) {
				o.Timeout = time.Minute
				if own {
					o.Timeout = 100 * time.Millisecond
				}
				if change != nil {
					change(o)
				}
			})
			ctx, cancel := t.Context(), func() {}
			if !own {
				ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
			}
			r, err := c.Post(ctx, request("good"), nil)
			if slow := net.Error(nil); !errors.As(err, &slow) || !slow.Timeout() || arrived.Load() && !r.Written {
				t.Errorf("own %v: %+v, %v", own, r, err)
			}
			cancel()
		}
	})
}

// One connection serves one request after the other, and no more than MaxConns
// are ever open.
func TestClient_KeepsConnections(t *testing.T) {
	var conns, most, open atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(answer))
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		switch st {
		case http.StateNew:
			conns.Add(1)
			most.Store(max(most.Load(), open.Add(1)))
		case http.StateClosed:
			open.Add(-1)
		}
	}
	s.StartTLS()
	defer s.Close()
	o := options(t, s.URL)
	o.TLS = trusted(s)
	c := client(t, o)
	done := make(chan error)
	for range 8 {
		go func() {
			var err error
			for i := 0; i < 25 && err == nil; i++ {
				_, err = c.Post(t.Context(), request("good"), nil)
			}
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Errorf("got %v", err)
		}
	}
	if conns.Load() > 4 || most.Load() > 4 {
		t.Errorf("%d connections, %d at once, want at most 4", conns.Load(), most.Load())
	}
}

func TestClient_NotWritten(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := "https://" + l.Addr().String()
	l.Close()
	mute, err := net.Listen("tcp", "127.0.0.1:0") // the handshake never ends
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	other := httptest.NewUnstartedServer(http.NotFoundHandler())
	other.Config.ErrorLog = log.New(io.Discard, "", 0)
	other.StartTLS()
	defer other.Close()
	for name, server := range map[string]string{
		"Refused": gone, "NoTLS": strings.Replace(plain.URL, "http:", "https:", 1), "Mute": "https://" + mute.Addr().String(),
		"NotTrusted": other.URL,
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t, server)
			if name == "Mute" {
				o.Timeout = 50 * time.Millisecond
			}
			c := client(t, o)
			if r, err := c.Post(t.Context(), request("good"), nil); err == nil || r.Written {
				t.Errorf("got %+v, %v", r, err)
			}
		})
	}
}

// After Close no connection is kept.
func TestClient_CloseDuringARequest(t *testing.T) {
	var c *Client
	c = serve(t, func(w http.ResponseWriter, r *http.Request) {
		c.Close()
		answer(w, r)
	}, nil)
	mustPost(t, c, t.Context())
	if n := len(c.sender.(*pool).idle); n != 0 {
		t.Errorf("%d connections are kept", n)
	}
}

func TestNew_Proxy(t *testing.T) {
	o := options(t, "https://127.0.0.1:1")
	for name, tc := range map[string]struct {
		proxy *url.URL
		err   error
	}{
		"None": {nil, nil}, "One": {&url.URL{Host: "127.0.0.1:1"}, nil}, "Bad": {nil, errors.New("bad proxy http://me:secret@")},
	} {
		o.Transport = &http.Transport{Proxy: func(r *http.Request) (*url.URL, error) {
			if r.URL.String() != "https://127.0.0.1:1/a/path" {
				t.Errorf("asked for the proxy of %s", r.URL)
			}
			return tc.proxy, tc.err
		}}
		c, err := New(o)
		if tc.err != nil {
			if !errors.Is(err, ErrProxy) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if _, own := c.sender.(*pool); err != nil || own != (tc.proxy == nil) {
			t.Errorf("%s: own connections %v, %v", name, own, err)
		}
	}
}

func TestNew_Refuses(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(*Options)
		want  string
	}{
		"NoURL":    {func(o *Options) { o.URL = nil }, "URL must be"},
		"Scheme":   {func(o *Options) { o.URL.Scheme = "ftp" }, "URL must be"},
		"NoHost":   {func(o *Options) { o.URL.Host = "" }, "URL must be"},
		"NoPath":   {func(o *Options) { o.URL.Path = "" }, "URL must be"},
		"Relative": {func(o *Options) { o.URL.Path = "a" }, "URL must be"},
		"Timeout":  {func(o *Options) { o.Timeout = 0 }, "positive"},
		"MaxConns": {func(o *Options) { o.MaxConns = 0 }, "positive"},
	} {
		o := options(t, "http://127.0.0.1:1")
		tc.spoil(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A body may end with its last bytes or after them, and fits if it ends where
// the buffer does.
func TestReadBody(t *testing.T) {
	broken := errors.New("broken")
	for _, tc := range []struct {
		name string
		r    io.Reader
		size int
		body string // "" for nil
		err  error
	}{
		{"Fits", strings.NewReader(good), len(good) + 1, good, nil},
		{"JustFits", strings.NewReader(good), len(good), good, nil},
		{"EndsAtOnce", iotest.DataErrReader(strings.NewReader(good)), len(good), good, nil},
		{"TooLong", strings.NewReader(good), len(good) - 1, "", nil},
		{"BrokenBefore", io.MultiReader(strings.NewReader(good), iotest.ErrReader(broken)), len(good) + 1, "", broken},
		{"BrokenAtTheEnd", io.MultiReader(strings.NewReader(good), iotest.ErrReader(broken)), len(good), "", broken},
	} {
		body, err := readBody(tc.r, make([]byte, tc.size))
		if string(body) != tc.body || (body == nil) != (tc.body == "") || !errors.Is(err, tc.err) {
			t.Errorf("%s: %q, %v", tc.name, body, err)
		}
	}
}
