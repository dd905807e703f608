package api

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"

	"github.com/labstack/echo/v4"

	"pushd"
)

const (
	// maxBody is the largest body that is read.
	maxBody = 64 << 10
	// maxDepth is how deep values may nest: body, data, thing1, value.
	maxDepth = 4
)

// kind is the type of a node.
type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	list // not empty; an empty one counts as an empty object, as PHP writes it
	object
)

// node is one value of a request's body, whichever way it was written. In a
// form everything is text.
type node struct {
	kind    kind
	text    string // of text, number and boolean, as written
	keys    []string
	members map[string]*node // of an object, by key
}

// dropped are the fields that PHP's contract has and pushd has no use for.
// Their values do not even reach the tree: PHP owns the token.
func dropped(path []string) bool {
	return len(path) == 1 && (path[0] == "secret" || path[0] == "appSecret")
}

// add makes a child of an object; nil if there is one of that key.
func (n *node) add(key string) *node {
	if _, twice := n.members[key]; twice {
		return nil
	}
	if n.members == nil {
		n.members = map[string]*node{}
	}
	member := &node{}
	n.members[key], n.keys = member, append(n.keys, key)
	return member
}

// parseBody reads a request's body, which may have the members known.
func parseBody[T any](c echo.Context, read func(*fields) T, known ...string) (parsed T, err error) {
	body, err := readBody(c)
	if err != nil {
		return parsed, err
	}
	f := newFields(body, nil, known...)
	parsed = read(f)
	return parsed, f.err()
}

// readBody reads the request's body into a tree. A request without a body is
// an empty object.
func readBody(c echo.Context) (*node, error) {
	r := c.Request()
	if r.ContentLength == 0 {
		return &node{kind: object}, nil
	}
	parse, err := parserOf(r.Header)
	if err != nil {
		return nil, err
	}
	if r.ContentLength > maxBody {
		return nil, problem(codeTooLarge, sizeOfABody)
	}
	b, err := io.ReadAll(http.MaxBytesReader(c.Response().Writer, r.Body, maxBody))
	if err != nil {
		return nil, unread(err, sizeOfABody)
	}
	if len(b) == 0 { // chunked, and then nothing
		return &node{kind: object}, nil
	}
	n, p := parse(b)
	if p != nil {
		return nil, p
	}
	return n, nil
}

// sizeOfABody says how large a body of JSON or a form may want to be.
const sizeOfABody = "a job needs less than 1 KiB; texts have their limits"

// unread is why a body could not be read. size is what its kind needs.
func unread(err error, size string) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return problem(codeTooLarge, size)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return problem(codeRequestTimeout, "the body must be complete 10 s after the request began")
	}
	return problem(codeMalformed, "the body broke off")
}

// parserOf returns how to read a body with these headers.
func parserOf(h http.Header) (func([]byte) (*node, *pushd.Problem), error) {
	if enc := h.Get(echo.HeaderContentEncoding); enc != "" && !strings.EqualFold(enc, "identity") {
		return nil, problem(codeMediaType, "send the body without Content-Encoding")
	}
	const want = "send application/json or application/x-www-form-urlencoded"
	contentType := h.Get(echo.HeaderContentType)
	if contentType == "" {
		return nil, problem(codeMediaType, "the header Content-Type is missing: "+want)
	}
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, problem(codeMediaType, "the header Content-Type can't be read: "+want)
	}
	if cs := params["charset"]; cs != "" && !strings.EqualFold(cs, "utf-8") && !strings.EqualFold(cs, "utf8") {
		return nil, problem(codeMediaType, "send the body in UTF-8")
	}
	switch media {
	case "application/json":
		return parseJSON, nil
	case "application/x-www-form-urlencoded":
		return parseForm, nil
	case "multipart/form-data":
		return nil, problem(codeMediaType, want+"; in PHP give CURLOPT_POSTFIELDS http_build_query($fields), not the array")
	}
	return nil, problem(codeMediaType, want)
}
