package httpconn

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// stammerer is a server that answers the n-th request of all with n, and each
// one once more: at once, or when it is told to.
type stammerer struct {
	url  string
	conf *tls.Config
	more chan struct{} // nil: at once, in the same segment
	n    atomic.Int64
}

func newStammerer(t *testing.T, secure, late bool) *stammerer {
	t.Helper()
	s := &stammerer{}
	if late {
		s.more = make(chan struct{})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s.url = "http://" + l.Addr().String()
	var conf *tls.Config
	if secure {
		known := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
		t.Cleanup(known.Close)
		conf = &tls.Config{Certificates: known.TLS.Certificates}
		s.conf = trusted(known)
		s.url = "https://" + l.Addr().String()
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.speak(&corked{Conn: conn}, conf)
		}
	}()
	return s
}

// corked holds writes back until it is told to let them go, in one.
type corked struct {
	net.Conn
	cork bool
	held bytes.Buffer
}

func (c *corked) Write(b []byte) (int, error) {
	if c.cork {
		return c.held.Write(b)
	}
	return c.Conn.Write(b)
}

func (s *stammerer) speak(below *corked, conf *tls.Config) {
	defer below.Close()
	conn := net.Conn(below)
	if conf != nil {
		conn = tls.Server(below, conf)
	}
	in := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		io.Copy(io.Discard, req.Body)
		body := fmt.Sprint(s.n.Add(1))
		answer := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		below.cork = s.more == nil
		io.WriteString(conn, answer)
		if s.more != nil {
			if _, ok := <-s.more; !ok {
				return
			}
		}
		io.WriteString(conn, answer)
		below.cork = false
		below.held.WriteTo(below.Conn)
	}
}

// No response is taken for a request that came before the request was written,
// however it came: with the one before, in the same record or in one of its
// own, or any time later.
func TestPool_TakesNoResponseThatWasThereBefore(t *testing.T) {
	for _, secure := range []bool{false, true} {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("tls=%v late=%v", secure, late), func(t *testing.T) {
				s := newStammerer(t, secure, late)
				o := options(t, s.url)
				o.TLS = s.conf
				c := client(t, o)
				for i := range 5 {
					r, err := c.Post(t.Context(), request("good"), make([]byte, 100))
					if err != nil || string(r.Body) != fmt.Sprint(i+1) {
						t.Fatalf("request %d got %q, %v", i+1, r.Body, err)
					}
					if late {
						s.more <- struct{}{}
						awaitMore(t, c.sender.(*pool).idle[0])
					}
				}
				if s.more != nil {
					close(s.more)
				}
			})
		}
	}
}
