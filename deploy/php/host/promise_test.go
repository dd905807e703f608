package host_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
)

// What may be promised follows from the clock, from what pushd has done and from
// what the owner has set; page and answer say the same.
func TestPromise(t *testing.T) {
	const minute, hour = 60, 3600
	start := time.Date(2026, 11, 27, 20, 0, 0, 0, shanghai).Unix()
	h := phptest.New(t, phptest.Settings{"host_secret": hostSecret, "base_url": public})
	type channel struct {
		ID      int64  `json:"id"`
		Title   string `json:"title"`
		Start   int64  `json:"start_time"`
		URL     string `json:"watch_url"`
		Notify  bool   `json:"live_notify"`
		Minutes int    `json:"live_notify_time"`
		Status  int    `json:"live_notify_status"`
		Who     string `json:"audience,omitempty"`
	}
	cases := []struct {
		name   string
		at     int64 // seconds to the start
		change func(*channel)
		closed bool
		phase  string
		offer  string
		text   string
		answer string // a part of it
		kept   string // for those who subscribed in time
		late   string // and for those who came after
	}{
		{"early", -2 * hour, nil, false, "early", "subscribe", "关注公众号后，开播前 30 分钟会收到微信提醒", "订阅成功！《烘焙》20:00 开播，开播前 30 分钟提醒您。", "已订阅，开播前 30 分钟提醒您", "已订阅，开播前 30 分钟提醒您"},
		{"another day", -26 * hour, nil, false, "early", "subscribe", "关注公众号后，开播前 30 分钟会收到微信提醒", "11月27日 20:00 开播", "已订阅，开播前 30 分钟提醒您", "已订阅，开播前 30 分钟提醒您"},
		{"at the start", -2 * hour, func(c *channel) { c.Minutes = 0 }, false, "early", "subscribe", "关注公众号后，开播时会收到微信提醒", "开播时提醒您", "已订阅，开播时提醒您", "已订阅，开播时提醒您"},
		{"one second early", -30*minute - 1, nil, false, "early", "subscribe", "关注公众号后，开播前 30 分钟会收到微信提醒", "订阅成功", "已订阅，开播前 30 分钟提醒您", "已订阅，开播前 30 分钟提醒您"},
		{"due", -30 * minute, nil, false, "due", "subscribe", "提醒即将发出，关注公众号后仍可收到", "提醒即将发出。", "已订阅，提醒即将发出", "已订阅，提醒即将发出"},
		{"sending", -20 * minute, func(c *channel) { c.Status = 1 }, false, "sending", "follow", "本场提醒正在发出，关注后可收到下一场；直播 20:00 开始", "《烘焙》本场提醒正在发出", "已订阅，提醒正在发出", ""},
		{"sent", -20 * minute, func(c *channel) { c.Status = 2 }, false, "sent", "follow", "本场提醒已发出，关注后可收到下一场；直播 20:00 开始", "《烘焙》本场提醒已发出", "提醒已发出，请在微信中查看", ""},
		{"stopped", -20 * minute, func(c *channel) { c.Status = 3 }, false, "stopped", "follow", "本场提醒已停止，关注后可收到下一场；直播 20:00 开始", "《烘焙》本场提醒已停止", "", ""},
		{"off", -2 * hour, func(c *channel) { c.Notify = false }, false, "off", "none", "这场直播没有开播提醒；直播 20:00 开始", "没有开播提醒", "", ""},
		{"owner disabled", -2 * hour, nil, true, "off", "none", "这场直播没有开播提醒；直播 20:00 开始", "没有开播提醒", "", ""},
		{"sent, then switched off", -20 * minute, func(c *channel) { c.Status, c.Notify = 2, false }, true, "sent", "follow", "本场提醒已发出，关注后可收到下一场；直播 20:00 开始", "本场提醒已发出", "提醒已发出，请在微信中查看", ""},
		{"live", 0, nil, false, "live", "none", "直播已经开始", "点这里进入直播", "", ""},
		{"live elsewhere", 5 * hour, func(c *channel) { c.URL, c.Status = "https://room.example/7", 2 }, false, "live", "enter", "直播已经开始", "点这里进入直播", "", ""},
		{"yesterday", 24 * hour, nil, false, "past", "none", "这场直播已于 11月27日 20:00 开始", "已于 11月27日 20:00 开始", "", ""},
		{"yesterday elsewhere", 24 * hour, func(c *channel) { c.URL = "https://room.example/7" }, false, "past", "enter", "这场直播已于 11月27日 20:00 开始", "已于 11月27日", "", ""},
		{"subscribers", -2 * hour, func(c *channel) { c.Who = "subscribers" }, false, "early", "subscribe", "订阅后，开播前 30 分钟会收到微信提醒", "回复“退订”", "已订阅，开播前 30 分钟提醒您", "已订阅，开播前 30 分钟提醒您"},
		{"subscribers, sent", -20 * minute, func(c *channel) { c.Who, c.Status = "subscribers", 2 }, false, "sent", "none", "本场提醒已发出；直播 20:00 开始", "本场提醒已发出；直播 20:00 开始", "提醒已发出，请在微信中查看", ""},
		{"a tag", -2 * hour, func(c *channel) { c.Who = "tag:101" }, false, "early", "none", "这场直播只提醒主播选定的粉丝；直播 20:00 开始", "只提醒主播选定的粉丝", "", ""},
	}
	type input struct {
		Channel channel `json:"channel"`
		Open    bool    `json:"open"`
		Now     int64   `json:"now"`
	}
	inputs := make([]input, len(cases))
	for i, c := range cases {
		in := channel{42, "烘焙", start, public + "/watch/42", true, 30, 0, ""}
		if c.change != nil {
			c.change(&in)
		}
		inputs[i] = input{in, !c.closed, start + c.at}
	}
	raw, err := json.Marshal(inputs)
	if err != nil {
		t.Fatal(err)
	}
	run := h.Script(t.Context(), t, "testdata/promise.php", string(raw))
	var got []struct {
		Phase, Offer, Text, Answer, Kept, Late string
		Promised                               bool
	}
	if err := json.Unmarshal([]byte(run.Stdout), &got); err != nil || len(got) != len(cases) {
		t.Fatal(err, run)
	}
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := got[i]
			if g.Phase != c.phase || g.Offer != c.offer || g.Text != c.text || g.Promised != (c.offer == "subscribe") {
				t.Errorf("%+v", g)
			}
			if !strings.Contains(g.Answer, c.answer) || strings.Contains(g.Answer, "订阅成功") != g.Promised {
				t.Errorf("answer: %s", g.Answer)
			}
			if c.offer != "none" || c.phase != "early" { // of a tag there are no subscribers
				if g.Kept != c.kept || g.Late != c.late {
					t.Errorf("kept %q, late %q", g.Kept, g.Late)
				}
			}
		})
	}
}

