package compose

import (
	"strings"
	"testing"
	"time"

	"pushd"
	"pushd/internal/wechatsim"
)

var goodPlaceholders = map[string]string{
	"{{title}}": "春季 公开课", "{{ title }}!": "春季 公开课!", "{{title}} {{url}}": "春季 公开课 https://a.example/1?a=b",
	"{{\ttitle\t}}": "春季 公开课", "{{\u3000title\u00a0}}": "春季 公开课", "{{\u200btitle\ufeff}}": "春季 公开课", "{{\n title}}": "春季 公开课",
	"{{minutes}}": "", "{{startTime}}": "2026年03月01日 20:00", "{{title}}{{startTime}}": "春季 公开课2026年03月01日 20:00",
	"": "", "{": "{", "}": "}", "a{b}c": "a{b}c", "{课程}": "{课程}", "｛课程｝": "｛课程｝", "}{": "}{", "{\"a\":1}": "{\"a\":1}", "{x}{{title}}{y}": "{x}春季 公开课{y}",
}

func TestFacts_Expand(t *testing.T) {
	f := Facts{Channel: pushd.Channel{Title: "春季 公开课", WatchURL: "https://a.example/1?a=b", StartTime: 1772366400}, Location: time.FixedZone("", 8*60*60)}
	for text, want := range goodPlaceholders {
		if p := CheckPlaceholders("x", text); p != nil {
			t.Errorf("%q is refused: %v", text, p)
		}
		if got := f.Expand(text, Field{}); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestCheckPlaceholders_Refuses(t *testing.T) {
	for text, names := range map[string]string{
		"{{标题}}": "{{标题}}", "{{Title}}": "{{Title}}", "{{start_time}}": "{{start_time}}", "{{ foo }}": "{{ foo }}", "{{}}": "{{}}", "{{ }}": "{{ }}",
		"{{title.name}}": "{{title.name}}", "{{thing1.DATA}}": "belongs into content", "{ {thing1.DATA} }": "belongs into content",
		"｛｛title｝｝": "｛｛title｝｝", "｛｛标题｝｝": "｛｛标题｝｝", "{｛title｝}": "{｛title｝}", "{ {title} }": "{ {title} }",
		"{{title": "{{title", "课程{{": "{{", "title}}": "}}", "{{title}": "{{title}", "{title}}": "}}", "{{title}} 和 {{": "{{",
		"{{{title}}}": "{{{…}}", "{title}": "{title}", "${title}": "{title}", "{ StartTime }": "{ StartTime }", "｛url｝": "｛url｝", "{start_time}": "{start_time}",
		"{{ti\ntle}}": "{{ti\ntle}}", "{{title}}}}": "}}", "{{用户|title}}": "{{用户|title}}", "{{#if}}x{{/if}}": "{{#if}}",
		"{{" + strings.Repeat("长", 100): "{{" + strings.Repeat("长", 38) + "…",
	} {
		p := CheckPlaceholders("fields.thing1", text)
		if p == nil || p.Field != "fields.thing1" || p.Code != pushd.CodeInvalid || !strings.Contains(p.Text, "unknown placeholder") || !strings.Contains(p.Text, names) {
			t.Errorf("%q: %+v", text, p)
		}
	}
}

func TestFacts_ExpandLink(t *testing.T) {
	minutes := int64(30)
	f := Facts{Channel: pushd.Channel{Title: "A&B #1 100%/é", WatchURL: "https://a.example/42?x=1&y=2", StartTime: 1772366400, NotifyMinutes: &minutes}, Location: time.FixedZone("", 8*60*60)}
	const title, watch = "A%26B%20%231%20100%25%2F%C3%A9", "https%3A%2F%2Fa.example%2F42%3Fx%3D1%26y%3D2"
	for link, want := range map[string]string{
		"":                                     "",
		"{{url}}":                              f.WatchURL,
		"{{ url }}":                            f.WatchURL,
		"{{url}}&from=wx&t={{title}}":          f.WatchURL + "&from=wx&t=" + title,
		"https://x.example/w?t={{title}}&id=5": "https://x.example/w?t=" + title + "&id=5",
		"https://x.example/{{title}}/{{minutes}}":           "https://x.example/" + title + "/30",
		"https://x.example/go?to={{url}}#{{ title }}":       "https://x.example/go?to=" + watch + "#" + title,
		"pages/live?id=5&t={{title}}&at={{startTime}}":      "pages/live?id=5&t=" + title + "&at=2026%E5%B9%B403%E6%9C%8801%E6%97%A5%2020%3A00",
		"https://x.example/已经编码%20的?q=a+b":                  "https://x.example/已经编码%20的?q=a+b",
		"https://x.example/?a={b}&to={{url}}&again={{url}}": "https://x.example/?a={b}&to=" + watch + "&again=" + watch,
	} {
		if got := f.expandLink(link); got != want {
			t.Errorf("%q became\n%q, want\n%q", link, got, want)
		}
	}
}

// Titles that a platform stored for HTML are sent as people wrote them; what
// only looks like that stays.
func TestFacts_DecodesTitles(t *testing.T) {
	for title, want := range map[string]string{
		"Tom &amp; Jerry &#39;live&#39;": "Tom & Jerry 'live'", "&lt;Go&gt; &quot;1.26&quot; &#x4e2d;&#039;": `<Go> "1.26" 中'`,
		"AT&T & R&D": "AT&T & R&D", "a&copy=1": "a&copy=1", "&amp;amp;": "&amp;", "&nosuch;": "&nosuch;", "&": "&", "&#0;": "\ufffd",
	} {
		if got := (Facts{Channel: pushd.Channel{Title: title}, Location: time.UTC}).Expand("{{title}}", Field{}); got != want {
			t.Errorf("%q became %q, want %q", title, got, want)
		}
	}
}

// A text that is taken holds, once expanded, no brace that it did not hold
// beside the placeholders, and nothing of a placeholder.
func FuzzPlaceholders(f *testing.F) {
	for text := range goodPlaceholders {
		f.Add(text)
	}
	f.Add("｛｛ title}}{")
	f.Fuzz(func(t *testing.T, text string) {
		if CheckPlaceholders("x", text) != nil {
			return
		}
		minutes := int64(5)
		got := Facts{Channel: pushd.Channel{Title: "T", WatchURL: "https://u.example", StartTime: 1, NotifyMinutes: &minutes}, Location: time.UTC}.Expand(text, Field{})
		if strings.Contains(got, "{{") || strings.Contains(got, "}}") || strings.Contains(got, "｛｛") || strings.Contains(got, "｝｝") {
			t.Errorf("%q became %q", text, got)
		}
		if again := CheckPlaceholders("x", got); again != nil {
			t.Errorf("%q became %q: %v", text, got, again)
		}
	})
}

// The minutes are those that are left when the message leaves, and where none are
// the text still reads as a person would write it.
func TestExpand_MinutesThatAreLeft(t *testing.T) {
	const start = 1772366400
	thirty, none := int64(30), int64(0)
	for _, c := range []struct {
		text   string
		before int64 // s before the start
		set    *int64
		want   string
	}{
		{"还有{{minutes}}分钟开播", 1800, &thirty, "还有30分钟开播"},
		{"还有{{minutes}}分钟开播", 1790, &thirty, "还有30分钟开播"},
		{"还有{{minutes}}分钟开播", 1740, &thirty, "还有29分钟开播"},
		{"还有{{minutes}}分钟开播", 1900, &thirty, "还有30分钟开播"}, // a little early is not more than was set
		{"还有{{minutes}}分钟开播", 900, &thirty, "还有15分钟开播"},
		{"还有{{minutes}}分钟开播", 1, &thirty, "还有1分钟开播"},
		{"还有{{minutes}}分钟开播", 0, &thirty, "即将开播"},
		{"还有 {{ minutes }} 分钟开播", -59, &thirty, "即将开播"},
		{"还有{{minutes}}分钟开播", -60, &thirty, "已经开播"},
		{"{{minutes}} 分钟后开播，准备好面粉", 600, &thirty, "10 分钟后开播，准备好面粉"},
		{"{{minutes}} 分钟后开播，准备好面粉", 0, &thirty, "即将开播，准备好面粉"},
		{"{{minutes}} 分钟后开播，准备好面粉", -120, &thirty, "已经开播，准备好面粉"},
		{"{{minutes}}分钟后开播", 0, &none, "即将开播"},
		{"{{minutes}}分钟后开播", 600, &none, "即将开播"},
		{"{{minutes}}", 0, &thirty, "0"},
		{"{{minutes}}", -3600, &thirty, "0"},
		{"{{minutes}}", 600, &thirty, "10"},
	} {
		f := Facts{Channel: pushd.Channel{StartTime: start, NotifyMinutes: c.set}, Location: time.UTC, Now: pushd.Time((start - c.before) * 1e6)}
		if got := f.Expand(c.text, Field{}); got != c.want {
			t.Errorf("%s, %d s before a start with %d: %q, want %q", c.text, c.before, *c.set, got, c.want)
		}
	}
	f := Facts{Channel: pushd.Channel{StartTime: start, NotifyMinutes: &thirty}, Location: time.UTC}
	if got := f.Expand("还有{{minutes}}分钟开播", Field{}); got != "还有30分钟开播" {
		t.Errorf("as it was set: %q", got)
	}
}

// What WeChat takes stays what it takes, however few minutes are left.
func TestRender_NoMinutesLeft(t *testing.T) {
	thirty := int64(30)
	for _, before := range []int64{1800, 1, 0, -30, -3600} {
		for key, text := range map[string]string{"thing1": "还有{{minutes}}分钟开播", "number1": "{{minutes}}", "character_string1": "{{minutes}}min"} {
			m, err := Source{Asked: pushd.Asked{TemplateID: "t", Data: map[string]string{key: text}},
				Facts: Facts{Channel: pushd.Channel{StartTime: 1772366400, NotifyMinutes: &thirty}, Location: time.UTC, Now: pushd.Time((1772366400 - before) * 1e6)}}.Render()
			if err != nil || !wechatsim.Fits(key, m.Data[key]) {
				t.Errorf("%s, %d s before the start: %v %v", text, before, m, err)
			}
		}
	}
}
