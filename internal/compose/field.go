package compose

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Field is one placeholder of a template and the label beside it.
type Field struct {
	Key   string `json:"key"`   // "thing1"
	Label string `json:"label"` // "课程名称"
	Type  string `json:"type"`  // "thing"; "" for the keys of historic templates
	// Limit is how many characters WeChat takes; 0 = unknown. Of a name it
	// takes 10 if any is Chinese.
	Limit int `json:"limit,omitempty"`
}

// limits are the characters that a field of each type takes. WeChat answers
// 47003 to more.
// Source: the value limits of subscription notices, which category templates
// share: https://developers.weixin.qq.com/doc/service/api/notify/template/api_sendtemplatemessage
var limits = map[string]int{
	"thing": 20, "number": 32, "letter": 32, "symbol": 5, "character_string": 32,
	"phone_number": 17, "car_number": 8, "name": 20, "phrase": 5,
	"time": 0, "date": 0, "amount": 0, "enum": 0, "const": 0, "short_thing": 0,
}

// historicLimit is what is left of a value in a historic template since
// 2023-05-04; more is cut without a word.
const historicLimit = 20

var (
	// WeChat's own pages print blanks between the braces, so they come with
	// what owners paste.
	placeholder = regexp.MustCompile(`\{\s*\{\s*(\w+)\.DATA\s*\}\s*\}`)
	keyType     = regexp.MustCompile(`^([a-z_]+?)\d+$`)
)

// NewField names the type and limit of a key.
func NewField(key, label string) Field {
	f := Field{Key: key, Label: label, Limit: historicLimit}
	if m := keyType.FindStringSubmatch(key); m != nil {
		if n, ok := limits[m[1]]; ok {
			f.Type, f.Limit = m[1], n
		}
	}
	return f
}

// ParseFields reads the placeholders of a template's content, in order, each
// with the label in front of it on its line ("课程名称:{{thing1.DATA}}").
// first and remark, which WeChat has not shown since 2023-05-04, are left out.
func ParseFields(content string) []Field {
	var fields []Field
	seen := map[string]bool{"first": true, "remark": true}
	for line := range strings.Lines(content) {
		at := 0
		for _, m := range placeholder.FindAllStringSubmatchIndex(line, -1) {
			label := strings.Trim(line[at:m[0]], " \t\r\n:：")
			at = m[1]
			if key := line[m[2]:m[3]]; !seen[key] {
				seen[key] = true
				fields = append(fields, NewField(key, label))
			}
		}
	}
	return fields
}

// CleanValue makes a value one that WeChat takes: no line breaks, controls
// or emoji, and no longer than the field's limit in characters.
func (f Field) CleanValue(v string) string {
	var b strings.Builder
	for _, r := range v {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			b.WriteByte(' ')
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp), emoji(r), r == unicode.ReplacementChar:
		default:
			b.WriteRune(r)
		}
	}
	v = strings.TrimSpace(b.String())
	if runes, n := []rune(v), f.LimitOf(v); n > 0 && len(runes) > n {
		v = strings.TrimSpace(string(runes[:n]))
	}
	return v
}

// emoji says whether r is drawn as an emoji, or only changes how one is
// drawn; dingbats count as such.
func emoji(r rune) bool {
	switch {
	case r >= 0x1F000 && r <= 0x1FAFF, // pictographs, flags' letters among them
		r == 0x231A, r == 0x231B, r == 0x2328, r >= 0x23CF && r <= 0x23FA, // watches, clocks, buttons
		r == 0x25B6, r == 0x25C0, r >= 0x2B05 && r <= 0x2B07, r == 0x2B1B, r == 0x2B1C, r == 0x2B50, r == 0x2B55,
		r >= 0xE0020 && r <= 0xE007F, // tags
		r >= 0xFE00 && r <= 0xFE0F,   // variation selectors
		r == 0x200D, r == 0x20E3,     // joiner, keycap
		r >= 0x2600 && r <= 0x27BF: // weather, hands, dingbats
		return true
	}
	return false
}

// TextFor guesses what belongs into a field of a live reminder, from its
// type and label: a text with placeholders, or "" if nothing fits.
func (f Field) TextFor() string {
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(f.Label, w) {
				return true
			}
		}
		return false
	}
	switch {
	case f.Type == "time", f.Type == "date":
		return "{{startTime}}"
	case has("时间", "日期") && slices.Contains([]string{"", "thing", "short_thing", "character_string"}, f.Type):
		return "{{startTime}}"
	case f.Type == "phrase":
		return map[bool]string{true: "即将开始"}[has("状态", "类型", "提醒", "进度")]
	case f.Type == "number":
		return map[bool]string{true: "{{minutes}}"}[has("分钟")]
	case f.Type != "thing" && f.Type != "" && f.Type != "short_thing":
		return ""
	case has("备注", "提示", "说明", "温馨"):
		return "直播即将开始，请准时观看"
	case has("状态"):
		return "即将开始"
	case has("名称", "主题", "标题", "课程", "直播", "内容", "活动", "项目"):
		return "{{title}}"
	}
	return ""
}
