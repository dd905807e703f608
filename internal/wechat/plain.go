package wechat

import (
	"bytes"
	"strconv"
)

// plainAnswer recognises the usual answer, whole, with nothing behind it:
// HTTP/1.1, status 200, a Content-Length, and no header that changes how the
// rest is read. It returns the body as a part of b, and allocates nothing.
// Whatever else comes is left to net/http, which knows all of RFC 9112.
func plainAnswer(b []byte) (body []byte, ok bool) {
	rest, ok := bytes.CutPrefix(b, []byte("HTTP/1.1 200 "))
	if !ok {
		return nil, false
	}
	length := -1
	_, rest, _ = bytes.Cut(rest, []byte("\r\n")) // the reason says nothing
	for {
		line, after, ok := bytes.Cut(rest, []byte("\r\n"))
		if !ok || bytes.ContainsFunc(line, control) {
			return nil, false
		}
		rest = after
		if len(line) == 0 {
			return rest, length == len(rest) && length <= maxSendAnswer
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || !plainName(name) {
			return nil, false
		}
		switch value = bytes.Trim(value, " \t"); {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length >= 0 || len(value) > 6 {
				return nil, false
			}
			n, err := strconv.ParseUint(string(value), 10, 31)
			if err != nil {
				return nil, false
			}
			length = int(n)
		case bytes.EqualFold(name, []byte("Connection")):
			if !bytes.EqualFold(value, []byte("keep-alive")) {
				return nil, false
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")), bytes.EqualFold(name, []byte("Trailer")):
			return nil, false
		}
	}
}

// control says that a character has no place in a header.
func control(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// plainName says whether a header's name is one without question.
func plainName(name []byte) bool {
	for _, c := range name {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return len(name) > 0
}
