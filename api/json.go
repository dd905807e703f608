package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"pushd"
)

// parseJSON reads a body of one JSON object. Unlike encoding/json by itself
// it refuses a key given twice, and bytes that are not UTF-8, which usually
// are GBK and would reach recipients as garbage.
func parseJSON(b []byte) (*node, *pushd.Problem) {
	if !utf8.Valid(b) {
		return nil, problem(codeMalformed, "the body is not UTF-8 at "+place(b, validPrefix(b)))
	}
	var whole json.RawMessage
	if err := json.Unmarshal(b, &whole); err != nil {
		return nil, malformedJSON(b, err)
	}
	d := jsonTree{json.NewDecoder(bytes.NewReader(b))}
	d.UseNumber()
	var n node
	if p := d.value(&n, nil); p != nil {
		return nil, p
	}
	if n.kind != object {
		return nil, problem(codeMalformed, "the body must be one JSON object")
	}
	return &n, nil
}

func malformedJSON(b []byte, err error) *pushd.Problem {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return problem(codeMalformed, "the body is not JSON")
	}
	// Offset counts the bytes up to and including the one that is wrong.
	return problem(codeMalformed, fmt.Sprintf("the body is not JSON: %s at %s",
		syntax.Error(), place(b, max(int(syntax.Offset)-1, 0))))
}

// place names a byte of b the way editors do.
func place(b []byte, offset int) string {
	before := b[:min(offset, len(b))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf("line %d, column %d", line, column)
}

// validPrefix is how many bytes of b are UTF-8.
func validPrefix(b []byte) int {
	at := 0
	for at < len(b) {
		r, size := utf8.DecodeRune(b[at:])
		if r == utf8.RuneError && size <= 1 {
			break
		}
		at += size
	}
	return at
}

// jsonTree builds nodes out of JSON that is known to be well formed.
type jsonTree struct{ *json.Decoder }

func (d jsonTree) value(n *node, path []string) *pushd.Problem {
	if len(path) >= maxDepth {
		return invalid(shown(path), "nested too deeply", wanted("less depth"))
	}
	tok, err := d.Token()
	if err != nil {
		return problem(codeMalformed, "the body is not JSON")
	}
	switch v := tok.(type) {
	case bool:
		n.kind, n.text = boolean, fmt.Sprint(v)
	case json.Number:
		n.kind, n.text = number, v.String()
	case string:
		n.kind, n.text = text, v
	case json.Delim:
		if v == '{' {
			return d.object(n, path)
		}
		return d.list(n, path)
	}
	if dropped(path) {
		*n = node{}
	}
	return nil
}

func (d jsonTree) object(n *node, path []string) *pushd.Problem {
	n.kind = object
	for d.More() {
		tok, err := d.Token()
		key, ok := tok.(string)
		if err != nil || !ok {
			return problem(codeMalformed, "the body is not JSON")
		}
		at := append(path[:len(path):len(path)], key)
		member := n.add(key)
		if member == nil {
			return invalid(shown(at), "given twice", wanted("one value"))
		}
		if p := d.value(member, at); p != nil {
			return p
		}
	}
	_, _ = d.Token() // the closing bracket
	if dropped(path) {
		*n = node{}
	}
	return nil
}

func (d jsonTree) list(n *node, path []string) *pushd.Problem {
	n.kind = object
	for d.More() {
		n.kind = list
		if p := d.value(&node{}, append(path[:len(path):len(path)], "[]")); p != nil {
			return p
		}
	}
	_, _ = d.Token()
	return nil
}
