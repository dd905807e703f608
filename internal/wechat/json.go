package wechat

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// decode reads an answer of WeChat's as json.Unmarshal does, and also where
// its strings hold what JSON wants escaped: WeChat passes on what users
// typed, line breaks, other controls and stray backslashes among it. An
// answer that is good JSON is decoded once and not touched.
func decode(body []byte, into any) error {
	body = trimBOM(body)
	err := json.Unmarshal(body, into)
	if syntax := (*json.SyntaxError)(nil); !errors.As(err, &syntax) {
		return err
	}
	valid := escapeStrings(body)
	if len(valid) == len(body) { // it only ever grows
		return err
	}
	return json.Unmarshal(valid, into)
}

// escapeStrings escapes what may not stand inside a string of JSON: controls,
// and backslashes that begin no escape. Nothing is dropped, so that two
// different texts stay different.
func escapeStrings(b []byte) []byte {
	out := make([]byte, 0, len(b)+64)
	inside := false
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case c == '"':
			inside = !inside
		case inside && c < ' ':
			out = fmt.Appendf(out, `\u%04x`, c)
			continue
		case inside && c == '\\':
			n := escapeLen(b[i:])
			if n == 0 {
				out = append(out, '\\')
				n = 1
			}
			out = append(out, b[i:i+n]...)
			i += n - 1
			continue
		}
		out = append(out, c)
	}
	return out
}

// escapeLen is the length of the escape that b begins with; 0 if it is none.
func escapeLen(b []byte) int {
	switch {
	case len(b) < 2:
		return 0
	case strings.IndexByte(`"\/bfnrt`, b[1]) >= 0:
		return 2
	case b[1] == 'u' && len(b) >= 6:
		if _, err := strconv.ParseUint(string(b[2:6]), 16, 16); err == nil {
			return 6
		}
	}
	return 0
}

// words is a text that may come as something else: a number stays as it is
// written, null is "".
type words string

// UnmarshalJSON implements json.Unmarshaler.
func (w *words) UnmarshalJSON(b []byte) error {
	switch b[0] {
	case '"':
		var s string
		err := json.Unmarshal(b, &s)
		*w = words(s)
		return err
	case 'n':
		*w = ""
	default:
		*w = words(b)
	}
	return nil
}

// number is an integer that may come as a string.
type number int64

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(b []byte) error {
	if len(b) >= 2 && b[0] == '"' {
		b = b[1 : len(b)-1]
	}
	if string(b) == "null" {
		return nil
	}
	v, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return &json.UnmarshalTypeError{Value: "number"}
	}
	*n = number(v)
	return nil
}

// count is a number that an answer can be read without. It may come as a
// string, or with a fraction or an exponent; beyond 64 bits it is the nearest.
type count struct {
	n     int64
	known bool
}

// UnmarshalJSON implements json.Unmarshaler; it never fails.
func (c *count) UnmarshalJSON(b []byte) error {
	*c = count{}
	text := strings.Trim(string(b), `"`)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		*c = count{n, true}
		return nil
	}
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange), math.IsNaN(f):
	case f >= math.MaxInt64:
		*c = count{math.MaxInt64, true}
	case f <= math.MinInt64:
		*c = count{math.MinInt64, true}
	default:
		*c = count{int64(f), true}
	}
	return nil
}