// watched is what the interface says to a viewer.
type watched struct {
	Phase, Text, Offer, Button, Done, Kept, Room, Badge string
	Followed, Known, Stale, Leave, Calendar             bool
	Subscribe                                           struct {
		Available     bool
		Code, Message string
	}
}

func (b *browser) watch(id int) (w watched) {
	b.t.Helper()
	b.api(fmt.Sprint("/watch/", id), nil).into(b.t, &w)
	return w
}

// Page, interface and answer agree in each phase, and what is answered to those
// who come too late promises nothing.
func TestWatch_Phases(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	l := s.callback(s.login(alice), "wxalice")
	viewer := s.browser()
	nonce := 0
	for _, c := range []struct {
		phase, change string
		args          []any
		answer        string
		code          int // of the QR code
	}{
		{"early", "UPDATE activity SET start_time = ?", []any{time.Now().Add(3 * time.Hour).Unix()}, "订阅成功", 200},
		{"due", "UPDATE activity SET start_time = ?", []any{time.Now().Add(20 * time.Minute).Unix()}, "提醒即将发出", 200},
		{"sending", "UPDATE activity_detail SET live_notify_status = 1", nil, "本场提醒正在发出", 200},
		{"sent", "UPDATE activity_detail SET live_notify_status = 2", nil, "本场提醒已发出", 200},
		{"stopped", "UPDATE activity_detail SET live_notify_status = 3", nil, "本场提醒已停止", 200},
		{"off", "UPDATE activity_detail SET live_notify_status = 0, live_notify = 0", nil, "没有开播提醒", 409},
		{"live", "UPDATE activity SET start_time = ?, watch_url = 'https://room.example/1'", []any{time.Now().Add(-time.Minute).Unix()}, "直播已经开始", 409},
		{"past", "UPDATE activity SET start_time = ?", []any{time.Now().Add(-25 * time.Hour).Unix()}, "这场直播已于", 409},
	} {
		s.exec(c.change, c.args...)
		got := viewer.watch(11)
		page := viewer.page("/watch/11").text
		if got.Phase != c.phase || got.Text == "" || !strings.Contains(page, got.Text) {
			t.Errorf("%s: %+v\n%s", c.phase, got, page)
		}
		if code := viewer.api("/watch/11/qrcode", nil); code.status != c.code || c.code != 200 && code.Message != got.Text {
			t.Errorf("%s: code %d %s", c.phase, code.status, code.text)
		}
		nonce++
		now := time.Now()
		answer := l.send(l.signed(now, fmt.Sprint("n", nonce)), event("SCAN", fmt.Sprint("oViewer", nonce), "live_11", now.Unix()))
		if !strings.Contains(answer.text, c.answer) || strings.Contains(answer.text, "订阅成功") != (c.phase == "early" || c.phase == "due") {
			t.Errorf("%s: answered %s", c.phase, answer.text)
		}
		promised := s.number("SELECT COALESCE(SUM(promised), 0) FROM host_subscriber WHERE openid = ?", fmt.Sprint("oViewer", nonce))
		if (promised == 1) != (c.phase == "early" || c.phase == "due") {
			t.Errorf("%s: promised %d", c.phase, promised)
		}
		if has := strings.Contains(page, `id="enter" href="https://room.example/1">`); has != (c.phase == "live" || c.phase == "past") {
			t.Errorf("%s: the way into the stream: %v", c.phase, has)
		}
	}
	if n := s.number("SELECT COUNT(*) FROM host_subscriber"); n != 7 {
		t.Errorf("%d subscribers: of a stream of yesterday there are no new ones", n)
	}
}

