package compose

import (
	"cmp"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"pushd"
)

// A text may hold four placeholders. Blanks inside the braces do not count,
// seen or not; everything else in double braces is refused, for it would go
// out to all as it is written.
const blanks = `[\s\p{Z}\p{C}]*`

var (
	placeholders = regexp.MustCompile(`\{\{` + blanks + `(title|startTime|minutes|url)` + blanks + `\}\}`)
	// stray is what is left of a placeholder that is none: two braces in a
	// row, of whatever width, or a name of ours in others than two.
	stray = regexp.MustCompile(`(?s)` +
		`[{｛]` + blanks + `[{｛].*?(?:[}｝]` + blanks + `[}｝]|$)` +
		`|[}｝]` + blanks + `[}｝]` +
		`|[{｛]` + blanks + `(?i:title|start_?time|minutes|url)` + blanks + `[}｝]` +
		`|[{｛]\x00|\x00[}｝]`)
)

// CheckPlaceholders says what is wrong with the placeholders of the text in
// field, nil if nothing is.
func CheckPlaceholders(field, text string) *pushd.Problem {
	found := stray.FindString(placeholders.ReplaceAllString(strings.ReplaceAll(text, "\x00", " "), "\x00"))
	if found == "" {
		return nil
	}
	found = strings.ReplaceAll(found, "\x00", "{{…}}")
	if r := []rune(found); len(r) > 40 {
		found = string(r[:40]) + "…"
	}
	note, word := "", pushd.WhyPlaceholder
	if strings.Contains(found, ".DATA") {
		note, word = "; {{….DATA}} is the template's own mark and belongs into content", pushd.WhyMisplaced
	}
	return bad(field, pushd.Because(word, "found", found), fmt.Sprintf("unknown placeholder %s; there are {{title}}, {{startTime}}, {{minutes}} and {{url}}%s", found, note))
}

// mentions says whether a text holds the placeholder of this name.
func mentions(text, name string) bool {
	return slices.ContainsFunc(placeholders.FindAllStringSubmatch(text, -1), func(m []string) bool { return m[1] == name })
}

// without is a text without its placeholders.
func without(text string) string { return placeholders.ReplaceAllString(text, "") }

// Facts are what a message can say about a channel.
type Facts struct {
	pushd.Channel
	Location *time.Location
	// Now is when the message leaves, for the minutes that are left then; 0 =
	// as early as the owner has set.
	Now pushd.Time
}

// value is what a placeholder stands for in a field: "" if the channel does
// not know it.
func (f Facts) value(name string, in Field) string {
	switch {
	case name == "title":
		return entities.ReplaceAllStringFunc(f.Title, html.UnescapeString)
	case name == "url":
		return f.WatchURL
	case name == "minutes" && f.NotifyMinutes != nil:
		left, _ := f.minutes()
		return strconv.FormatInt(left, 10)
	case name == "startTime" && f.StartTime != 0:
		return time.Unix(f.StartTime, 0).In(f.Location).Format(in.timeLayout())
	}
	return ""
}

// entities are what htmlspecialchars and its like make of characters: many
// platforms store titles in that way, and WeChat shows them as they come.
var entities = regexp.MustCompile(`&(?:[a-zA-Z][a-zA-Z0-9]{1,31}|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});`)

// Expand replaces the placeholders of a text for a field.
func (f Facts) Expand(text string, in Field) string {
	return placeholders.ReplaceAllStringFunc(f.countdown(text), func(p string) string {
		return f.value(placeholders.FindStringSubmatch(p)[1], in)
	})
}

// expandLink replaces the placeholders of a link. {{url}} at its beginning is
// the link, or the first part of it; whatever else comes in is one component
// of a path or a query, and is encoded as such.
func (f Facts) expandLink(link string) string {
	lead := ""
	if at := placeholders.FindStringSubmatchIndex(link); at != nil && at[0] == 0 && link[at[2]:at[3]] == "url" {
		lead, link = f.WatchURL, link[at[1]:]
	}
	return lead + placeholders.ReplaceAllStringFunc(link, func(p string) string {
		v := url.QueryEscape(f.value(placeholders.FindStringSubmatch(p)[1], Field{}))
		return strings.ReplaceAll(v, "+", "%20") // which a path understands as well
	})
}

// link is where a tap leads to; the watch page where nothing else was written.
func (f Facts) link(written string) string { return cmp.Or(f.expandLink(written), f.WatchURL) }

// lacks says which placeholder of a text comes out empty, and why; "" if none
// does.
func (f Facts) lacks(text string, in Field) (string, pushd.Why) {
	for _, m := range placeholders.FindAllStringSubmatch(text, -1) {
		v := f.value(m[1], in)
		if in.CleanValue(v) != "" {
			continue
		}
		if v != "" {
			return fmt.Sprintf("the channel's %s %q has no character that WeChat shows", m[1], v), pushd.Because(pushd.WhyUnshown, "what", m[1])
		}
		return map[string]string{
			"title": "the channel has no title", "startTime": "the channel has no start time",
			"minutes": "the channel has no live_notify_time", "url": "the channel has no watch_url",
		}[m[1]], pushd.Because(pushd.WhyLacking, "what", m[1])
	}
	return "", pushd.Why{}
}
