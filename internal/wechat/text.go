package wechat

import (
	"bytes"
	"regexp"
	"strings"

	"pushd/internal/textline"
)

// maxText bounds a text, in bytes.
const maxText = 200

// WeChat ends an errmsg with the request's id: " rid: 65eac940-1a79c8dc-…",
// formerly " hint: [EeSuhA04363721]".
var requestID = regexp.MustCompile(`(?i)[\s,;]*\b(rid:\s*[0-9a-z-]*|hint:\s*\[[^\]]*\]?)`)

// errText makes an errmsg fit for grouping: without request id, controls and
// trailing punctuation, and short.
func errText(msg string) string {
	if msg == "ok" || msg == "" {
		return ""
	}
	msg = requestID.ReplaceAllString(strings.ToValidUTF8(msg, "?"), "")
	return strings.TrimRight(capText(textline.Clean(msg)), " ,;:.!，。；：！")
}

// capText cuts a text to maxText bytes between two characters.
func capText(s string) string {
	short, _ := textline.Cut(s, maxText)
	return short
}

func trimBOM(b []byte) []byte { return bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")) }
