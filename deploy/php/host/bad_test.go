package host_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pushd/internal/wechatsim"
)

// state is what is saved of owners' things, for a comparison.
func (s *site) state() string {
	s.t.Helper()
	var all strings.Builder
	for _, query := range []string{
		"SELECT GROUP_CONCAT(CONCAT_WS('|', id, uin, title, start_time, watch_url) ORDER BY id) FROM activity",
		"SELECT GROUP_CONCAT(CONCAT_WS('|', act_id, content, live_notify, live_notify_time, live_notify_status, audience) ORDER BY act_id) FROM activity_detail",
		"SELECT GROUP_CONCAT(CONCAT_WS('|', uin, act_live_template_id, status) ORDER BY uin) FROM user_wx_config",
		"SELECT GROUP_CONCAT(CONCAT_WS('|', uin, nonce, state) ORDER BY nonce) FROM host_trial",
		"SELECT COUNT(*) FROM pushd_template",
		"SELECT COUNT(*) FROM pushd_job",
	} {
		var text *string
		if err := s.DB.QueryRowContext(s.t.Context(), query).Scan(&text); err != nil {
			s.t.Fatal(query, err)
		}
		if text != nil {
			fmt.Fprintln(&all, *text)
		}
	}
	return all.String()
}

// Each bad request is refused in Chinese with the field named, and nothing of
// it is saved.
func TestBadInput(t *testing.T) {
	s := world(t)
	a := s.login(alice)
	with := func(name string, value any) map[string]any {
		body := channelBody()
		body[name] = value
		return body
	}
	past := time.Now().Add(-time.Minute).In(shanghai).Format("2006-01-02T15:04")
	listed, category := "/templates/"+wechatsim.TemplateID("wxalice", 1), "/templates/"+wechatsim.TemplateID("wxalice", 2)
	fields := func(thing, at any) map[string]any {
		return map[string]any{"fields": map[string]any{"thing1": thing, "time2": at}}
	}
	for _, c := range []struct {
		path   string
		body   any
		status int
		field  string
		says   string
	}{
		{"/channels", "nonsense", 400, "", "JSON"},
		{"/channels", "[1]", 400, "", "JSON"},
		{"/channels", `{"title":"` + strings.Repeat("x", 70000) + `"}`, 413, "", "64 KB"},
		{"/channels", map[string]any{}, 422, "title", "标题"},
		{"/channels", with("title", "  "), 422, "title", "请填写标题"},
		{"/channels", with("title", "🎉🎉\u200b"), 422, "title", "表情"},
		{"/channels", with("title", strings.Repeat("长", 65)), 422, "title", "64 个字"},
		{"/channels", with("title", []int{1}), 422, "title", "文字"},
		{"/channels", with("title", "a\x00b"), 422, "title", "字符"},
		{"/channels", with("start_time", ""), 422, "start_time", "开播时间"},
		{"/channels", with("start_time", "2026-02-30T10:00"), 422, "start_time", "开播时间"},
		{"/channels", with("start_time", "tomorrow"), 422, "start_time", "开播时间"},
		{"/channels", with("start_time", past), 422, "start_time", "晚于现在"},
		{"/channels", with("start_time", 4102444700), 422, "start_time", "两年"},
		{"/channels", with("watch_url", "javascript:alert(1)"), 422, "watch_url", "观看地址必须以 http"},
		{"/channels", with("watch_url", "https://"), 422, "watch_url", "观看地址"},
		{"/channels", with("content", strings.Repeat("长", 2001)), 422, "content", "2000"},
		{"/channels", with("live_notify", "yes"), 422, "live_notify", "开播提醒"},
		{"/channels", with("live_notify_time", -1), 422, "live_notify_time", "0 到 1440"},
		{"/channels", with("live_notify_time", 1441), 422, "live_notify_time", "0 到 1440"},
		{"/channels", with("live_notify_time", "1441"), 422, "live_notify_time", "0 到 1440"},
		{"/channels", with("live_notify_time", ""), 422, "live_notify_time", "0 到 1440"},
		{"/channels", with("live_notify_time", 1.5), 422, "live_notify_time", "0 到 1440"},
		{"/channels", with("live_notify_status", 2), 422, "live_notify_status", "未知字段"},
		{"/channels", with("audience", "everyone"), 422, "audience", "提醒对象"},
		{"/channels", with("audience", "tag:0"), 422, "audience", "提醒对象"},
		{"/channels", with("audience", "tag:101' OR 1"), 422, "audience", "提醒对象"},
		{"/channels", with("form_key", "x"), 422, "form_key", "刷新"},
		{"/channels", with("confirmed", "alike"), 422, "confirmed", "确认"},
		{"/channels/11", map[string]any{"title": "half", "version": "0123456789abcdef"}, 409, "", "别处修改"},
		{"/channels/11/reminder", map[string]any{"do": "stop"}, 422, "job", "发送任务"},
		{"/channels/11/reminder", map[string]any{"do": "stop", "job": "nosuchjob"}, 409, "", "已经变化"},
		{"/channels/11", map[string]any{"title": "half", "live_notify_time": 2000}, 422, "live_notify_time", "0 到 1440"},
		{"/channels/11", map[string]any{"title": "half", "start_time": past}, 422, "start_time", "晚于现在"},
		{"/settings", map[string]any{"enabled": true}, 422, "templateId", "请先选择模板"},
		{"/settings", map[string]any{"templateId": "a b", "enabled": true}, 422, "templateId", "公众平台"},
		{"/settings", map[string]any{"templateId": "abc", "enabled": 7}, 422, "enabled", "启用"},
		{"/settings", map[string]any{}, 422, "templateId", "请填写模板 ID"},
		{"/settings", map[string]any{"templateId": "abc", "enabled": "yes"}, 422, "enabled", "启用"},
		{"/settings", map[string]any{"templateId": wechatsim.TemplateID("wxalice", 2), "enabled": true}, 422, "templateId", "粘贴模板内容"},
		{listed, map[string]any{}, 422, "fields", "字段"},
		{listed, fields(strings.Repeat("长", 21), "{{startTime}}"), 422, "fields.thing1", "21 个字，微信最多接受 20"},
		{listed, fields("", "{{startTime}}"), 422, "fields.thing1", "不能为空"},
		{listed, fields("{{tilte}}", "{{startTime}}"), 422, "fields.thing1", "不认识的占位符 {{tilte}}"},
		{listed, fields("{{ 标 题 }}", "{{startTime}}"), 422, "fields.thing1", "不认识的占位符 {{ 标 题 }}"},
		{listed, fields("x", "即将开始"), 422, "fields.time2", "24 小时制"},
		{listed, fields("x", "{{startTime}}开播"), 422, "fields.time2", "24 小时制"},
		{listed, fields(7, "{{startTime}}"), 422, "fields.thing1", "文字"},
		{listed, map[string]any{"fields": map[string]any{"thing1": "x"}}, 422, "fields.time2", "开播时间"},
		{listed, map[string]any{"fields": map[string]any{"thing1": "x", "time2": "y", "thing9": "z"}}, 422, "fields.thing9", "没有这个字段"},
		{listed, map[string]any{"fields": map[string]any{"thing1": "x", "time2": "y"}, "url": "ftp://x"}, 422, "url", "http"},
		{listed, map[string]any{"fields": map[string]any{"thing1": "x", "time2": "y"}, "miniprogram": map[string]any{"app": "x"}}, 422, "miniprogram", "appid"},
		{category, fields("x", "y"), 422, "content", "详细内容"},
		{listed + "/preview", map[string]any{"actid": "x"}, 422, "actid", "直播"},
		{listed + "/preview", map[string]any{"actid": 404}, 404, "", "直播不存在"},
		{listed + "/test", map[string]any{"actid": 404}, 404, "", "直播不存在"},
		{listed + "/test", map[string]any{"openid": "o1"}, 422, "openid", "未知字段"},
		{"/estimate", map[string]any{"actid": 11}, 422, "templateId", "模板 ID"},
	} {
		t.Run(fmt.Sprintf("%s %.60v", c.path, c.body), func(t *testing.T) {
			before := s.state()
			got := a.api(c.path, c.body)
			if got.status != c.status || got.Field != c.field || !strings.Contains(got.Message, c.says) {
				t.Errorf("%d field %q: %s", got.status, got.Field, got.Message)
			}
			if after := s.state(); after != before {
				t.Errorf("half-saved:\n%s\n%s", before, after)
			}
		})
	}
}

