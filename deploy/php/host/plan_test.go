package host_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
)

// What is foretold of a reminder by its owner's brakes.
func TestPlan(t *testing.T) {
	h := phptest.New(t, phptest.Settings{"host_secret": hostSecret, "base_url": public})
	at := func(clock string) int64 { // of 27 November; 31:00 is the next day
		var hour, minute int
		fmt.Sscanf(clock, "%d:%d", &hour, &minute)
		return time.Date(2026, 11, 27, hour, minute, 0, 0, shanghai).Unix()
	}
	type channel struct {
		ID      int   `json:"id"`
		Start   int64 `json:"start_time"`
		Notify  bool  `json:"live_notify"`
		Minutes int   `json:"live_notify_time"`
		Status  int   `json:"live_notify_status"`
	}
	stream := func(id int, start string, minutes, status int) channel {
		return channel{id, at(start), true, minutes, status}
	}
	night := map[string]int{"quiet_from": 22*60 + 30, "quiet_to": 7 * 60}
	with := func(more map[string]int) map[string]int {
		all := maps.Clone(night)
		maps.Copy(all, more)
		return all
	}
	off := stream(2, "20:30", 0, 0)
	off.Notify = false
	for name, c := range map[string]struct {
		brakes   map[string]int
		channels []channel
		at, why  string // of channel 1; "": not at all
		text     string
	}{
		"no brakes":                {nil, []channel{stream(1, "23:30", 30, 0)}, "23:00", "", ""},
		"before the quiet hours":   {night, []channel{stream(1, "22:59", 30, 0)}, "22:29", "", ""},
		"in them, until the start": {night, []channel{stream(1, "31:00", 60, 0)}, "31:00", "quiet", "原定 11月28日 06:00，在免打扰时段（22:30–07:00），推迟到 11月28日 07:00 发送。"},
		"behind the start":         {night, []channel{stream(1, "30:45", 30, 0)}, "31:00", "quiet", "推迟到 11月28日 07:00 发送，那时直播已经开始。"},
		"too late, by a minute":    {night, []channel{stream(1, "30:30", 30, 0)}, "", "quiet", "原定 11月28日 06:00，在免打扰时段（22:30–07:00），等到可以发送时已过有效时间，不会发送。"},
		"before midnight":          {night, []channel{stream(1, "23:00", 10, 0)}, "", "quiet", "不会发送"},
		"by day":                   {map[string]int{"quiet_from": 12 * 60, "quiet_to": 14 * 60}, []channel{stream(1, "14:00", 30, 0)}, "14:00", "quiet", "推迟到 11月27日 14:00 发送。"},
		"none":                     {map[string]int{"quiet_from": 12 * 60, "quiet_to": 12 * 60}, []channel{stream(1, "12:00", 0, 0)}, "12:00", "", ""},
		"gap": {map[string]int{"min_gap": 120}, []channel{stream(1, "21:00", 30, 0), stream(2, "20:00", 60, 0)}, "21:00", "gap",
			"原定 11月27日 20:30，距上一次提醒太近（至少间隔 120 分钟），推迟到大约 11月27日 21:00 发送。"},
		"gap to one that is out":    {map[string]int{"min_gap": 120}, []channel{stream(1, "21:00", 30, 0), stream(2, "20:00", 60, 2)}, "21:00", "gap", "太近"},
		"gap, too long":             {map[string]int{"min_gap": 240}, []channel{stream(1, "21:00", 30, 0), stream(2, "20:00", 60, 0)}, "", "gap", "不会发送"},
		"no gap behind one not on":  {map[string]int{"min_gap": 120}, []channel{stream(1, "21:00", 30, 0), off}, "20:30", "", ""},
		"gap, the first":            {map[string]int{"min_gap": 120}, []channel{stream(1, "20:00", 60, 0), stream(2, "21:00", 30, 0)}, "19:00", "", ""},
		"a day's number":            {map[string]int{"per_day": 1}, []channel{stream(1, "21:00", 30, 0), stream(2, "20:00", 60, 0)}, "", "day", "超过每天的提醒次数（1 次），等到可以发送时已过有效时间，不会发送。"},
		"a day's number, next day":  {map[string]int{"per_day": 1}, []channel{stream(1, "24:10", 30, 0), stream(2, "20:00", 60, 0)}, "24:00", "day", "推迟到大约 11月28日 00:00 发送。"},
		"two a day":                 {map[string]int{"per_day": 2}, []channel{stream(1, "21:00", 30, 0), stream(2, "20:00", 60, 0)}, "20:30", "", ""},
		"gap into the quiet hours":  {with(map[string]int{"min_gap": 60}), []channel{stream(1, "22:45", 30, 0), stream(2, "22:00", 0, 0)}, "", "gap", "不会发送"},
		"quiet, then gap":           {with(map[string]int{"min_gap": 30}), []channel{stream(1, "31:30", 60, 0), stream(2, "31:20", 80, 0)}, "31:30", "quiet", "推迟到 11月28日 07:30 发送"},
		"one that failed to be due": {map[string]int{"min_gap": 120}, []channel{stream(1, "21:00", 30, 0), stream(2, "9:00", 30, 0)}, "20:30", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := json.Marshal(map[string]any{"brakes": c.brakes, "channels": c.channels, "now": at("10:00")})
			if err != nil {
				t.Fatal(err)
			}
			if c.brakes == nil {
				raw = []byte(strings.Replace(string(raw), `"brakes":null`, `"brakes":[]`, 1))
			}
			run := h.Script(t.Context(), t, "testdata/plan.php", string(raw))
			var got map[int]struct {
				At        int64
				Why, Text string
			}
			if err := json.Unmarshal([]byte(run.Stdout), &got); err != nil {
				t.Fatal(err, run)
			}
			want := int64(0)
			if c.at != "" {
				want = at(c.at)
			}
			if g := got[1]; g.At != want || g.Why != c.why || !strings.Contains(g.Text, c.text) || c.text == "" && g.Text != "" {
				t.Errorf("%+v (%s), want %s", g, time.Unix(g.At, 0).In(shanghai), c.at)
			}
		})
	}
}

