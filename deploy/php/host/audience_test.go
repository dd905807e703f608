package host_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pushd/internal/wechatsim"
)

// An owner sees how many people each choice reaches, and exactly those get the
// message.
func TestAudience_Choices(t *testing.T) {
	s := newSite(t, 60)
	acct := s.Sim.Find("wxalice")
	s.enable(alice, "wxalice")
	a := s.login(alice)
	subscribed := []string{acct.OpenID(3), acct.OpenID(40)}
	everyone := make([]string, 60)
	for i := range everyone {
		everyone[i] = acct.OpenID(i)
	}
	for id, c := range map[int]struct {
		audience, name string
		who            []string
	}{
		11: {"subscribers", "订阅了这场直播的人", subscribed},
		12: {"tag:101", "标签“烘焙班”的粉丝", acct.Tagged(101)},
		13: {"followers", "公众号的全部粉丝", everyone},
	} {
		s.channel(id, alice, fmt.Sprint("evening ", id), time.Now().Add(2*time.Hour), 0)
		for _, openid := range subscribed {
			s.exec("INSERT INTO host_subscriber (act_id, openid, appid, kind, scene, asked_at, noted_us) VALUES (?, ?, 'wxalice', 'SCAN', '', 1, 1)", id, openid)
		}
		s.exec("INSERT INTO host_subscriber (act_id, openid, appid, kind, scene, asked_at, noted_us, left_at) VALUES (?, ?, 'wxalice', 'SCAN', '', 1, 1, 2)", id, acct.OpenID(7)) // who has left
		var choices struct {
			Items []struct {
				Value, Name string
				People      *int
				Available   bool
			}
		}
		a.api(fmt.Sprint("/audiences?actid=", id), nil).into(t, &choices)
		found := false
		for _, i := range choices.Items {
			if i.Value == c.audience {
				found = i.Available && i.Name == c.name && i.People != nil && *i.People == len(c.who)
			}
		}
		if !found {
			t.Errorf("%s: %+v, want %d people", c.audience, choices, len(c.who))
		}
		if got := a.api(fmt.Sprint("/channels/", id), map[string]any{"audience": c.audience, "start_time": time.Now().Add(20 * time.Minute).Unix(), "confirmed": []string{"now"}}); got.status != 200 || !strings.Contains(got.text, `"audience":"`+c.audience+`"`) {
			t.Fatalf("%d %s", got.status, got.text)
		}
		if run := s.php.Cron(t.Context(), t); run.Code != 0 {
			t.Fatalf("%+v", run)
		}
		r := a.until(id, func(r reminded) bool { return r.State == "done" })
		job, err := s.API().Job(t.Context(), r.Actions[0].Job)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		acct.Delivered(job.MsgID, func(openid string, times int) bool {
			got = append(got, openid)
			return true
		})
		slices.Sort(got)
		slices.Sort(c.who)
		if !slices.Equal(got, c.who) {
			t.Errorf("%s: %d got it, want %d", c.audience, len(got), len(c.who))
		}
		if !strings.Contains(r.Actions[0].Ask, audienceWords(c.audience)) {
			t.Errorf("%s: send again asks %q", c.audience, r.Actions[0].Ask)
		}
	}
}

func audienceWords(audience string) string {
	if strings.HasPrefix(audience, "tag:") {
		return "标签“101”的粉丝"
	}
	return map[string]string{"subscribers": "订阅了这场直播的人（2 人）", "followers": "公众号的全部粉丝（60 人）"}[audience]
}

