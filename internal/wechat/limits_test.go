package wechat

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"pushd/internal/fanout"
)

// What is decided at a limit: at it, and one beyond it.

func TestPlausible_ToTheByte(t *testing.T) {
	for id, want := range map[string]bool{
		"oAbc-_9": true, "!": true, "~": true, "a b": false, "a\x1f": false, "a\x7f": false, "é": false,
		strings.Repeat("o", maxOpenID): true, strings.Repeat("o", maxOpenID+1): false,
	} {
		if plausible(fanout.OpenID(id)) != want {
			t.Errorf("%.20q: %t", id, !want)
		}
	}
}

func TestCapText_ToTheByte(t *testing.T) {
	full := strings.Repeat("x", maxText)
	for text, want := range map[string]string{
		full: full, full + "x": full, full[1:] + "中": full[1:], full[3:] + "中x": full[3:] + "中",
	} {
		if got := capText(text); got != want {
			t.Errorf("%d bytes became %d, want %d", len(text), len(got), len(want))
		}
	}
}

func TestNotConnected(t *testing.T) {
	for op, want := range map[string]bool{"dial": true, "proxyconnect": true, "read": false, "write": false} {
		if notConnected(&net.OpError{Op: op, Err: errors.New("x")}) != want {
			t.Errorf("%s: %t", op, !want)
		}
	}
}

func TestTransport_Timeouts(t *testing.T) {
	tr := newTransport(Options{MaxConns: 7})
	if tr.TLSHandshakeTimeout != 5*time.Second || tr.IdleConnTimeout != 60*time.Second || tr.MaxConnsPerHost != 7 {
		t.Errorf("handshake %v, idle %v, %d connections", tr.TLSHandshakeTimeout, tr.IdleConnTimeout, tr.MaxConnsPerHost)
	}
	var _ http.RoundTripper = tr
}

// pieces is a connection whose bytes come in the given pieces.
type pieces struct {
	net.Conn
	left [][]byte
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.left[0])
	if p.left[0] = p.left[0][n:]; len(p.left[0]) == 0 {
		p.left = p.left[1:]
	}
	return n, nil
}

// The head of a TLS record may come in two pieces, the second with the rest
// and the next record.
func TestRecords_HeadInTwoPieces(t *testing.T) {
	record := []byte{23, 3, 3, 0, 4, 'a', 'b', 'c', 'd'}
	want := append(bytes.Clone(record), record...)
	for cut := 1; cut < len(want); cut++ {
		c := &records{Conn: &pieces{left: [][]byte{bytes.Clone(want[:cut]), bytes.Clone(want[cut:])}}}
		var got []byte
		b := make([]byte, 64)
		for {
			n, err := c.Read(b)
			if got = append(got, b[:n]...); err != nil {
				break
			}
		}
		if !bytes.Equal(got, want) || c.left != 0 || c.had != 0 {
			t.Errorf("cut at %d: %v, left %d, had %d", cut, got, c.left, c.had)
		}
	}
}
