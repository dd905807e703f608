package compose

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"pushd"
)

// CheckTexts says what is wrong with texts for a template of this content.
func CheckTexts(t pushd.Texts, content string) *pushd.Problem {
	fields := ParseFields(content)
	if len(fields) == 0 {
		return bad("content", pushd.Because(pushd.WhyContent), "is needed: WeChat does not list this template; paste its content from WeChat's console, with its {{thing1.DATA}} placeholders")
	}
	for _, key := range SortedKeys(t.Fields) {
		at := "fields." + key
		i := slices.IndexFunc(fields, func(f Field) bool { return f.Key == key })
		if i < 0 {
			return bad(at, pushd.Because(pushd.WhyNoSuchField, "fields", fieldKeys(fields)), "the template has no such field; it has "+fieldKeys(fields))
		}
		if p := checkText(at, t.Fields[key], fields[i]); p != nil {
			return p
		}
	}
	for _, f := range fields {
		if _, ok := t.Fields[f.Key]; !ok {
			return bad("fields."+f.Key, pushd.Because(pushd.WhyFieldLacks, "key", f.Key, "label", f.Label), fmt.Sprintf("is missing (%s): WeChat wants a value for every field", f.Label))
		}
	}
	for _, link := range []struct{ at, text string }{{"url", t.URL}, {"miniprogram.pagepath", pagePath(t)}} {
		if p := CheckPlaceholders(link.at, link.text); p != nil {
			return p
		}
	}
	return nil
}

func checkText(at, text string, f Field) *pushd.Problem {
	if p := CheckPlaceholders(at, text); p != nil {
		return p
	}
	fixed := without(text)
	n, limit := utf8.RuneCountInString(strings.TrimSpace(fixed)), f.LimitOf(fixed)
	switch {
	case strings.TrimSpace(text) == "":
		return bad(at, pushd.Because(pushd.WhyEmpty), "must not be empty: WeChat refuses empty values")
	case fixed != "" && limit > 0 && n > limit:
		return bad(at, pushd.Because(pushd.WhyTooLong, "have", strconv.Itoa(n), "limit", strconv.Itoa(limit), "type", f.Type), fmt.Sprintf("has %d characters; WeChat takes %d in a field of type %s", n, limit, f.Type))
	case fixed == text && f.CleanValue(text) == "":
		return bad(at, pushd.Because(pushd.WhyInvisible), "consists only of characters that WeChat does not show")
	case !f.fits(f.CleanValue(anyChannel().Expand(text, f))):
		return bad(at, pushd.Because(pushd.WhyUnfit, "type", f.Type), f.unfit())
	}
	return nil
}

// anyChannel stands for the channels that a text will be used for.
func anyChannel() Facts {
	minutes := int64(15)
	return Facts{Channel: pushd.Channel{Title: "直播课 A1", StartTime: 1772366400, WatchURL: "https://live.example/1", NotifyMinutes: &minutes}, Location: time.UTC}
}

func pagePath(t pushd.Texts) string {
	if t.MiniProgram == nil {
		return ""
	}
	return t.MiniProgram.PagePath
}

func fieldKeys(fields []Field) string {
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.Key
	}
	return strings.Join(keys, ", ")
}

func bad(field string, because pushd.Why, text string) *pushd.Problem {
	return &pushd.Problem{Code: pushd.CodeInvalid, Field: field, Text: text, Why: because}
}
