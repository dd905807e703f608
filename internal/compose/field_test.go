package compose

import (
	"slices"
	"testing"
)

func TestParseFields(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		want    []Field
	}{
		"a category template": {"课程名称:{{thing1.DATA}}\n开课时间：{{time2.DATA}}\n",
			[]Field{{"thing1", "课程名称", "thing", 20}, {"time2", "开课时间", "time", 0}}},
		"blanks inside, as WeChat's pages print them": {"名称: { {thing1.DATA} }\n时间:{{ time2.DATA }}\r\n",
			[]Field{{"thing1", "名称", "thing", 20}, {"time2", "时间", "time", 0}}},
		"a historic template": {"{{first.DATA}}\n课程：{{keyword1.DATA}}\n时间：{{keyword2.DATA}}\n{{remark.DATA}}",
			[]Field{{"keyword1", "课程", "", 20}, {"keyword2", "时间", "", 20}}},
		"historic keys of one's own": {"姓名{{userName.DATA}}课{{course.DATA}}",
			[]Field{{"userName", "姓名", "", 20}, {"course", "课", "", 20}}},
		"the same field twice":   {"a:{{thing1.DATA}} b:{{thing1.DATA}}", []Field{{"thing1", "a", "thing", 20}}},
		"keys with underscores":  {"号:{{character_string12.DATA}}", []Field{{"character_string12", "号", "character_string", 32}}},
		"no fields":              {"{{thing1}} {thing2.DATA} thing3.DATA", nil},
		"nothing":                {"", nil},
		"an unknown type of key": {"x:{{thong1.DATA}}", []Field{{"thong1", "x", "", 20}}},
	} {
		if got := ParseFields(c.content); !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestField_CleanValue(t *testing.T) {
	thing, phrase, time, name := NewField("thing1", ""), NewField("phrase2", ""), NewField("time3", ""), NewField("name4", "")
	for _, c := range []struct {
		f        Field
		in, want string
	}{
		{thing, "春季公开课", "春季公开课"},
		{thing, " 两行\r\n一句\t话 ", "两行  一句 话"},
		{thing, "课😀程🇨🇳👨‍👩‍👧❤️1️⃣", "课程1"},
		{thing, "a\x00b\u009fc\uFFFD", "abc"},
		{thing, "一二三四五六七八九十一二三四五六七八九十剩", "一二三四五六七八九十一二三四五六七八九十"},
		{thing, "一二三四五六七八九十一二三四五六七八九 剩", "一二三四五六七八九十一二三四五六七八九"},
		{thing, "😀", ""},
		{thing, "→ ① & < \" '", "→ ① & < \" '"},
		{name, "Alexander the Great II", "Alexander the Great"},
		{name, "欧阳Alexander the Great", "欧阳Alexande"},
		{phrase, "即将开始了", "即将开始了"},
		{phrase, "即将开始了吧", "即将开始了"},
		{time, "2026年03月01日 20:00, and as long as one likes", "2026年03月01日 20:00, and as long as one likes"},
	} {
		if got := c.f.CleanValue(c.in); got != c.want {
			t.Errorf("%s of %q is %q, want %q", c.f.Key, c.in, got, c.want)
		}
	}
}

func TestField_TextFor(t *testing.T) {
	for _, c := range []struct{ key, label, want string }{
		{"thing1", "课程名称", "{{title}}"},
		{"thing1", "直播主题", "{{title}}"},
		{"keyword1", "活动标题", "{{title}}"},
		{"time2", "什么都行", "{{startTime}}"},
		{"date3", "", "{{startTime}}"},
		{"thing4", "开播时间", "{{startTime}}"},
		{"short_thing4", "直播时间", "{{startTime}}"},
		{"character_string4", "直播日期", "{{startTime}}"},
		{"keyword2", "日期", "{{startTime}}"},
		{"thing5", "温馨提示", "直播即将开始，请准时观看"},
		{"phrase6", "直播状态", "即将开始"},
		{"phrase6", "姓名", ""},
		{"number7", "剩余分钟", "{{minutes}}"},
		{"number7", "人数", ""},
		{"amount8", "课程费用", ""},
		{"name9", "讲师", ""},
		{"thing10", "讲师", ""},
	} {
		if got := NewField(c.key, c.label).TextFor(); got != c.want {
			t.Errorf("%s %s gets %q, want %q", c.key, c.label, got, c.want)
		}
	}
}
