package compose

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pushd"
	"pushd/internal/wechatsim"
)

// labels and types that templates have; the last type is a historic
// template's.
var (
	someLabels = []string{
		"课程名称", "直播主题", "活动标题", "开播时间", "直播日期", "直播时间", "开始时间", "温馨提示", "备注", "直播状态", "提醒类型", "剩余分钟", "距开播分钟",
		"分钟", "讲师", "内容", "项目", "进度", "编号", "电话", "金额", "姓名", "车牌", "",
	}
	someTypes = []string{
		"thing", "number", "letter", "symbol", "character_string", "time", "date", "amount", "phone_number", "car_number", "name", "phrase",
		"enum", "const", "short_thing", "keyword",
	}
	someTitles = []string{
		"春季公开课", "Go 101", strings.Repeat("很长的标题 ", 20), "😀课", "Tom &amp; Jerry", "a\u2028b\nc", "¥39.8", "20:00", "x",
	}
)

// Whatever pushd composes by itself, for any label and type and channel, WeChat
// takes; and where it knows nothing to write, it says so before message one.
func TestRender_ComposesWhatWeChatTakes(t *testing.T) {
	composed := 0
	for _, kind := range someTypes {
		for _, label := range someLabels {
			for i, title := range someTitles {
				minutes := []int64{0, 15, 1440}[i%3]
				src := Source{
					Template: &pushd.Template{ID: "t", Content: fmt.Sprintf("%s:{{%s2.DATA}}", label, kind)},
					Facts:    Facts{Channel: pushd.Channel{Title: title, StartTime: 1772366400 + int64(i)*86400*40, TemplateID: "t", WatchURL: "https://a.example", NotifyMinutes: &minutes}, Location: time.FixedZone("", 8*60*60)},
				}
				m, err := src.Render()
				if err != nil {
					if u := err.(*Unprepared); u.Reason != pushd.TemplateFieldsUnknown {
						t.Errorf("%s %q, title %q: %v", kind, label, title, err)
					}
					continue
				}
				composed++
				if v := m.Data[kind+"2"]; !wechatsim.Fits(kind+"2", v) {
					t.Errorf("%s %q, title %q: WeChat does not take %q", kind, label, title, v)
				}
			}
		}
	}
	if composed < 500 {
		t.Errorf("only %d messages were composed", composed)
	}
}

// Whatever an owner can save, comes out as WeChat takes it, or the job says
// which field and why before message one.
func TestCheckTexts_SavesWhatWeChatTakes(t *testing.T) {
	texts := []string{
		"即将开始", "{{startTime}}", "{{startTime}}开播", "20:00", "20：00", "8:05:09", "25:00", "24:00", "20:60", "2026年3月1日 20:00", "2026-03-01 20:00", "2026/3/1",
		"2026年13月1日", "2022-01-27 15:00-16:00", "2022-01-27 15:00~16:00", "{{startTime}}~22:00", "{{startTime}} ~ 22:00", "免费", "¥39.8", "39.8元", "￥1234567890.12",
		"12345678901", "-5", "5.", ".5", "1,000", "{{minutes}}", "{{minutes}}分钟", "请致电客服", "+86-0766-66888866", "010 1234 5678", "ab1", "ab", "ABCdef",
		"a", "!!!", "！！", "编号一", "NO.1-2", "{{title}}", "{{url}}", "直播 {{title}}", "Alexander the Great", "Alexander the Great II", "王小明", "一二三四五六七八九十一",
		"粤A8Z888挂", "即将开始了", "即将开始了吧", "Soon", "é", "１２", "a\nb", " 15 ", "15😀",
	}
	refused := 0
	for _, kind := range someTypes {
		f := NewField(kind+"2", "x")
		for _, text := range texts {
			if p := checkText("fields."+f.Key, text, f); p != nil {
				if p.Field != "fields."+f.Key || p.Text == "" {
					t.Errorf("%s %q: %+v", kind, text, p)
				}
				refused++
				continue
			}
			for _, title := range someTitles {
				minutes := int64(15)
				src := Source{Asked: pushd.Asked{TemplateID: "t"}, Texts: &pushd.Texts{Fields: map[string]string{f.Key: text}},
					Facts: Facts{Channel: pushd.Channel{Title: title, StartTime: 1772366400, WatchURL: "https://a.example/1", NotifyMinutes: &minutes}, Location: time.UTC}}
				m, err := src.Render()
				if err != nil {
					if u := err.(*Unprepared); u.Reason != pushd.MessageInvalid || u.Field != "fields."+f.Key || !strings.Contains(u.Detail, f.Key) {
						t.Errorf("%s %q: %+v", kind, text, u)
					}
					continue
				}
				if v := m.Data[f.Key]; !wechatsim.Fits(f.Key, v) {
					t.Errorf("%s %q with title %q was saved, and WeChat does not take %q", kind, text, title, v)
				}
			}
		}
	}
	if refused < 200 {
		t.Errorf("only %d texts were refused", refused)
	}
}

// What is certainly good for a type can be saved.
func TestCheckText_TakesWhatFits(t *testing.T) {
	for kind, texts := range map[string][]string{
		"thing":            {"{{title}}", "还有{{minutes}}分钟", "{{startTime}}", "20:00 开播"},
		"number":           {"15", "3.5", "{{minutes}}"},
		"letter":           {"ab", "ABC"},
		"symbol":           {"!", "！～"},
		"character_string": {"NO.1", "{{startTime}}", "{{minutes}}", "{{url}}"},
		"time":             {"{{startTime}}", "20:00", "2026年3月1日 20:00", "{{startTime}}~22:00", "15:01:02"},
		"date":             {"{{startTime}}", "2026-03-01", "2026/3/1 20:00", "2026年3月1日~2026年3月2日"},
		"amount":           {"39.8元", "¥0", "1234567890"},
		"phone_number":     {"+86-0766-66888866", "{{minutes}}"},
		"car_number":       {"粤A8Z888挂"},
		"name":             {"Alexander the Great", "王小明", "一二三四五六七八九十"},
		"phrase":           {"即将开始", "直播"},
		"enum":             {"任何"},
		"const":            {"任何"},
		"short_thing":      {"{{title}}"},
		"keyword":          {"{{title}}", "{{startTime}}"},
	} {
		for _, text := range texts {
			if p := checkText("x", text, NewField(kind+"1", "")); p != nil {
				t.Errorf("%s %q: %v", kind, text, p)
			}
		}
		if !slices.Contains(someTypes, kind) {
			t.Errorf("%s is no type", kind)
		}
	}
}
