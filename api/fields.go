package api

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"pushd"
)

// fields reads the members of an object one after the other and keeps the
// first refusal. After one it goes on with zero values. Values are never part
// of a refusal: they may be secrets.
type fields struct {
	n       *node
	path    []string
	problem *pushd.Problem
}

// newFields starts reading an object that may have the members known.
func newFields(n *node, path []string, known ...string) *fields {
	f := &fields{n: n, path: path}
	for _, key := range n.keys {
		if !slices.Contains(known, key) {
			f.refuse(key, unknown(key, known), pushd.Because(pushd.WhyUnknown))
			break
		}
	}
	return f
}

// unknown words the refusal of an unknown member.
func unknown(key string, known []string) string {
	plain := strings.ToLower(strings.ReplaceAll(key, "_", ""))
	for _, k := range known {
		if strings.ToLower(k) == plain {
			return "unknown field; it is called " + k
		}
	}
	if len(known) == 0 {
		return "unknown field; this call takes none"
	}
	return "unknown field; known are " + strings.Join(known, ", ")
}

func (f *fields) refuse(key, text string, because ...pushd.Why) {
	if f.problem == nil {
		f.problem = invalid(shown(f.at(key)), text, because...)
	}
}

func (f *fields) at(key string) []string { return append(f.path[:len(f.path):len(f.path)], key) }

// get returns a member, or nil where there is none: null and, for PHP's empty
// variables, an empty text count as none.
func (f *fields) get(key string) *node {
	n := f.n.members[key]
	if n == nil || n.kind == null || (n.kind == text && n.text == "") {
		return nil
	}
	return n
}

// pattern is what a text may look like: the characters, how many of them, both
// in words, and as a word for programs.
type pattern struct {
	re   *regexp.Regexp
	max  int
	what string
	word string
}

// text reads a text; "" where there is none.
func (f *fields) text(key string, want pattern) string {
	n := f.get(key)
	switch {
	case n == nil:
		return ""
	case n.kind != text:
		f.refuse(key, "must be text", wanted("text"))
	case len(n.text) > want.max:
		f.refuse(key, "must be "+want.what, pushd.Because(pushd.WhyTooLong, "limit", strconv.Itoa(want.max)))
	case !want.re.MatchString(n.text):
		f.refuse(key, "must be "+want.what, wanted(want.word))
	default:
		return n.text
	}
	return ""
}

var integerPattern = regexp.MustCompile(`^-?[0-9]+$`)

// integer reads a whole number or a text that is one; nil where there is none.
func (f *fields) integer(key string, low, high int64) *int64 {
	n := f.get(key)
	if n == nil {
		return nil
	}
	if (n.kind != number && n.kind != text) || !integerPattern.MatchString(n.text) {
		f.refuse(key, "must be a whole number", wanted("number"))
		return nil
	}
	v, err := strconv.ParseInt(n.text, 10, 64)
	if err != nil || v < low || v > high {
		f.refuse(key, fmt.Sprintf("must be from %d to %d", low, high), pushd.Because(pushd.WhyOutOfRange, "low", strconv.FormatInt(low, 10), "high", strconv.FormatInt(high, 10)))
		return nil
	}
	return &v
}

// boolean reads true or false, also as 1 and 0, and each as text.
func (f *fields) boolean(key string) bool {
	n := f.get(key)
	if n == nil {
		return false
	}
	if n.kind == boolean || n.kind == number || n.kind == text {
		switch n.text {
		case "true", "1":
			return true
		case "false", "0":
			return false
		}
	}
	f.refuse(key, "must be true or false", wanted("boolean"))
	return false
}

// object opens a member that is an object; nil where there is none.
func (f *fields) object(key string) *node {
	n := f.get(key)
	if n == nil {
		return nil
	}
	if n.kind != object {
		f.refuse(key, "must be an object", wanted("object"))
		return nil
	}
	return n
}

// err returns the refusal, or a nil error.
func (f *fields) err() error {
	if f.problem == nil {
		return nil
	}
	return f.problem
}

var fieldPattern = regexp.MustCompile(`^[A-Za-z0-9_\-\[\]]{1,64}$`)

// shown is how a refusal names a field: data.thing1. A name that is not one
// is left out; it may be a whole body, secrets included, that ended up in the
// wrong place.
func shown(path []string) string {
	for _, key := range path {
		if !fieldPattern.MatchString(key) {
			return ""
		}
	}
	return strings.Join(path, ".")
}
