package compose

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pushd"
)

func TestSource_Render(t *testing.T) {
	minutes, below := int64(15), int64(-5)
	beijing := time.FixedZone("", 8*60*60)
	known := Facts{Channel: pushd.Channel{Title: "春季公开课", StartTime: 1772366400, WatchURL: "https://a.example/42?x=1&y=2", TemplateID: "tpl", NotifyMinutes: &minutes}, Location: beijing}
	listed := &pushd.Template{ID: "tpl", Content: "课程名称:{{thing1.DATA}}\n开课时间:{{time2.DATA}}"}
	for name, c := range map[string]struct {
		src    Source
		data   map[string]string
		url    string
		path   string
		Reason pushd.Reason
		says   string // the reason, in words
	}{
		"from WeChat's definition": {src: Source{Template: listed, Facts: known},
			data: map[string]string{"thing1": "春季公开课", "time2": "2026年03月01日 20:00"}, url: known.WatchURL},
		"a date has no time": {src: Source{Template: &pushd.Template{Content: "日期{{date1.DATA}}"}, Facts: known},
			data: map[string]string{"date1": "2026年03月01日"}, url: known.WatchURL},
		"from the owner's texts": {src: Source{Facts: known, Template: listed, Texts: &pushd.Texts{
			Fields: map[string]string{"thing1": "还有{{minutes}}分钟"}, URL: "{{url}}&f=wx", MiniProgram: &pushd.MiniProgram{AppID: "w", PagePath: "p?u={{minutes}}"}}},
			data: map[string]string{"thing1": "还有15分钟"}, url: known.WatchURL + "&f=wx", path: "p?u=15"},
		"from content that the owner pasted": {src: Source{Facts: known, Texts: &pushd.Texts{Content: "直播:{ {thing9.DATA} }"}},
			data: map[string]string{"thing9": "春季公开课"}, url: known.WatchURL},
		"the job wins": {src: Source{Facts: known, Template: listed, Texts: &pushd.Texts{Fields: map[string]string{"thing1": "x"}, URL: "https://b.example"},
			Asked: pushd.Asked{TemplateID: "own", URL: "https://c.example", Data: map[string]string{"thing3": "{{title}}"}}},
			data: map[string]string{"thing3": "春季公开课"}, url: "https://c.example"},
		"a long title is cut": {src: Source{Template: listed, Facts: Facts{Channel: pushd.Channel{Title: strings.Repeat("长", 30), StartTime: 1, TemplateID: "tpl"}, Location: beijing}},
			data: map[string]string{"thing1": strings.Repeat("长", 20), "time2": "1970年01月01日 08:00"}},
		"no template":             {src: Source{}, Reason: pushd.TemplateMissing},
		"a template nobody knows": {src: Source{Facts: known}, Reason: pushd.TemplateFieldsUnknown},
		"a field that nothing fits": {src: Source{Facts: known, Template: &pushd.Template{Content: "费用:{{amount1.DATA}}"}},
			Reason: pushd.TemplateFieldsUnknown},
		"no start for a time": {src: Source{Template: listed, Facts: Facts{Channel: pushd.Channel{Title: "x", TemplateID: "tpl"}, Location: beijing}},
			Reason: pushd.MessageInvalid, says: "field time2 would be empty: the channel has no start time"},
		"a title of emoji": {src: Source{Template: listed, Facts: Facts{Channel: pushd.Channel{Title: "😀🎉", StartTime: 1, TemplateID: "tpl"}, Location: beijing}},
			Reason: pushd.MessageInvalid, says: `field thing1 would be empty: the channel's title "😀🎉" has no character that WeChat shows`},
		"no title": {src: Source{Template: listed, Facts: Facts{Channel: pushd.Channel{StartTime: 1, TemplateID: "tpl"}, Location: beijing}},
			Reason: pushd.MessageInvalid, says: "the channel has no title"},
		"a start for a character_string": {src: Source{Template: &pushd.Template{Content: "开播时间:{{character_string2.DATA}}"}, Facts: known},
			data: map[string]string{"character_string2": "2026-03-01 20:00"}, url: known.WatchURL},
		"a Chinese title for a character_string": {src: Source{Facts: known, Texts: &pushd.Texts{Fields: map[string]string{"character_string2": "{{title}}"}}},
			Reason: pushd.MessageInvalid, says: `field character_string2 would be "春季公开课", made from "{{title}}", and does not fit the type character_string`},
		"a title for a number, from the job": {src: Source{Facts: known, Asked: pushd.Asked{Data: map[string]string{"number1": "{{title}}"}}},
			Reason: pushd.MessageInvalid, says: "field number1 would be"},
		"the job's own words are WeChat's to judge": {src: Source{Facts: known, Asked: pushd.Asked{Data: map[string]string{"time1": "今晚八点"}}},
			data: map[string]string{"time1": "今晚八点"}, url: known.WatchURL},
		"minutes below zero": {src: Source{Facts: Facts{Channel: pushd.Channel{TemplateID: "tpl", NotifyMinutes: &below}, Location: beijing}, Template: &pushd.Template{Content: "剩余分钟:{{number1.DATA}}"}},
			Reason: pushd.MessageInvalid, says: `"-5"`},
		"a text of old with a placeholder that is none": {src: Source{Facts: known, Texts: &pushd.Texts{Fields: map[string]string{"thing1": "{{标题}}"}}},
			Reason: pushd.MessageInvalid, says: "fields.thing1: unknown placeholder {{标题}}"},
		"a link of old with one": {src: Source{Facts: known, Template: listed, Texts: &pushd.Texts{Content: listed.Content, URL: "https://a.example/{{id}}"}},
			Reason: pushd.MessageInvalid, says: "url: unknown placeholder {{id}}"},
		"links have their placeholders encoded": {src: Source{Facts: known, Template: listed, Asked: pushd.Asked{URL: "https://b.example/?t={{title}}&id=5", MiniProgram: &pushd.MiniProgram{AppID: "w", PagePath: "p?t={{ title }}"}}},
			data: map[string]string{"thing1": "春季公开课", "time2": "2026年03月01日 20:00"},
			url:  "https://b.example/?t=%E6%98%A5%E5%AD%A3%E5%85%AC%E5%BC%80%E8%AF%BE&id=5", path: "p?t=%E6%98%A5%E5%AD%A3%E5%85%AC%E5%BC%80%E8%AF%BE"},
		"a value that comes out empty": {src: Source{Facts: Facts{Channel: pushd.Channel{TemplateID: "tpl"}, Location: beijing}, Asked: pushd.Asked{Data: map[string]string{"thing1": "{{title}}"}}},
			Reason: pushd.MessageInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := c.src.Render()
			var u *Unprepared
			if errors.As(err, &u); c.Reason != "" {
				if u == nil || u.Reason != c.Reason || u.Detail == "" || !strings.Contains(u.Detail, c.says) {
					t.Errorf("%+v, %v; want %s", m, err, c.Reason)
				}
				return
			}
			if err != nil || !maps.Equal(m.Data, c.data) || m.URL != c.url {
				t.Fatalf("%+v, %v", m, err)
			}
			if path := ""; m.MiniProgram != nil {
				if path = m.MiniProgram.PagePath; path != c.path {
					t.Errorf("path %q, want %q", path, c.path)
				}
			}
		})
	}
}

