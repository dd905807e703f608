package tokenclient

import (
	"errors"
	"regexp"
	"strings"

	"pushd"
	"pushd/internal/textline"
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

// fingerprint is how a token is distinguished from others without being known.
func fingerprint(tok string) string { return pushd.Token(tok).Fingerprint() }

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

// redact makes an error fit for logs and screens: bounded, on one line,
// without the secrets of the endpoint and the account's tokens, and without
// whatever else looks like one.
func (c *Client) redact(a *account, err error) error {
	text := err.Error()
	for _, s := range append([]string{a.current.tok, a.candidate.tok}, c.endpoint.Load().secrets...) {
		if s != "" {
			text = strings.ReplaceAll(text, s, "[removed]")
		}
	}
	text = long.ReplaceAllString(text, "[removed]")
	return errors.New(capText(textline.Clean(text)))
}

// capText cuts a text to maxText bytes, and shows that it did.
func capText(s string) string {
	short, cut := textline.Cut(s, maxText)
	if cut {
		short += "…"
	}
	return short
}
