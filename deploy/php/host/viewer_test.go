package host_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pushd/internal/chromium"
)

var viewerScreens = []chromium.Screen{
	{Width: 390, Height: 780, Scale: 1, Mobile: true, UserAgent: "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36"},
	{Width: 768, Height: 1024, Scale: 1},
	{Width: 1280, Height: 900, Scale: 1},
}

// viewerPictures are the states of which there is a picture:
//
//	go test ./deploy/php/host -run TestWatch_EveryState -screenshots ../../../docs/images
var viewerPictures = map[string]string{
	"early, light": "watch", "code, light": "watch-code", "asked, light": "watch-noticed", "subscribed, light": "watch-followed",
	"sent, light": "watch-sent", "live, light": "watch-live", "broken, light": "watch-broken", "early, dark": "watch-dark", "gone, light": "watch-gone",
}

// In every state, in light and dark and on every screen, the watch page says
// what the server says, fits, has targets for fingers, and axe finds nothing.
func TestWatch_EveryState(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	b, err := chromium.Start(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	o := &tour{site: newSite(t, 50), ctx: ctx}
	o.channel(11, alice, title, time.Now().Add(3*time.Hour), 0)
	o.exec("UPDATE activity_detail SET content = '不需要烤箱经验。' WHERE act_id = 11")
	o.enable(alice, "wxalice")
	o.subscribersOnly(11)
	c := &chat{letterbox: o.callback(o.site.login(alice), "wxalice")}
	link := regexp.MustCompile(`/watch/11\?f=\w{32}`).FindString(c.send(event("SCAN", "oViewer", "live_11", time.Now().Unix())).text)

	reset := func() {
		o.exec("UPDATE activity SET start_time = ?, watch_url = 'https://room.example/11'", time.Now().Add(3*time.Hour).Unix())
		o.exec("UPDATE activity_detail SET live_notify = 1, live_notify_status = 0, audience = 'followers'")
	}
	states := []struct {
		name   string
		change string
		args   []any
		act    func(p *chromium.Page)
		shows  string
	}{
		{name: "early", shows: "订阅开播提醒"},
		{name: "due", change: "UPDATE activity SET start_time = ?", args: []any{time.Now().Add(25 * time.Minute).Unix()}, shows: "提醒即将发出"},
		{name: "sending", change: "UPDATE activity_detail SET live_notify_status = 1", shows: "关注公众号"},
		{name: "sent", change: "UPDATE activity_detail SET live_notify_status = 2", shows: "本场提醒已发出"},
		{name: "stopped", change: "UPDATE activity_detail SET live_notify_status = 3", shows: "本场提醒已停止"},
		{name: "off", change: "UPDATE activity_detail SET live_notify = 0", shows: "没有开播提醒"},
		{name: "tag", change: "UPDATE activity_detail SET audience = 'tag:7'", shows: "只提醒主播选定的粉丝"},
		{name: "live", change: "UPDATE activity SET start_time = ?", args: []any{time.Now().Add(-time.Minute).Unix()}, shows: "进入直播"},
		{name: "past", change: "UPDATE activity SET start_time = ?", args: []any{time.Now().Add(-25 * time.Hour).Unix()}, shows: "打开直播间"},
		{name: "code", act: func(p *chromium.Page) {
			o.must(p.Click(ctx, "#subscribe"))
			o.must(p.Wait(ctx, `document.querySelector("#panel img").naturalWidth > 0 && document.querySelector("#waiting").textContent == "等待扫码…"`))
		}, shows: "关注公众号"},
		{name: "asked", act: func(p *chromium.Page) {
			o.must(p.Click(ctx, "#subscribe"))
			o.must(p.Wait(ctx, `document.querySelector("#waiting").textContent == "等待扫码…"`))
			c.send(event("SCAN", "oOther", "live_11", time.Now().Unix()+int64(c.n)))
			o.must(p.Wait(ctx, `!document.querySelector("#ask").hidden`))
		}, shows: "是您吗？"},
		{name: "broken", act: func(p *chromium.Page) {
			o.exec("UPDATE host_qrcode SET ticket = CONCAT('x', ticket)")
			o.must(p.Click(ctx, "#subscribe"))
			o.must(p.Wait(ctx, `!document.querySelector("#retry").hidden && document.querySelector("#panel img").hidden`))
			o.exec("UPDATE host_qrcode SET ticket = SUBSTRING(ticket, 2)")
		}, shows: "二维码没有加载出来"},
		{name: "subscribed", change: "UPDATE activity_detail SET audience = 'subscribers'", act: func(p *chromium.Page) {
			o.must(p.Open(ctx, o.host+link))
		}, shows: "退订"},
		{name: "subscribed and sent", change: "UPDATE activity_detail SET audience = 'subscribers', live_notify_status = 2", act: func(p *chromium.Page) {
			o.must(p.Open(ctx, o.host+link))
		}, shows: "提醒已发出，请在微信中查看"},
		{name: "gone", act: func(p *chromium.Page) {
			o.must(p.Open(ctx, o.host+"/watch/99"))
		}, shows: "打不开这个页面"},
	}
	for _, scheme := range []string{"light", "dark"} {
		for _, state := range states {
			reset()
			if state.change != "" {
				o.exec(state.change, state.args...)
			}
			p := o.open(b, viewerScreens[0], "Asia/Shanghai") // with cookies of its own
			o.must(p.Scheme(ctx, scheme))
			o.must(p.Open(ctx, o.host+"/watch/11"))
			if state.act != nil {
				state.act(p)
			}
			where := state.name + ", " + scheme
			if got := o.text(p, "body"); !strings.Contains(got, state.shows) {
				t.Errorf("%s: %s", where, got)
			}
			for _, screen := range viewerScreens {
				o.must(p.Resize(ctx, screen))
				o.usable(p, fmt.Sprintf("%s, %d", where, screen.Width))
				if *screenshots != "" && screen.Mobile && viewerPictures[where] != "" {
					o.must(p.Screenshot(ctx, filepath.Join(*screenshots, viewerPictures[where]+".png"), false))
				}
			}
			for _, fault := range p.Faults() {
				if !strings.Contains(fault, "status of 404") || state.name != "broken" && state.name != "gone" {
					t.Errorf("%s: %s", where, fault)
				}
			}
		}
	}
}

// usable looks at an open page as a finger, an eye and a screen reader would.
func (o *tour) usable(p *chromium.Page, where string) {
	o.t.Helper()
	raw, err := p.Run(o.ctx, `JSON.stringify([...document.querySelectorAll("a, button")].filter((e) => e.checkVisibility()).map((e) =>
		[e, e.getBoundingClientRect()]).filter(([, r]) => r.height < 40 || r.width < 40).map(([e, r]) => e.outerHTML.slice(0, 60) + " " + r.width + "x" + r.height)
		.concat(document.documentElement.scrollWidth > document.documentElement.clientWidth ? ["scrolls sideways"] : []))`)
	o.must(err)
	var small []string
	o.must(json.Unmarshal([]byte(raw), &small))
	found, err := p.Violations(o.ctx)
	o.must(err)
	for _, f := range append(small, found...) {
		o.t.Errorf("%s: %s", where, f)
	}
}

// A viewer subscribes, leaves by the page or the account, and the page follows;
// what only the browser knew is corrected by the server.
func TestWatch_Walk(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	b, err := chromium.Start(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	o := &tour{site: newSite(t, 50), ctx: ctx}
	o.channel(11, alice, title, time.Now().Add(3*time.Hour), 0)
	o.enable(alice, "wxalice")
	o.subscribersOnly(11)
	c := &chat{letterbox: o.callback(o.site.login(alice), "wxalice")}
	at := time.Now().Unix() - 100
	p := o.open(b, viewerScreens[0], "UTC")
	o.must(p.Open(ctx, o.host+"/watch/11"))

	// The code is slow to come, and then does not load: there is a way on.
	o.exec("INSERT INTO host_qrcode (appid, scene, ticket, expires_at) VALUES ('wxalice', 'live_11', 'bad', ?)", time.Now().Unix()+86400)
	o.must(p.Click(ctx, "#subscribe"))
	o.must(p.Wait(ctx, `!document.querySelector("#retry").hidden`))
	if got := o.text(p, "#outside"); !strings.Contains(got, "截图") {
		t.Errorf("a phone outside of WeChat reads %q", got)
	}
	o.exec("DELETE FROM host_qrcode")
	o.must(p.Click(ctx, "#retry"))
	o.must(p.Wait(ctx, `document.querySelector("#waiting").textContent == "等待扫码…"`))

	// The viewer's own word, and the account's that they have left.
	c.send(event("subscribe", "oViewer", "qrscene_live_11", at))
	o.must(p.Click(ctx, "#yes"))
	o.must(p.Wait(ctx, `document.querySelector("#done").textContent == "✓ 已订阅，开播前 30 分钟提醒您"`))
	o.must(p.Open(ctx, o.host+"/watch/11"))
	o.must(p.Wait(ctx, `document.querySelector("#hint").textContent.includes("回复“退订”") && !document.querySelector("#done").hidden`))
	c.send(event("unsubscribe", "oViewer", "", at+10))
	o.must(p.Open(ctx, o.host+"/watch/11"))
	o.must(p.Wait(ctx, `localStorage.getItem("followed:11") === null && !document.querySelector("#subscribe").hidden`))

	// Known by the link of the answer: a tap each way.
	link := regexp.MustCompile(`/watch/11\?f=\w{32}`).FindString(c.send(event("subscribe", "oViewer", "qrscene_live_11", at+20)).text)
	o.must(p.Open(ctx, o.host+link))
	o.must(p.Click(ctx, "#leave"))
	o.must(p.Wait(ctx, `!document.querySelector("#subscribe").hidden && document.querySelector("#leave").hidden`))
	o.want(11)
	o.must(p.Click(ctx, "#subscribe"))
	o.must(p.Wait(ctx, `!document.querySelector("#leave").hidden && document.querySelector("#panel").hidden`))
	o.want(11, "oViewer")

	// The reminder goes out while the page is open: it says so by itself.
	o.exec("UPDATE activity_detail SET live_notify_status = 2")
	o.must(mustRun(p.Run(ctx, "refresh()")))
	o.must(p.Wait(ctx, `document.querySelector("#done").textContent == "✓ 提醒已发出，请在微信中查看" && document.querySelector("#leave").hidden`))
	for _, fault := range p.Faults() {
		if !strings.Contains(fault, "status of 404") { // the code that did not load
			t.Error(fault)
		}
	}

	// Without scripts the page says what it is, and what is missing.
	q := o.open(b, viewerScreens[0], "UTC")
	o.must(q.Scripts(ctx, false))
	o.must(q.Open(ctx, o.host+"/watch/11"))
	if got := o.text(q, "body"); !strings.Contains(got, title) || !strings.Contains(got, "JavaScript") || !strings.Contains(got, "本场提醒已发出") {
		t.Errorf("without scripts: %s", got)
	}
}

func mustRun(_ string, err error) error { return err }
