package host_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
)

// card is what an owner is shown of the callback.
type card struct {
	URL, Token, State, Text string
	Get                     int64 `json:"last_get"`
	Event                   int64 `json:"last_event"`
}

func (b *browser) card() card {
	b.t.Helper()
	var settings struct{ Callback card }
	b.api("/settings", nil).into(b.t, &settings)
	return settings.Callback
}

// The owner sees whether WeChat has found the address, and what came last.
func TestContact_State(t *testing.T) {
	s := world(t)
	a := s.login(alice)
	if c := a.card(); c.State != "never" || c.Get != 0 || c.Event != 0 {
		t.Errorf("%+v", c)
	}
	l := s.callback(a, "wxalice")
	now := time.Now()
	q := l.signed(now, "n1")
	q.Set("echostr", "hello")
	if got := l.do(http.MethodGet, "/wechat/callback?"+q.Encode(), "", ""); got.text != "hello" {
		t.Errorf("%d %s", got.status, got.text)
	}
	if c := a.card(); c.State != "verified" || c.Get < now.Unix()-5 {
		t.Errorf("%+v", c)
	}
	// A mode in which nothing can be read: WeChat is not made to try again, and
	// the owner reads what to change.
	if got := l.send(l.signed(now, "n2"), "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><Encrypt><![CDATA[x]]></Encrypt></xml>"); got.text != "success" {
		t.Errorf("%d %s", got.status, got.text)
	}
	if c := a.card(); c.State != "sealed" || !strings.Contains(c.Text, "明文模式") {
		t.Errorf("%+v", c)
	}
	s.exec("UPDATE host_contact SET sealed_at = sealed_at - 60")
	// 兼容模式: the plain fields are there as well.
	both := strings.Replace(event("SCAN", "oViewer", "live_11", now.Unix()), "</xml>", "<Encrypt><![CDATA[x]]></Encrypt></xml>", 1)
	if got := l.send(l.signed(now, "n3"), both); !strings.HasPrefix(got.text, "<xml>") {
		t.Errorf("%d %s", got.status, got.text)
	}
	if c := a.card(); c.State != "connected" || c.Event < now.Unix()-5 {
		t.Errorf("%+v", c)
	}
	if c := s.login(bob).card(); c.State != "never" {
		t.Errorf("Bob's: %+v", c)
	}
}

// One account's token is renewed: what was signed with the old one is refused,
// and the other accounts go on.
func TestContact_Renew(t *testing.T) {
	s := world(t)
	a, b := s.login(alice), s.login(bob)
	old, bobs := s.callback(a, "wxalice"), s.callback(b, "wxbob")
	now := time.Now()
	scan := func(l letterbox, v, nonce string) int {
		t.Helper()
		q := l.signed(now, nonce)
		if v != "" {
			q.Set("v", v)
		}
		return l.send(q, event("SCAN", "o"+nonce, "live_11", now.Unix())).status
	}
	if got := scan(old, "", "n1"); got != 200 {
		t.Errorf("before: %d", got)
	}
	var renewed card
	a.api("/callback/renew", map[string]any{}).into(t, &renewed)
	u, err := url.Parse(renewed.URL)
	if err != nil || u.Query().Get("v") != "1" || renewed.Token == old.token || len(renewed.Token) != 32 || renewed.State != "never" {
		t.Fatalf("%+v", renewed)
	}
	fresh := letterbox{s.browser(), "wxalice", renewed.Token}
	for name, got := range map[string]int{
		"the old one": scan(old, "", "n2"), "the old one with the new address": scan(old, "1", "n3"),
		"the new one with the old address": scan(fresh, "", "n4"), "a version that never was": scan(fresh, "2", "n5"),
	} {
		if got != 403 {
			t.Errorf("%s: %d", name, got)
		}
	}
	if got := fresh.send(fresh.signed(now, "n6"), receipt("oA", 1, "success")); got.status != 403 {
		t.Errorf("a receipt: %d", got.status)
	}
	if got := scan(fresh, "1", "n7"); got != 200 {
		t.Errorf("the new one: %d", got)
	}
	if got := scan(bobs, "", "n8"); got != 200 {
		t.Errorf("Bob's: %d", got)
	}
	if n := s.number("SELECT COUNT(*) FROM host_follow WHERE appid = 'wxalice'"); n != 2 {
		t.Errorf("%d events of Alice's were taken", n)
	}
}

// A signature says nothing of the body: it is good for one request of any kind.
func TestContact_SignatureIsUsedUp(t *testing.T) {
	s := world(t)
	l := s.callback(s.login(alice), "wxalice")
	now := time.Now()
	scan := event("SCAN", "oViewer", "live_11", now.Unix())
	for name, first := range map[string]func(url.Values){
		"get": func(q url.Values) {
			q.Set("echostr", "hello")
			l.do(http.MethodGet, "/wechat/callback?"+q.Encode(), "", "")
		},
		"message": func(q url.Values) { l.send(q, message("oOther", "hello", now.Unix())) },
		"receipt": func(q url.Values) { l.send(q, receipt("oOther", 1, "success")) },
		"sealed":  func(q url.Values) { l.send(q, "<xml><Encrypt><![CDATA[x]]></Encrypt></xml>") },
	} {
		q := l.signed(now, "once"+name)
		first(q)
		if got := l.send(q, scan); got.status != 200 || got.text != "success" {
			t.Errorf("after a %s: %d %s", name, got.status, got.text)
		}
	}
	if n := s.number("SELECT COUNT(*) FROM host_follow"); n != 0 {
		t.Errorf("%d forged events were acted on", n)
	}
}

