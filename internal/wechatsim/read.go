package wechatsim

import (
	"io"
	"net/http"
	"strings"
)

// maxBody is the longest request that is read.
const maxBody = 64 << 10

// tokenOf reads access_token out of the query. Tokens need no unescaping; one
// that does is not one.
func tokenOf(r *http.Request) string {
	for q := r.URL.RawQuery; q != ""; {
		var part string
		part, q, _ = strings.Cut(q, "&")
		if value, ok := strings.CutPrefix(part, "access_token="); ok {
			return value
		}
	}
	return ""
}

// readBody appends what r holds to buf; more than maxBody is an error.
func readBody(buf []byte, r io.Reader) ([]byte, error) {
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case err == io.EOF:
			return buf, nil
		case err != nil:
			return buf, err
		case len(buf) > maxBody:
			return buf, io.ErrShortBuffer
		}
	}
}