// Viewers who may not see something are not led to the owner's login.
func TestWatch_ErrorPage(t *testing.T) {
	s := world(t)
	for path, want := range map[string]int{"/watch/99": 404, "/watch/x": 404, "/watch/11/nothing": 404} {
		got := s.browser().page(path)
		if got.status != want || strings.Contains(got.text, "/login") || strings.Contains(got.text, `href="/"`) || !strings.Contains(got.text, "打不开这个页面") {
			t.Errorf("%s: %d %s", path, got.status, got.text)
		}
	}
}

// A page can be asked for by HEAD, and shared with a picture of what it is.
func TestWatch_HeadAndTags(t *testing.T) {
	s := world(t)
	b := s.browser()
	get := b.page("/watch/11")
	for path, want := range map[string]int{"/watch/11": 200, "/watch/99": 404, "/login": 200, "/api/watch/11": 200, "/api/watch/11/leave": 405} {
		if got := b.do("HEAD", path, "", ""); got.status != want || got.text != "" {
			t.Errorf("HEAD %s: %d, %d bytes", path, got.status, len(got.text))
		}
	}
	for _, tag := range []string{
		`<meta property="og:title" content="Alice&#039;s evening">`, `<meta property="og:url" content="` + public + `/watch/11">`,
		`<meta property="og:description" content="`, `<link rel="canonical" href="` + public + `/watch/11">`, "<noscript>",
	} {
		if !strings.Contains(get.text, tag) {
			t.Errorf("no %s in\n%s", tag, get.text)
		}
	}
}

// The calendar entry begins at the same moment everywhere, and rings before.
func TestWatch_Calendar(t *testing.T) {
	s := world(t)
	start := time.Now().Add(3 * time.Hour).Truncate(time.Minute)
	name := strings.Repeat("零基础学烘焙，", 9) + `第一课; \ end`
	s.exec("UPDATE activity SET title = ?, start_time = ? WHERE id = 11", name, start.Unix())
	s.exec("UPDATE activity_detail SET content = ? WHERE act_id = 11", "带上面粉\r\n和鸡蛋")
	got := s.browser().page("/watch/11/calendar.ics")
	if got.status != 200 || got.header.Get("Content-Type") != "text/calendar; charset=utf-8" {
		t.Fatal(got)
	}
	lines := strings.Split(strings.TrimSuffix(got.text, "\r\n"), "\r\n")
	for _, line := range lines {
		if len(line) > 75 || strings.ContainsAny(line, "\r\n") || strings.ToValidUTF8(line, "") != line {
			t.Errorf("%d bytes: %q", len(line), line)
		}
	}
	plain := strings.ReplaceAll(got.text, "\r\n ", "")
	for _, line := range []string{
		"DTSTART:" + start.UTC().Format("20060102T150405Z"), "DTEND:" + start.Add(time.Hour).UTC().Format("20060102T150405Z"),
		"BEGIN:VALARM", "TRIGGER:-PT10M", "UID:live-11@live.example.com", "URL:" + public + "/watch/11",
		"SUMMARY:直播：" + strings.Repeat("零基础学烘焙，", 9) + `第一课\; \\ end`, `DESCRIPTION:带上面粉\n和鸡蛋\n` + public + "/watch/11",
	} {
		if !strings.Contains(plain, line+"\r\n") {
			t.Errorf("no %s in\n%s", line, plain)
		}
	}
	s.exec("UPDATE activity SET start_time = ? WHERE id = 11", time.Now().Add(5*time.Minute).Unix())
	if got := s.browser().page("/watch/11/calendar.ics"); !strings.Contains(got.text, "TRIGGER:PT0S\r\n") {
		t.Errorf("an alarm in the past: %s", got.text)
	}
}
