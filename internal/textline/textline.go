// Package textline makes the texts of others fit for a log and an answer: on one
// line, and short.
package textline

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean puts a text on one line: what is a control character, also one that turns the
// direction of writing round, and any white space, becomes a single space between
// two words.
func Clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// Cut cuts a text to so many bytes, between two characters, and says whether
// something was cut off.
func Cut(s string, most int) (short string, cut bool) {
	if len(s) <= most {
		return s, false
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most], true
}
