package fanout

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"
)

func TestSource_Render(t *testing.T) {
	minutes := int64(15)
	beijing := time.FixedZone("", 8*60*60)
	known := facts{Channel{Title: "春季公开课", StartTime: 1772366400, WatchURL: "https://a.example/42?x=1&y=2", TemplateID: "tpl", NotifyMinutes: &minutes}, beijing}
	listed := &Template{ID: "tpl", Content: "课程名称:{{thing1.DATA}}\n开课时间:{{time2.DATA}}"}
	for name, c := range map[string]struct {
		src    source
		data   map[string]string
		url    string
		path   string
		reason Reason
	}{
		"from WeChat's definition": {src: source{template: listed, facts: known},
			data: map[string]string{"thing1": "春季公开课", "time2": "2026年03月01日 20:00"}, url: known.WatchURL},
		"a date has no time": {src: source{template: &Template{Content: "日期{{date1.DATA}}"}, facts: known},
			data: map[string]string{"date1": "2026年03月01日"}, url: known.WatchURL},
		"from the owner's texts": {src: source{facts: known, template: listed, texts: &Texts{
			Fields: map[string]string{"thing1": "还有{{minutes}}分钟"}, URL: "{{url}}&f=wx", MiniProgram: &MiniProgram{"w", "p?u={{minutes}}"}}},
			data: map[string]string{"thing1": "还有15分钟"}, url: known.WatchURL + "&f=wx", path: "p?u=15"},
		"from content that the owner pasted": {src: source{facts: known, texts: &Texts{Content: "直播:{ {thing9.DATA} }"}},
			data: map[string]string{"thing9": "春季公开课"}, url: known.WatchURL},
		"the job wins": {src: source{facts: known, template: listed, texts: &Texts{Fields: map[string]string{"thing1": "x"}, URL: "https://b.example"},
			asked: Asked{TemplateID: "own", URL: "https://c.example", Data: map[string]string{"thing3": "{{title}}"}}},
			data: map[string]string{"thing3": "春季公开课"}, url: "https://c.example"},
		"a long title is cut": {src: source{template: listed, facts: facts{Channel{Title: strings.Repeat("长", 30), StartTime: 1, TemplateID: "tpl"}, beijing}},
			data: map[string]string{"thing1": strings.Repeat("长", 20), "time2": "1970年01月01日 08:00"}},
		"no template":             {src: source{}, reason: TemplateMissing},
		"a template nobody knows": {src: source{facts: known}, reason: TemplateFieldsUnknown},
		"a field that nothing fits": {src: source{facts: known, template: &Template{Content: "费用:{{amount1.DATA}}"}},
			reason: TemplateFieldsUnknown},
		"no start for a time": {src: source{template: listed, facts: facts{Channel{Title: "x", TemplateID: "tpl"}, beijing}},
			reason: TemplateFieldsUnknown},
		"a value that comes out empty": {src: source{facts: facts{Channel{TemplateID: "tpl"}, beijing}, asked: Asked{Data: map[string]string{"thing1": "{{title}}"}}},
			reason: MessageInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := c.src.render()
			var u *unprepared
			if errors.As(err, &u); c.reason != "" {
				if u == nil || u.reason != c.reason || u.detail == "" {
					t.Errorf("%+v, %v; want %s", m, err, c.reason)
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
	m := Message{TemplateID: "tpl", URL: "https://a.example/?a=1&b=<2>", Data: map[string]string{"thing1": "R&D \"课\" \u2028"}}
	id := NewMsgID()
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
	for _, escape := range []string{`\u0026`, `\u003c`, `\u003e`} {
		if bytes.Contains(body, []byte(escape)) {
			t.Errorf("%s in %s", escape, body)
		}
	}
	if bytes.Contains(body, []byte("miniprogram")) {
		t.Errorf("an empty mini program in %s", body)
	}
}

func TestNewJobID(t *testing.T) {
	seen := map[JobID]bool{}
	for range 1000 {
		id := NewJobID()
		if len(id) != 20 || strings.Trim(string(id), "0123456789abcdefghijklmnopqrstuvwxyz") != "" || seen[id] {
			t.Fatalf("job id %q", id)
		}
		seen[id] = true
	}
}
