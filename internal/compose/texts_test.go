package compose

import (
	"testing"

	"pushd"
)

func TestCheckTexts(t *testing.T) {
	const content = "课程名称:{{thing1.DATA}}\n开课时间:{{time2.DATA}}\n状态:{{phrase3.DATA}}\n分钟:{{number4.DATA}}"
	good := map[string]string{"thing1": "{{title}}", "time2": "{{startTime}}", "phrase3": "即将开始", "number4": "{{minutes}}"}
	with := func(key, text string) pushd.Texts {
		fields := map[string]string{}
		for k, v := range good {
			fields[k] = v
		}
		if text == "-" {
			delete(fields, key)
		} else {
			fields[key] = text
		}
		return pushd.Texts{TemplateID: "t", Fields: fields}
	}
	for _, c := range []struct {
		name  string
		Texts pushd.Texts
		Field string // "" = good
	}{
		{"good", with("thing1", "{{title}}"), ""},
		{"blank before a placeholder", with("thing1", "{{ title }}课"), ""},
		{"twenty characters", with("thing1", "一二三四五六七八九十一二三四五六七八九十"), ""},
		{"twenty-one", with("thing1", "一二三四五六七八九十一二三四五六七八九十一"), "fields.thing1"},
		{"five of a phrase", with("phrase3", "即将开始了吧"), "fields.phrase3"},
		{"a field that is not there", with("thing9", "x"), "fields.thing9"},
		{"a field left out", with("time2", "-"), "fields.time2"},
		{"empty", with("thing1", "  "), "fields.thing1"},
		{"only emoji", with("thing1", "😀"), "fields.thing1"},
		{"a placeholder that nobody knows", with("thing1", "{{name}}"), "fields.thing1"},
		{"a number that is none", with("number4", "五"), "fields.number4"},
		{"a placeholder in Chinese", with("thing1", "{{标题}}"), "fields.thing1"},
		{"a time that is none", with("time2", "即将开始"), "fields.time2"},
		{"more than a time", with("time2", "{{startTime}}开播"), "fields.time2"},
		{"a title as a number", with("number4", "{{title}}"), "fields.number4"},
		{"a link with a placeholder", pushd.Texts{Fields: good, URL: "https://a.example/?t={{ title }}"}, ""},
		{"a path with half a placeholder", pushd.Texts{Fields: good, MiniProgram: &pushd.MiniProgram{AppID: "w", PagePath: "p?{{title"}}, "miniprogram.pagepath"},
		{"a link with a wrong placeholder", pushd.Texts{Fields: good, URL: "https://a.example/{{id}}"}, "url"},
		{"a path with a wrong placeholder", pushd.Texts{Fields: good, MiniProgram: &pushd.MiniProgram{AppID: "w", PagePath: "p?{{id}}"}}, "miniprogram.pagepath"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := CheckTexts(c.Texts, content)
			switch {
			case p == nil && c.Field != "":
				t.Errorf("accepted, want a problem with %s", c.Field)
			case p != nil && p.Field != c.Field:
				t.Errorf("%s: %s, want %q", p.Field, p.Text, c.Field)
			}
		})
	}
	if p := CheckTexts(pushd.Texts{Fields: good}, "just text"); p == nil || p.Field != "content" {
		t.Errorf("content without placeholders: %+v", p)
	}
}