// pushd away: what needs it says so, what does not works on.
func TestPushdAway(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	a := s.login(alice)
	if err := s.StopDaemon(); err != nil {
		t.Fatal(err)
	}
	s.exec("UPDATE activity_detail SET live_notify_status = 1 WHERE act_id = 11")
	template := wechatsim.TemplateID("wxalice", 1)
	for path, body := range map[string]any{
		"/templates": nil, "/templates/" + template: map[string]any{"fields": map[string]any{"thing1": "x"}},
		"/estimate": map[string]any{"actid": 11, "templateId": template},
		"/settings": map[string]any{"templateId": template, "enabled": true},
	} {
		if got := a.api(path, body); got.status != 502 || got.Code != "pushd_unreachable" || got.Message == "" {
			t.Errorf("%s: %d %s", path, got.status, got.text)
		}
	}
	if got := a.api("/settings", map[string]any{"templateId": template, "enabled": false}); got.status != 200 {
		t.Errorf("switching off: %d %s", got.status, got.text)
	}
	if got := a.api("/channels/11/reminder", nil); got.status != 200 || !strings.Contains(got.text, "发送中") {
		t.Errorf("state: %d %s", got.status, got.text)
	}
	if got := a.page("/channels/11"); got.status != 200 {
		t.Errorf("page: %d", got.status)
	}
}

// The database fails half-way: nothing is kept, and what WeChat sends again
// is taken then.
func TestHalfWay(t *testing.T) {
	s := world(t)
	a := s.login(alice)
	fail := func(when, table string) {
		s.exec("CREATE TRIGGER fail BEFORE " + when + " ON " + table + " FOR EACH ROW SIGNAL SQLSTATE '45000'")
	}
	for when, path := range map[string]string{"INSERT": "/channels", "UPDATE": "/channels/11"} {
		before := s.state()
		fail(when, "activity_detail")
		if got := a.api(path, channelBody()); got.status != 503 || got.Code != "database" {
			t.Errorf("%s: %d %s", path, got.status, got.text)
		}
		s.exec("DROP TRIGGER fail")
		if after := s.state(); after != before {
			t.Errorf("%s is half-saved:\n%s\n%s", path, before, after)
		}
	}
	l := s.callback(a, "wxalice")
	q, body := l.signed(time.Now(), "n1"), event("SCAN", "oViewer", "live_11", time.Now().Unix())
	fail("INSERT", "host_follow")
	if got := l.send(q, body); got.status != 500 {
		t.Errorf("callback: %d %s", got.status, got.text)
	}
	s.exec("DROP TRIGGER fail")
	if l.send(q, body); s.number("SELECT COUNT(*) FROM host_follow") != 1 {
		t.Error("what failed is not taken when it comes again")
	}
}
