package httpconn

import (
	"bytes"
	"strconv"
	"strings"
)

// fastResponse recognises the usual response, whole, with nothing behind it:
// HTTP/1.1, status 200, a Content-Length, and no header that changes how the
// rest is read. It returns the body as a part of b, and allocates nothing.
// Whatever else comes is left to net/http, which knows all of RFC 9112.
func fastResponse(b []byte) (body []byte, ok bool) {
	rest, ok := bytes.CutPrefix(b, []byte("HTTP/1.1 200 "))
	if !ok {
		return nil, false
	}
	length := -1
	reason, rest, _ := bytes.Cut(rest, []byte("\r\n"))
	if !plainText(reason) {
		return nil, false
	}
	for {
		line, after, ok := bytes.Cut(rest, []byte("\r\n"))
		if !ok {
			return nil, false
		}
		if rest = after; len(line) == 0 {
			return rest, length == len(rest)
		}
		name, value, ok := plainHeader(line)
		if !ok {
			return nil, false
		}
		switch {
		case equalFold(name, "content-length"):
			n, err := strconv.ParseUint(string(value), 10, 16)
			if err != nil || length >= 0 {
				return nil, false
			}
			length = int(n)
		case equalFold(name, "connection") && !equalFold(value, "keep-alive"), equalFold(name, "transfer-encoding"), equalFold(name, "trailer"):
			return nil, false
		}
	}
}

// plainHeader splits a header into its name and value. ok is false unless it
// is one without question.
func plainHeader(line []byte) (name, value []byte, ok bool) {
	colon := bytes.IndexByte(line, ':')
	if colon < 1 {
		return nil, nil, false
	}
	for _, c := range line[:colon] {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' {
			return nil, nil, false
		}
	}
	return line[:colon], bytes.Trim(line[colon+1:], " \t"), plainText(line[colon+1:])
}

// plainText says that there are no controls, such as a line's end.
func plainText(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// equalFold compares without regard to case; most names differ in length already.
func equalFold(b []byte, word string) bool {
	return len(b) == len(word) && strings.EqualFold(string(b), word)
}
