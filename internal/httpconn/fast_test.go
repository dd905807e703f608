package httpconn

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"
)

// Whatever is taken as the usual response, net/http reads in the same way.
func FuzzFastResponse(f *testing.F) {
	f.Add([]byte(fine("")))
	f.Add([]byte(fine("Connection: keep-alive\r\nDate: Sun, 26 Oct 2026 06:01:33 GMT\r\n")))
	for _, s := range []string{
		"Connection: close\r\n", "Transfer-Encoding: chunked\r\n", "Content-Length: 3\r\n", "Content-Length: +11\r\n", " folded: 1\r\n",
		"X: a\nTransfer-Encoding: chunked\r\n", "Trailer: X\r\n", "no colon\r\n", "X : 1\r\n", ": 1\r\n", "\r\n", "X: \x00\r\n", "X: \r\r\n",
	} {
		f.Add([]byte(fine(s)))
	}
	f.Add([]byte("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200 OK\nConnection: close\r\nContent-Length: 0\r\n\r\n"))
	f.Add([]byte("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		body, ok := fastResponse(text)
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

func TestFastResponse(t *testing.T) {
	for text, want := range map[string]bool{
		fine(""): true, fine("Connection: Keep-Alive\r\n"): true, fine("X-1: \x7f\r\n"): false, fine("X: \t~\r\n"): true,
		fine("Az09-aZ: 1\r\n"): true, fine("X@: 1\r\n"): false, fine("X/: 1\r\n"): false, fine("X[: 1\r\n"): false, fine("X`: 1\r\n"): false,
		fine("X{: 1\r\n"): false, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 11\r\n\r\n" + good: false,
		fine("Connection: close\r\n"): false, fine("") + "x": false, fine("")[:20]: false,
	} {
		if body, ok := fastResponse([]byte(text)); ok != want || ok && string(body) != good {
			t.Errorf("%q: %q, %v", text, body, ok)
		}
	}
}
