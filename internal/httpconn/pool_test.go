package httpconn

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
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

// fine is a good response with more headers.
func fine(headers string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s", len(good), headers, good)
}

func TestPool_Responses(t *testing.T) {
	chunked := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"ok\r\n7\r\n\":true}\r\n0\r\n\r\n"
	for _, tc := range []struct {
		name   string
		texts  []string
		posts  int
		opened int64 // connections
		err    error // of all of them
	}{
		{"Kept", []string{fine(""), fine("")}, 2, 1, nil},
		{"Chunked", []string{chunked, chunked}, 2, 1, nil},
		{"Announced", []string{"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + fine(""), fine("")}, 2, 1, nil},
		{"ServerCloses", []string{fine("Connection: close\r\n"), fine("")}, 2, 2, nil},
		{"NotAskedFor", []string{fine("") + fine(""), fine("")}, 2, 2, nil},
		{"Endless", []string{"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2*maxResponse)}, 1, 1, ErrTooLong},
		{"Half", []string{fine("")[:len(fine(""))-1]}, 1, 1, io.ErrUnexpectedEOF},
		{"None", []string{""}, 1, 1, io.ErrUnexpectedEOF},
		{"NotHTTP", []string{"SSH-2.0\r\n\r\n"}, 1, 1, errAny},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var opened atomic.Int64
			c := client(t, options(t, script(t, &opened, tc.texts...)))
			for i := range tc.posts {
				r, err := c.Post(t.Context(), request("good"), make([]byte, 100))
				if !r.Written || tc.err == nil && (err != nil || string(r.Body) != good) || tc.err != nil && err == nil ||
					tc.err != errAny && !errors.Is(err, tc.err) {
					t.Errorf("request %d: %+v, %v", i, r, err)
				}
			}
			if opened.Load() != tc.opened {
				t.Errorf("%d connections, want %d", opened.Load(), tc.opened)
			}
		})
	}
}

// errAny stands for an error of no particular kind.
var errAny = errors.New("any")

// A status other than 200 is a response like any other.
func TestPool_Status(t *testing.T) {
	var opened atomic.Int64
	bad := "HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno"
	c := client(t, options(t, script(t, &opened, bad, bad)))
	for i := range 2 {
		r, err := c.Post(t.Context(), request("good"), make([]byte, 100))
		if err != nil || r.Status != 503 || string(r.Body) != "no" || !r.Written {
			t.Errorf("request %d: %+v, %v", i, r, err)
		}
	}
	if opened.Load() != 1 {
		t.Errorf("%d connections", opened.Load())
	}
}

// What a new connection costs is told apart from how long the server takes.
func TestPool_TellsTheWait(t *testing.T) {
	c := serve(t, answer, nil)
	for i, opens := range []bool{true, false} {
		if r := mustPost(t, c, t.Context()); r.Waited > 0 != opens {
			t.Errorf("request %d: waited %v", i, r.Waited)
		}
	}
}

// A connection hears the end of the context whose request is under way, and
// of no other: that of an earlier request must not end a later one.
func TestPool_HearsItsOwnContextOnly(t *testing.T) {
	arrived, respond := make(chan struct{}, 1), make(chan struct{})
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // or the server would not notice a hang-up
		arrived <- struct{}{}
		select {
		case <-respond:
		case <-r.Context().Done():
		}
		io.WriteString(w, good)
	}, func(o *Options) { o.MaxConns, o.Timeout = 1, time.Hour })
	type result struct {
		Response
		err error
	}
	post := func(ctx context.Context) <-chan result {
		out := make(chan result, 1)
		go func() {
			r, err := c.Post(ctx, request("good"), nil)
			out <- result{r, err}
		}()
		<-arrived
		return out
	}
	one, end := context.WithCancel(t.Context())
	got := post(one)
	respond <- struct{}{}
	if r := <-got; r.err != nil {
		t.Fatalf("first context: %+v", r)
	}
	two, cut := context.WithCancel(t.Context())
	got = post(two)
	end()
	respond <- struct{}{}
	if r := <-got; r.err != nil || r.Waited > 0 {
		t.Errorf("second context, after the first has ended: %+v", r)
	}
	got = post(two)
	cut()
	if r := <-got; !errors.Is(r.err, context.Canceled) || !r.Written {
		t.Errorf("second context, cut: %+v", r)
	}
}

// A context that ends between two requests leaves the connection as it is.
func TestPool_ContextEndsBetweenRequests(t *testing.T) {
	c := serve(t, answer, nil)
	one, end := context.WithCancel(t.Context())
	mustPost(t, c, one)
	end()
	c.sender.(*pool).idle[0].cut(one) // as it will be called at some time
	if r := mustPost(t, c, t.Context()); r.Waited > 0 {
		t.Errorf("second request: waited %v", r.Waited)
	}
}

// A connection outlives the deadlines of its requests: it may rest for longer
// than a request may take.
func TestPool_OutlivesDeadlines(t *testing.T) {
	c := serve(t, answer, nil)
	for i := range 3 {
		if r := mustPost(t, c, t.Context()); r.Waited > 0 != (i == 0) {
			t.Errorf("request %d: waited %v", i, r.Waited)
		}
		idle := c.sender.(*pool).idle[0]
		past := time.Now().Add(-time.Second)
		if err := idle.net.SetDeadline(past); err != nil { // as if it had passed meanwhile
			t.Fatal(err)
		}
		idle.ends, idle.used = past, past
	}
}

// A connection that the server has closed while it was idle is noticed before
// anything is written to it.
func TestPool_NoticesAClosedConnection(t *testing.T) {
	var opened atomic.Int64
	c := client(t, options(t, script(t, &opened, fine(""))))
	for range 3 {
		mustPost(t, c, t.Context())
		awaitMore(t, c.sender.(*pool).idle[0])
	}
	if opened.Load() != 3 {
		t.Errorf("%d connections", opened.Load())
	}
}

// awaitMore waits until something has arrived on the connection, or its end,
// taking nothing.
func awaitMore(t *testing.T, c *conn) {
	t.Helper()
	if err := c.socket.Read(func(fd uintptr) bool {
		_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
		return err != syscall.EAGAIN
	}); err != nil {
		t.Fatal(err)
	}
}

// Connections that have been idle for long go, the others stay.
func TestPool_PrunesOldConnections(t *testing.T) {
	p := newPool(options(t, "http://127.0.0.1:1"))
	defer p.close()
	for i := range 3 {
		a, b := net.Pipe()
		defer b.Close()
		p.put(newConn(a, nil))
		p.idle[i].used = time.Now().Add(-time.Duration(2-i) * idleFor)
	}
	p.prune.Stop()
	p.pruneOld()
	if len(p.idle) != 1 || p.prune == nil {
		t.Fatalf("%d connections stay", len(p.idle))
	}
	p.idle[0].used = time.Now().Add(-idleFor)
	p.prune.Stop()
	p.pruneOld()
	if len(p.idle) != 0 || p.prune != nil {
		t.Errorf("%d connections stay that are all old", len(p.idle))
	}
}

// Where the address has no port it is the scheme's.
func TestNewPool_Port(t *testing.T) {
	for server, want := range map[string]string{
		"http://a.example": "a.example:80", "https://a.example": "a.example:443", "https://[::1]": "[::1]:443", "https://a.example:8": "a.example:8",
	} {
		if p := newPool(options(t, server)); p.address != want {
			t.Errorf("%s: %s, want %s", server, p.address, want)
		}
	}
}