// What all pages say of a reminder in the quiet hours is what pushd does: it waits
// until they end; and one that would then be too late does not go out. Brakes that
// are set after the channel was saved count as well.
func TestPlan_ComesTrue(t *testing.T) {
	s := newSite(t, 30, braked)
	s.enable(alice, "wxalice")
	now := time.Now().In(shanghai)
	clock := func(ahead time.Duration) string { return now.Add(ahead).Format("15:04") }
	start := now.Add(2 * time.Hour).Truncate(time.Minute)
	s.channel(11, alice, "waits", start, 0) // 30 minutes before
	s.channel(12, alice, "in vain", start.Add(24*time.Hour), 0)
	a, viewer := s.login(alice), s.browser()
	l := s.callback(a, "wxalice")
	if got := viewer.watch(11); got.Text != "关注公众号后，开播前 30 分钟会收到微信提醒" {
		t.Errorf("before: %+v", got)
	}
	got := a.api("/brakes", map[string]any{"quiet_from": clock(-time.Hour), "quiet_to": clock(110 * time.Minute)})
	if got.status != 200 || !strings.Contains(got.text, `"moved":2`) {
		t.Fatalf("%d %s", got.status, got.text)
	}
	leaves := clock(110*time.Minute) + " 发送"
	r := a.reminder(11)
	if r.State != "waiting" || !strings.Contains(r.Text, leaves) || !strings.Contains(r.Todo, "在免打扰时段") {
		t.Errorf("the channel's page: %+v", r)
	}
	minutes := fmt.Sprintf("开播前 %d 分钟", int(start.Sub(now.Add(110*time.Minute).Truncate(time.Minute)).Minutes()))
	if got := viewer.watch(11); got.Phase != "early" || got.Text != "关注公众号后，"+minutes+"会收到微信提醒" {
		t.Errorf("the watch page: %+v, want %s", got, minutes)
	}
	if got := l.send(l.signed(now, "n1"), event("SCAN", "oA", "live_11", now.Unix())); !strings.Contains(got.text, minutes+"提醒您") {
		t.Errorf("WeChat's answer: %s", got.text)
	}
	// Asked about before it is saved, and foretold while it is typed.
	if got := a.api("/channels/11", map[string]any{"live_notify_time": 25}); got.Code != "confirm_quiet" || !strings.Contains(got.Message, "推迟到") || !strings.Contains(got.Message, leaves) {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := a.page(fmt.Sprintf("/api/plan?actid=11&live_notify_time=25&start_time=%s", start.Format("2006-01-02T15:04"))); !strings.Contains(got.text, leaves) || !strings.Contains(got.text, `"why":"quiet"`) {
		t.Errorf("%d %s", got.status, got.text)
	}
	if page := a.page("/channels").text; !strings.Contains(page, "推迟提醒") || !strings.Contains(page, leaves) {
		t.Errorf("the list: %s", page)
	}
	// It is due now, and pushd keeps it until the end of the hours.
	s.exec("UPDATE activity_detail SET live_notify_time = 125 WHERE act_id = 11")
	if run := s.php.Cron(t.Context(), t); run.Code != 0 {
		t.Fatalf("%+v", run)
	}
	a.until(11, func(r reminded) bool { return r.State == "parked" && strings.Contains(r.Text, "不发送的时段") })
	// The hours end when the reminder is of no use any more.
	if got := a.api("/brakes", map[string]any{"quiet_from": clock(-time.Hour), "quiet_to": clock(-2 * time.Hour)}); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.text)
	}
	if r := a.reminder(12); r.State != "blocked" || !strings.Contains(r.Todo, "不会发送") {
		t.Errorf("%+v", r)
	}
	if got := viewer.watch(12); got.Phase != "off" || got.Offer != "none" || !strings.Contains(got.Text, "没有开播提醒") {
		t.Errorf("%+v", got)
	}
	if page := a.page("/channels").text; !strings.Contains(page, "不会提醒") {
		t.Errorf("the list: %s", page)
	}
	if got := a.api("/brakes", map[string]any{}); got.status != 200 || strings.Contains(got.text, `"moved":1`) {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := viewer.watch(12); got.Phase != "early" || got.Text != "关注公众号后，开播前 30 分钟会收到微信提醒" {
		t.Errorf("without brakes: %+v", got)
	}
}
