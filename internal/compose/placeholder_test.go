package compose

import (
	"strings"
	"testing"
	"time"

	"pushd"
)

var goodPlaceholders = map[string]string{
	"{{title}}": "春季 公开课", "{{ title }}!": "春季 公开课!", "{{title}} {{url}}": "春季 公开课 https://a.example/1?a=b",
	"{{\ttitle\t}}": "春季 公开课", "{{\u3000title\u00a0}}": "春季 公开课", "{{\u200btitle\ufeff}}": "春季 公开课", "{{\n title}}": "春季 公开课",
	"{{minutes}}": "", "{{startTime}}": "2026年03月01日 20:00", "{{title}}{{startTime}}": "春季 公开课2026年03月01日 20:00",
	"": "", "{": "{", "}": "}", "a{b}c": "a{b}c", "{课程}": "{课程}", "｛课程｝": "｛课程｝", "}{": "}{", "{\"a\":1}": "{\"a\":1}", "{x}{{title}}{y}": "{x}春季 公开课{y}",
}

func TestFacts_Expand(t *testing.T) {
	f := Facts{pushd.Channel{Title: "春季 公开课", WatchURL: "https://a.example/1?a=b", StartTime: 1772366400}, time.FixedZone("", 8*60*60)}
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
	f := Facts{pushd.Channel{Title: "A&B #1 100%/é", WatchURL: "https://a.example/42?x=1&y=2", StartTime: 1772366400, NotifyMinutes: &minutes}, time.FixedZone("", 8*60*60)}
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
		if got := (Facts{pushd.Channel{Title: title}, time.UTC}).Expand("{{title}}", Field{}); got != want {
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
		got := Facts{pushd.Channel{Title: "T", WatchURL: "https://u.example", StartTime: 1, NotifyMinutes: &minutes}, time.UTC}.Expand(text, Field{})
		if strings.Contains(got, "{{") || strings.Contains(got, "}}") || strings.Contains(got, "｛｛") || strings.Contains(got, "｝｝") {
			t.Errorf("%q became %q", text, got)
		}
		if again := CheckPlaceholders("x", got); again != nil {
			t.Errorf("%q became %q: %v", text, got, again)
		}
	})
}
