package api

import (
	"bytes"
	"net/url"
	"strings"
	"unicode/utf8"

	"pushd"
)

// parseForm reads a form-encoded body, with PHP's brackets for nesting:
// data[thing1][value]=x is {"data": {"thing1": {"value": "x"}}}.
func parseForm(b []byte) (*node, *pushd.Problem) {
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		return nil, problem(codeMalformed,
			"the body looks like JSON, its Content-Type says form: send Content-Type: application/json")
	}
	n := &node{kind: object}
	for pair := range strings.SplitSeq(string(b), "&") {
		if pair == "" {
			continue
		}
		rawKey, rawValue, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(rawKey)
		if err != nil {
			return nil, problem(codeMalformed, "the name of a form field is not properly encoded")
		}
		path := brackets(key)
		value, err := url.QueryUnescape(rawValue)
		if err != nil {
			return nil, malformedField(path, "is not properly encoded")
		}
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return nil, malformedField(path, "is not UTF-8")
		}
		if p := n.put(path, value); p != nil {
			return nil, p
		}
	}
	return n, nil
}

func malformedField(path []string, text string) *pushd.Problem {
	p := problem(codeMalformed, "the form field "+text)
	p.Field = shown(path)
	return p
}

// put stores a value below n, making the objects on the way.
func (n *node) put(path []string, value string) *pushd.Problem {
	if len(path) >= maxDepth {
		return invalid(shown(path), "nested too deeply", wanted("less depth"))
	}
	for i, key := range path {
		last := i == len(path)-1
		member, there := n.members[key]
		switch {
		case !there:
			member = n.add(key)
		case last || member.kind != object:
			return invalid(shown(path[:i+1]), "given twice", wanted("one value"))
		}
		if n = member; !last {
			n.kind = object
		}
	}
	if !dropped(path) {
		n.kind, n.text = text, value
	}
	return nil
}

// brackets splits a[b][c] into its parts. What does not follow that shape is
// one name, and then an unknown one.
func brackets(key string) []string {
	name, rest, nested := strings.Cut(key, "[")
	if !nested || name == "" || !strings.HasSuffix(rest, "]") {
		return []string{key}
	}
	return append([]string{name}, strings.Split(strings.TrimSuffix(rest, "]"), "][")...)
}
