package wechat

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"pushd"
)

// What is decided at a limit: at it, and one beyond it.

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

// Each character that JSON wants escaped is, also when it stands alone.
func TestQuoted_ToTheByte(t *testing.T) {
	for id, want := range map[string]string{
		"oAbc-_9": "oAbc-_9", " ": " ", "~": "~", "\x1f": `\u001f`, `"`: `\"`, `\`: `\\`, "\x7f": "\x7f", "é": "é", "\xff": `\ufffd`, "<": "<",
	} {
		if got := quoted(pushd.OpenID(id)); got != want {
			t.Errorf("%q became %s, want %s", id, got, want)
		}
	}
}