// A code of another program may be called anything: the follow is recorded.
func TestContact_ForeignScene(t *testing.T) {
	s := world(t)
	l := s.callback(s.login(alice), "wxalice")
	now := time.Now()
	for i, scene := range []string{"门店海报第二十七号欢迎光临请扫码关注我们的公众号谢谢您", strings.Repeat("x", 64), "live_11\n", "live_011", "live_99999999999999999999", "live_9223372036854775808", "live_9223372036854775807"} {
		if got := l.send(l.signed(now, fmt.Sprint("n", i)), event("subscribe", fmt.Sprint("o", i), "qrscene_"+scene, now.Unix())); got.status != 200 {
			t.Errorf("%s: %d %s", scene, got.status, got.text)
		}
	}
	if n := s.number("SELECT COUNT(*) FROM host_follow WHERE act_id = 0"); n != 7 {
		t.Errorf("%d recorded", n)
	}
	if n := s.number("SELECT COUNT(*) FROM host_subscriber"); n != 0 {
		t.Errorf("%d subscribed", n)
	}
	big := "9223372036854775807"
	s.exec("INSERT INTO activity (id, uin, title, start_time) VALUES ("+big+", ?, 'far', ?)", alice, now.Add(time.Hour).Unix())
	l.send(l.signed(now, "big"), event("SCAN", "oBig", "live_"+big, now.Unix()))
	if n := s.number("SELECT COUNT(*) FROM host_subscriber WHERE act_id = " + big); n != 1 {
		t.Error("a channel with the largest number has no subscriber")
	}
}

// pushd derives the token as well; this is what it comes to there.
func TestContact_TokenIsPushds(t *testing.T) {
	h := phptest.New(t, phptest.Settings{"host_secret": hostSecret, "callback_secret": "0123456789abcdef0123456789abcdef"})
	for version, want := range map[string]string{"0": "8e3fd017bd3c1de77c56e8e0d4883473", "2": "b38aba015c783401615daf5c3c2a2adf"} {
		if run := h.Script(t.Context(), t, "testdata/token.php", "wx01", version); run.Stdout != want {
			t.Errorf("version %s: %+v", version, run)
		}
	}
}

// In the browser an owner reads what stops before the token is renewed, and what to
// do afterwards; the page says "not yet" until WeChat has come by the new address.
func TestContact_RenewPage(t *testing.T) {
	s := world(t)
	l := s.callback(s.login(alice), "wxalice")
	now := time.Now()
	l.send(l.signed(now, "n1"), event("SCAN", "oA", "live_11", now.Unix()))
	o := stroll(t, s)
	p := o.owner
	o.must(p.Open(o.ctx, o.host+"/settings"))
	badge := func(text string) {
		t.Helper()
		o.wait(fmt.Sprintf(`document.querySelector("#callback .badge").textContent == %q`, text))
	}
	badge("已接通")
	o.must(p.Click(o.ctx, "#callback summary"))
	press := func(button string) {
		t.Helper()
		o.must(p.Click(o.ctx, "#renew"))
		o.wait(`document.querySelector("#ask-box").open`)
		o.must(p.Click(o.ctx, "#ask-box "+button))
		o.wait(`!document.querySelector("#ask-box").open && !document.querySelector("#renew").disabled`)
	}
	press("button:not(.primary)")
	if c := o.site.login(alice).card(); c.Token != l.token || c.State != "connected" {
		t.Errorf("renewed without a yes: %+v", c)
	}
	o.must(p.Click(o.ctx, "#renew"))
	o.wait(`document.querySelector("#ask-box").open`)
	for _, want := range []string{"立即失效", "扫码订阅", "退订", "送达回执", "提醒照常发送", "更换后马上填写"} {
		if got := o.text(p, "#ask-box p"); !strings.Contains(got, want) {
			t.Errorf("the question has no %q: %s", want, got)
		}
	}
	o.accessible("the question before renewing")
	o.must(p.Click(o.ctx, "#ask-box .primary"))
	badge("未接通")
	o.accessible("a renewed token")
	c := o.site.login(alice).card()
	if c.Token == l.token || o.text(p, "#callback-token") != c.Token || o.text(p, "#callback-url") != c.URL || !strings.Contains(o.text(p, "#contact"), "尚未接通") {
		t.Errorf("the page shows %s %s %q, and it is %+v", o.text(p, "#callback-url"), o.text(p, "#callback-token"), o.text(p, "#contact"), c)
	}
	o.wait(`!document.querySelector("#renewed").hidden`)
	q := letterbox{s.browser(), "wxalice", c.Token}.signed(now, "n2")
	q.Set("v", "1")
	q.Set("echostr", "hello")
	if got := s.browser().page("/wechat/callback?" + q.Encode()); got.text != "hello" {
		t.Errorf("%d %s", got.status, got.text)
	}
	badge("已验证")
	o.wait(`document.querySelector("#renewed").hidden`)
}