// While a reminder is on its way its audience stays; a table without the column
// serves those who never choose.
func TestAudience_Kept(t *testing.T) {
	s := newSite(t, 1)
	s.channel(11, alice, "evening", time.Now().Add(2*time.Hour), 1)
	a := s.login(alice)
	if got := a.api("/channels/11", map[string]any{"audience": "subscribers"}); got.status != 409 || got.Field != "audience" {
		t.Errorf("%d %s", got.status, got.text)
	}
	s.exec("ALTER TABLE activity_detail DROP COLUMN audience")
	if got := a.api("/channels/11", map[string]any{"title": "new"}); got.status != 200 {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := a.api("/channels", channelBody()); got.status != 201 {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := a.page("/channels/11"); got.status != 200 {
		t.Errorf("%d", got.status)
	}
}

// An owner sets the reminder up for subscribers in the browser, two viewers scan
// the code, one of them leaves the account; exactly the other one has the
// message, and the page tells that it was delivered.
func TestAudience_Walk(t *testing.T) {
	s := newSite(t, 80)
	s.enable(alice, "wxalice")
	acct := s.Sim.Find("wxalice")
	o := stroll(t, s)
	p := o.owner
	o.acct = acct
	o.must(p.Open(o.ctx, o.host+"/settings"))
	o.wait(`document.querySelector("#callback .badge").textContent == "未接通"`)
	a := s.login(alice)
	l := s.callback(a, "wxalice")
	acct.SetCallback(&wechatsim.Callback{URL: s.host + "/wechat/callback?appid=wxalice", Token: l.token, JobFinish: true})
	o.must(acct.VerifyCallback(o.ctx))
	o.must(p.Open(o.ctx, o.host+"/settings"))
	o.wait(`document.querySelector("#callback .badge").textContent == "已验证"`)
	o.must(p.Open(o.ctx, o.host+"/channels/new"))
	o.must(p.Fill(o.ctx, "[name=title]", "只提醒订阅者"))
	o.wait(`document.querySelector("[data-people=subscribers]").textContent.startsWith("0 人") && document.querySelector("[name=audience]").checked`)
	o.must(p.Click(o.ctx, "#channel .primary"))
	o.wait(`/^\/channels\/\d+$/.test(location.pathname)`)
	var viewers []string
	var code struct{ Src string }
	s.browser().api("/watch/1/qrcode", nil).into(t, &code)
	ticket := code.Src[strings.Index(code.Src, "ticket=")+7:]
	for _, i := range []int{5, 50} {
		openid, err := acct.Scan(unescaped(t, ticket), acct.OpenID(i))
		o.must(err)
		viewers = append(viewers, openid)
	}
	// The scans come by callbacks, which the page does not wait for.
	for s.number("SELECT COUNT(*) FROM host_subscriber WHERE act_id = 1") < int64(len(viewers)) {
		if o.ctx.Err() != nil {
			t.Fatalf("the scans were not written down: %+v", acct.Stats())
		}
		time.Sleep(20 * time.Millisecond) // between two looks
	}
	o.must(p.Open(o.ctx, o.host+"/channels/1"))
	o.wait(`document.querySelector("[data-people=subscribers]").textContent.startsWith("2 人")`)
	if got := l.send(l.signed(time.Now(), "left"), event("unsubscribe", viewers[1], "", time.Now().Unix()+1)); got.status != 200 {
		t.Fatal(got.text)
	}
	s.exec("UPDATE activity SET start_time = ? WHERE id = 1", time.Now().Add(20*time.Minute).Unix())
	if run := s.php.Cron(t.Context(), t); run.Code != 0 {
		t.Fatalf("%+v", run)
	}
	o.must(p.Open(o.ctx, o.host+"/channels/1"))
	o.wait(`document.querySelector("#reminder").dataset.state == "done"`)
	for end := time.Now().Add(20 * time.Second); s.number("SELECT COUNT(*) FROM host_receipt") == 0; time.Sleep(50 * time.Millisecond) { // the simulator posts it after the send
		if time.Now().After(end) {
			t.Fatal("no receipt came in")
		}
	}
	s.handOn() // as cron does where there is no php-fpm
	o.wait(`document.querySelector(".receipts").innerText.includes("已送达 1 人，送达率 100.0%")`)
	if got := o.text(p, ".figures"); !strings.Contains(got, "发给订阅了这场直播的人：1 / 1 人") {
		t.Errorf("figures: %s", got)
	}
	if r := a.reminder(1); r.Job.Sent != 1 {
		t.Errorf("%+v", r)
	}
	if n := acct.Stats().Delivered; n != 1 {
		t.Errorf("%d messages", n)
	}
	if _, ok := acct.MessageTo(acct.Campaigns()[0], viewers[0]); !ok {
		t.Error("the one who stayed has no message")
	}
	o.must(p.Open(o.ctx, o.host+"/settings"))
	o.wait(`document.querySelector("#callback .badge").textContent == "已接通"`)
}

func unescaped(t *testing.T, text string) string {
	t.Helper()
	text, err := url.QueryUnescape(text)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// What an owner reads right before sending is of now: subscribers are counted
// again at each look and each question; WeChat's counts are kept for a while, with
// their time, and are asked for again by a button.
func TestAudience_FreshCounts(t *testing.T) {
	s := newSite(t, 60)
	acct := s.Sim.Find("wxalice")
	s.enable(alice, "wxalice")
	s.channel(11, alice, "evening", time.Now().Add(20*time.Minute), 0)
	s.subscribersOnly(11)
	subscribe := func(i int) {
		s.exec("INSERT INTO host_subscriber (act_id, openid, appid, kind, scene, asked_at, noted_us) VALUES (11, ?, 'wxalice', 'SCAN', '', 1, 1)", acct.OpenID(i))
	}
	subscribe(1)
	o := stroll(t, s)
	p := o.owner
	shows := func(audience, text string) {
		t.Helper()
		o.wait(fmt.Sprintf(`document.querySelector("[data-people=%s]")?.textContent.startsWith(%q)`, audience, text))
	}
	o.must(p.Open(o.ctx, o.host+"/channels/11"))
	shows("subscribers", "1 人")
	shows("followers", "60 人")
	o.wait(`!document.querySelector("#counted").hidden && /统计于 \d\d:\d\d，/.test(document.querySelector("#counted").textContent)`)
	subscribe(2)
	acct.Join()
	o.must(p.Open(o.ctx, o.host+"/channels/11"))
	shows("subscribers", "2 人")
	shows("followers", "60 人") // WeChat's count is kept
	subscribe(3)
	_, err := p.Run(o.ctx, `document.dispatchEvent(new Event("visibilitychange"))`) // as one who comes back to the tab
	o.must(err)
	shows("subscribers", "3 人")
	o.must(p.Click(o.ctx, "#recount"))
	shows("followers", "61 人")
	shows("subscribers", "3 人")
	if run := s.php.Cron(t.Context(), t); run.Code != 0 {
		t.Fatalf("%+v", run)
	}
	s.login(alice).until(11, func(r reminded) bool { return r.State == "done" })
	o.must(p.Open(o.ctx, o.host+"/channels/11"))
	o.wait(`!document.querySelector("[data-do=restart]").hidden`)
	asks := func(text string) {
		t.Helper()
		o.must(p.Click(o.ctx, "[data-do=restart]"))
		o.wait(`document.querySelector("#ask-box").open`)
		if got := o.text(p, "#ask-box p"); !strings.Contains(got, text) {
			t.Errorf("the question %q has no %q", got, text)
		}
		o.must(p.Click(o.ctx, "#ask-box button:not(.primary)"))
		o.wait(`!document.querySelector("#ask-box").open && document.activeElement.dataset.do == "restart"`)
	}
	subscribe(4)
	asks("订阅了这场直播的人（4 人）")
	s.exec("UPDATE activity_detail SET audience = 'followers'")
	acct.Join()
	asks("公众号的全部粉丝（62 人）")
	if got := s.login(alice).api("/channels/11", map[string]any{"audience": "subscribers", "start_time": time.Now().Add(21 * time.Minute).Unix(), "confirmed": []string{"again"}}); got.Code != "confirm_now" || !strings.Contains(got.Message, "订阅了这场直播的人（4 人）") {
		t.Errorf("the question before sending: %s", got.text)
	}
}
