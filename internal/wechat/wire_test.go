package wechat

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pushd/internal/fanout"
)

// script is a server that answers the requests of each connection with the
// texts given, one each, and then closes. It counts connections.
func script(t *testing.T, opened *atomic.Int64, texts ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			opened.Add(1)
			go speak(conn, texts)
		}
	}()
	return "http://" + l.Addr().String()
}

func speak(conn net.Conn, texts []string) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for _, text := range texts {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		io.Copy(io.Discard, req.Body)
		io.WriteString(conn, text)
	}
}

func good(headers string) string {
	const body = `{"errcode":0,"errmsg":"ok"}`
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s", len(body), headers, body)
}

func TestWire_Answers(t *testing.T) {
	chunked := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{\"errcode\":0,\"er\r\nb\r\nrmsg\":\"ok\"}\r\n0\r\n\r\n"
	for _, tc := range []struct {
		name   string
		texts  []string
		sends  int
		opened int64 // connections
		want   []int // codes
	}{
		{"Kept", []string{good(""), good("")}, 2, 1, []int{0, 0}},
		{"Chunked", []string{chunked, chunked}, 2, 1, []int{0, 0}},
		{"Announced", []string{"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + good(""), good("")}, 2, 1, []int{0, 0}},
		{"ServerCloses", []string{good("Connection: close\r\n"), good("")}, 2, 2, []int{0, 0}},
		{"UnaskedAnswer", []string{good("") + good(""), good("")}, 2, 2, []int{0, 0}},
		{"Endless", []string{"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2*maxAnswer)}, 1, 1, []int{fanout.CodeBroken}},
		{"HalfAnAnswer", []string{good("")[:60]}, 1, 1, []int{fanout.CodeBroken}},
		{"NoAnswer", []string{""}, 1, 1, []int{fanout.CodeBroken}},
		{"NotHTTP", []string{"SSH-2.0\r\n\r\n"}, 1, 1, []int{fanout.CodeBroken}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var opened atomic.Int64
			c, err := New(Options{BaseURL: script(t, &opened, tc.texts...), SendTimeout: 5 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			for i := range tc.sends {
				a := c.Send(t.Context(), token, letter, "oA")
				if a.Code != tc.want[i] || a.Ambiguous != (tc.want[i] != 0) {
					t.Errorf("send %d: %+v", i, a)
				}
				checkNoSecret(t, a)
			}
			if opened.Load() != tc.opened {
				t.Errorf("%d connections, want %d", opened.Load(), tc.opened)
			}
		})
	}
}

// What a new connection costs is told apart from how long WeChat takes.
func TestWire_TellsTheWait(t *testing.T) {
	c, _ := serve(t, Options{}, answers(200, `{"errcode":0,"errmsg":"ok"}`))
	for i, opens := range []bool{true, false} {
		if a := c.Send(t.Context(), token, letter, "oA"); !a.OK() || a.Waited > 0 != opens {
			t.Errorf("send %d: %+v", i, a)
		}
	}
}

// A connection hears the end of the context whose send is under way, and of
// no other: that of an earlier job must not end a later one's.
func TestWire_HearsItsOwnContextOnly(t *testing.T) {
	arrived, answer := make(chan struct{}, 1), make(chan struct{})
	c, _ := serve(t, Options{MaxConns: 1, SendTimeout: time.Hour}, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // or the server would not notice a hang-up
		arrived <- struct{}{}
		select {
		case <-answer:
		case <-r.Context().Done():
		}
		io.WriteString(w, `{"errcode":0,"errmsg":"ok"}`)
	})
	send := func(ctx context.Context) <-chan fanout.Answer {
		out := make(chan fanout.Answer, 1)
		go func() { out <- c.Send(ctx, token, letter, "oA") }()
		<-arrived
		return out
	}
	one, end := context.WithCancel(t.Context())
	got := send(one)
	answer <- struct{}{}
	if a := <-got; !a.OK() {
		t.Fatalf("first job: %+v", a)
	}
	two, cut := context.WithCancel(t.Context())
	got = send(two)
	end()
	answer <- struct{}{}
	if a := <-got; !a.OK() || a.Waited > 0 {
		t.Errorf("second job, after the first has ended: %+v", a)
	}
	got = send(two)
	cut()
	if a := <-got; a.Code != fanout.CodeBroken || a.Text != "canceled" || !a.Ambiguous {
		t.Errorf("second job, cut: %+v", a)
	}
}

// A context that ends between two sends leaves the connection as it is.
func TestWire_ContextEndsBetweenSends(t *testing.T) {
	c, _ := serve(t, Options{}, answers(200, `{"errcode":0,"errmsg":"ok"}`))
	one, end := context.WithCancel(t.Context())
	if a := c.Send(one, token, letter, "oA"); !a.OK() {
		t.Fatalf("first job: %+v", a)
	}
	end()
	c.sends.(*wire).idle[0].cut(one) // as it will be called at some time
	if a := c.Send(t.Context(), token, letter, "oA"); !a.OK() || a.Waited > 0 {
		t.Errorf("second job: %+v", a)
	}
}

// A connection outlives the deadlines of its sends: it may rest for longer
// than a send may take.
func TestWire_OutlivesDeadlines(t *testing.T) {
	c, _ := serve(t, Options{}, answers(200, `{"errcode":0,"errmsg":"ok"}`))
	for i := range 3 {
		if a := c.Send(t.Context(), token, letter, "oA"); !a.OK() || a.Waited > 0 != (i == 0) {
			t.Errorf("send %d: %+v", i, a)
		}
		l := c.sends.(*wire).idle[0]
		past := time.Now().Add(-time.Second)
		if err := l.conn.SetDeadline(past); err != nil { // as if it had passed meanwhile
			t.Fatal(err)
		}
		l.ends, l.used = past, past
	}
}

// Whatever is taken as a plain answer, net/http reads in the same way.
func FuzzPlainAnswer(f *testing.F) {
	f.Add([]byte(good("")))
	f.Add([]byte(good("Connection: keep-alive\r\nDate: Sun, 26 Oct 2026 06:01:33 GMT\r\n")))
	for _, s := range []string{
		"Connection: close\r\n", "Transfer-Encoding: chunked\r\n", "Content-Length: 3\r\n", "Content-Length: +27\r\n", " folded: 1\r\n",
		"X: a\nTransfer-Encoding: chunked\r\n", "Trailer: X\r\n", "no colon\r\n", "X : 1\r\n", ": 1\r\n", "\r\n", "X: \x00\r\n", "X: \r\r\n",
	} {
		f.Add([]byte(good(s)))
	}
	f.Add([]byte("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200 OK\nConnection: close\r\nContent-Length: 0\r\n\r\n"))
	f.Add([]byte("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		body, ok := plainAnswer(text)
		if !ok {
			return
		}
		in := bufio.NewReader(bytes.NewReader(text))
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("net/http does not read it: %v", err)
		}
		want, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 || resp.Close || in.Buffered() != 0 || !bytes.Equal(body, want) {
			t.Errorf("%d %q close %v, %d bytes behind, %v; taken for %q", resp.StatusCode, want, resp.Close, in.Buffered(), err, body)
		}
	})
}

// A connection that the server has closed while it was idle is noticed before
// anything is written to it.
func TestWire_NoticesAClosedConnection(t *testing.T) {
	var opened atomic.Int64
	w := newWire(mustParse(t, script(t, &opened, good(""))), Options{SendTimeout: time.Second, MaxConns: 1})
	defer w.close()
	var buf answerBuffer
	for i := range 3 {
		if _, err := w.post(t.Context(), token, letter, "oA", &buf); err != nil {
			t.Fatalf("send %d: %v", i, err)
		}
		awaitMore(t, w.idle[0])
	}
	if opened.Load() != 3 {
		t.Errorf("%d connections", opened.Load())
	}
}

// awaitMore waits until something has arrived on the connection, or its end,
// taking nothing.
func awaitMore(t *testing.T, c *line) {
	t.Helper()
	if err := c.socket.Read(func(fd uintptr) bool {
		_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
		return err != syscall.EAGAIN
	}); err != nil {
		t.Fatal(err)
	}
}

// Connections that nobody uses go, those that somebody uses stay.
func TestWire_PrunesOldConnections(t *testing.T) {
	w := newWire(mustParse(t, "http://127.0.0.1:1"), Options{SendTimeout: time.Second, MaxConns: 4})
	defer w.close()
	for i := range 3 {
		a, b := net.Pipe()
		defer b.Close()
		w.keep(newLine(a, nil))
		w.idle[i].used = time.Now().Add(-time.Duration(2-i) * idleFor)
	}
	w.prune.Stop()
	w.pruneOld()
	if len(w.idle) != 1 || w.prune == nil {
		t.Errorf("%d connections stay", len(w.idle))
	}
}

func TestWire_NotSent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := "https://" + l.Addr().String()
	l.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	for name, base := range map[string]string{
		"Refused": gone, "NoTLS": strings.Replace(plain.URL, "http:", "https:", 1),
	} {
		t.Run(name, func(t *testing.T) {
			c, err := New(Options{BaseURL: base, TLS: &tls.Config{}})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if a := c.Send(t.Context(), token, letter, "oA"); a.Code != fanout.CodeNotSent || a.Ambiguous {
				t.Errorf("got %+v", a)
			}
		})
	}
}

// With a proxy set, sends go through it, and the rules are the same.
func TestClient_SendThroughAProxy(t *testing.T) {
	var tunnels atomic.Int64
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
	defer proxy.Close()
	to := mustParse(t, proxy.URL)
	c, _ := serve(t, Options{Proxy: http.ProxyURL(to)}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "oBad") {
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, `{"errcode":0,"errmsg":"ok"}`)
	})
	if a := c.Send(t.Context(), token, letter, "oGood"); !a.OK() || tunnels.Load() != 1 {
		t.Errorf("got %+v through %d tunnels", a, tunnels.Load())
	}
	if a := c.Send(t.Context(), token, letter, "oBad"); a.Code != fanout.CodeBroken || !a.Ambiguous {
		t.Errorf("got %+v", a)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if a := c.Send(ctx, token, letter, "oGood"); a.Code != fanout.CodeNotSent || a.Ambiguous {
		t.Errorf("got %+v", a)
	}
}

func mustParse(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
