package wechat

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
	"time"

	"pushd/internal/fanout"
)

// stammerer is a server that answers the n-th request of all with errcode
// 43000+n, and each one once more: at once, or when it is told to.
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
		s.conf = &tls.Config{RootCAs: known.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
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
		body := fmt.Sprintf(`{"errcode":%d,"errmsg":"x"}`, 43000+s.n.Add(1)-1)
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

// Nobody's verdict is taken from an answer that came before they were asked,
// however it came: with the one before, in the same record or in one of its
// own, or any time later.
func TestWire_TakesNoAnswerThatWasThereBefore(t *testing.T) {
	for _, secure := range []bool{false, true} {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("tls=%v late=%v", secure, late), func(t *testing.T) {
				s := newStammerer(t, secure, late)
				c, err := New(Options{BaseURL: s.url, TLS: s.conf, SendTimeout: 5 * time.Second})
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				for i := range 5 {
					if a := c.Send(t.Context(), token, letter, fanout.OpenID(fmt.Sprint("o", i))); a.Code != 43000+i {
						t.Fatalf("send %d got %+v", i, a)
					}
					if late {
						s.more <- struct{}{}
						awaitMore(t, c.sends.(*wire).idle[0])
					}
				}
				if s.more != nil {
					close(s.more)
				}
			})
		}
	}
}

// choppy gives what there is in pieces of its own.
type choppy struct {
	net.Conn
	data []byte
	cuts []byte
}

func (c *choppy) Read(b []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := min(len(b), len(c.data))
	if len(c.cuts) > 0 {
		n = min(n, int(c.cuts[0])+1)
		c.cuts = c.cuts[1:]
	}
	copy(b, c.data[:n])
	c.data = c.data[n:]
	return n, nil
}

// Whatever the bytes and however they come, TLS gets all of them, in order,
// and never any of two records at once.
func FuzzRecords(f *testing.F) {
	f.Add([]byte("\x17\x03\x03\x00\x05hello\x17\x03\x03\x00\x00\x15\x03\x03\x00\x02xy"), []byte{0, 3, 200}, 7)
	f.Add(bytes.Repeat([]byte("\x17\x03\x03\x10\x00"), 2000), []byte{4}, 900)
	f.Add([]byte("not a record"), []byte{}, 1)
	f.Fuzz(func(t *testing.T, data, cuts []byte, size int) {
		c := &records{Conn: &choppy{data: data, cuts: cuts}}
		b := make([]byte, max(1, min(size, 5000)))
		var got []byte
		end := 0 // of the record that comes
		for {
			n, err := c.Read(b)
			if err == io.EOF {
				break
			}
			if n == 0 || err != nil {
				t.Fatalf("read %d, %v", n, err)
			}
			if len(got) == end {
				end += recordHead
				if end <= len(data) {
					end += int(data[end-2])<<8 | int(data[end-1])
				}
			}
			if got = append(got, b[:n]...); len(got) > end {
				t.Fatalf("%d bytes of the next record", len(got)-end)
			}
		}
		if !bytes.Equal(got, data) || c.unread() {
			t.Errorf("got %d bytes of %d", len(got), len(data))
		}
	})
}