func TestMessage_Letter(t *testing.T) {
	m := pushd.Message{TemplateID: "tpl", URL: "https://a.example/?a=1&b=<2>", Data: map[string]string{"thing1": "R&D \"课\" \u2028"}}
	id := pushd.NewMsgID()
	l := m.Letter(id)
	body := bytes.Join([][]byte{l.Head, l.Tail}, []byte("oAbc-_1"))
	var got struct {
		ToUser      string `json:"touser"`
		TemplateID  string `json:"template_id"`
		URL         string `json:"url"`
		ClientMsgID string `json:"client_msg_id"`
		Data        map[string]struct{ Value string }
	}
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if got.ToUser != "oAbc-_1" || got.TemplateID != "tpl" || got.URL != m.URL || got.Data["thing1"].Value != m.Data["thing1"] {
		t.Errorf("%+v", got)
	}
	if got.ClientMsgID != string(id) || len(id) > 32 {
		t.Errorf("client_msg_id %q, want %q", got.ClientMsgID, id)
	}
	if bytes.Contains(body, []byte(`\u`)) || !bytes.Contains(body, []byte("\u2028")) {
		t.Errorf("escapes in %q", body)
	}
	if bytes.Contains(body, []byte("miniprogram")) {
		t.Errorf("an empty mini program in %s", body)
	}
}

// Whatever a message holds, its letter is good JSON without \u escapes, and
// says the same but for controls.
func FuzzMessage_Letter(f *testing.F) {
	f.Add("https://a.example/?a=1&b=<2>", "p?a=\u2028", "R&D \"课\" \\u2028 \u2029 \x00\x1f\n\\")
	f.Add("\xff", "\\", `\\u0041\u0041`)
	f.Fuzz(func(t *testing.T, link, path, value string) {
		m := pushd.Message{TemplateID: "tpl", URL: link, MiniProgram: &pushd.MiniProgram{AppID: "w", PagePath: path}, Data: map[string]string{"thing1": value}}
		l := m.Letter("job1")
		body := bytes.Join([][]byte{l.Head, l.Tail}, []byte("oA"))
		var got struct {
			URL         string
			MiniProgram pushd.MiniProgram
			Data        map[string]struct{ Value string }
		}
		if err := json.Unmarshal(body, &got); err != nil || !utf8.Valid(body) {
			t.Fatalf("%v: %q", err, body)
		}
		seen := func(s string) string {
			return strings.Map(func(r rune) rune {
				if r < ' ' && !strings.ContainsRune("\b\f\n\r\t", r) {
					return -1
				}
				return r
			}, string([]rune(s)))
		}
		if got.URL != seen(link) || got.MiniProgram.PagePath != seen(path) || got.Data["thing1"].Value != seen(value) {
			t.Errorf("%+v of %+v", got, m)
		}
		if i := bytes.Index(body, []byte(`\u`)); i >= 0 && !bytes.Contains(body, []byte(`\\u`)) {
			t.Errorf("an escape in %s", body)
		}
	})
}

func TestNewJobID(t *testing.T) {
	seen := map[pushd.JobID]bool{}
	for range 1000 {
		id := pushd.NewJobID()
		if len(id) != 20 || strings.Trim(string(id), "0123456789abcdefghijklmnopqrstuvwxyz") != "" || seen[id] {
			t.Fatalf("job id %q", id)
		}
		seen[id] = true
	}
}
