package tokenclient

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText bounds an error's text, in bytes: room for what WeChat says and what
// the endpoint says is to be done about it.
const maxText = 600

var (
	hidden = regexp.MustCompile(`(?is)<(script|style)\b.*?</(script|style)>|<!--.*?-->`)
	tags   = regexp.MustCompile(`<[^>]*>`)
	// long is what no word is and every token and key looks like.
	long = regexp.MustCompile(`[A-Za-z0-9_\-]{32,}`)
)

// fingerprint is the first 16 hex digits of the token's SHA-256.
func fingerprint(tok string) string {
	sum := sha256.Sum256([]byte(tok))
	return hex.EncodeToString(sum[:8])
}

// words are the first words of a page, without its markup.
func words(body []byte) string {
	text := strings.ReplaceAll(strings.ToValidUTF8(string(body), " "), bom, " ")
	text = tags.ReplaceAllString(hidden.ReplaceAllString(text, " "), " ")
	all := strings.Fields(text)
	if len(all) > 12 {
		all = append(all[:12:12], "…")
	}
	return strings.Join(all, " ")
}

// redact makes an error fit for logs and people: bounded, on one line,
// without the secrets of the endpoint and the account's tokens, and without
// whatever else looks like one.
func (c *Client) redact(a *account, err error) error {
	text := err.Error()
	for _, s := range append([]string{a.current.tok, a.candidate.tok}, c.endpoint.secrets...) {
		if s != "" {
			text = strings.ReplaceAll(text, s, "[removed]")
		}
	}
	text = long.ReplaceAllString(text, "[removed]")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	return errors.New(capText(text))
}

func capText(s string) string {
	if len(s) <= maxText {
		return s
	}
	cut := maxText
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
