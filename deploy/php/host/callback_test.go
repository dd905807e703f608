package host_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
	"pushd/internal/wechatsim"
)

// letterbox is an account's callback address as WeChat uses it.
type letterbox struct {
	*browser
	appid, token string
}

// callback asks the owner's settings for address and token, as an owner does.
func (s *site) callback(b *browser, appid string) letterbox {
	s.t.Helper()
	var settings struct{ Callback struct{ URL, Token string } }
	b.api("/settings", nil).into(s.t, &settings)
	if want := public + "/wechat/callback?appid=" + appid; settings.Callback.URL != want || len(settings.Callback.Token) != 32 {
		s.t.Fatalf("callback %+v", settings)
	}
	return letterbox{s.browser(), appid, settings.Callback.Token}
}

// signed makes a query with a right signature.
func (l letterbox) signed(at time.Time, nonce string) url.Values {
	stamp := fmt.Sprint(at.Unix())
	return url.Values{"appid": {l.appid}, "timestamp": {stamp}, "nonce": {nonce}, "signature": {wechatsim.Signature(l.token, stamp, nonce)}}
}

func (l letterbox) send(q url.Values, body string) reply {
	l.t.Helper()
	return l.do(http.MethodPost, "/wechat/callback?"+q.Encode(), "text/xml", body)
}

func event(kind, openid, key string, created int64) string {
	return fmt.Sprintf("<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[%s]]></FromUserName><CreateTime>%d</CreateTime>"+
		"<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[%s]]></Event><EventKey><![CDATA[%s]]></EventKey></xml>", openid, created, kind, key)
}

func TestCallback_Verify(t *testing.T) {
	s := newSite(t, 1)
	l := s.callback(s.login(alice), "wxalice")
	acct := s.Sim.Find("wxalice")
	acct.SetCallback(&wechatsim.Callback{URL: s.host + "/wechat/callback?appid=wxalice", Token: l.token})
	if err := acct.VerifyCallback(t.Context()); err != nil {
		t.Error(err)
	}
	acct.SetCallback(&wechatsim.Callback{URL: s.host + "/wechat/callback?appid=wxbob", Token: l.token})
	if err := acct.VerifyCallback(t.Context()); err == nil {
		t.Error("Alice's token is good for Bob's account")
	}
	q := l.signed(time.Now(), "n1")
	q.Set("echostr", "<script>")
	if got := l.do(http.MethodGet, "/wechat/callback?"+q.Encode(), "", ""); got.status != 400 || strings.Contains(got.text, "<script>") {
		t.Errorf("echoed %d %s", got.status, got.text)
	}
}

func TestCallback_Signature(t *testing.T) {
	s := world(t)
	l := s.callback(s.login(alice), "wxalice")
	now := time.Now()
	for name, spoil := range map[string]func(url.Values){
		"signature":    func(q url.Values) { q.Set("signature", strings.Repeat("0", 40)) },
		"no signature": func(q url.Values) { q.Del("signature") },
		"array":        func(q url.Values) { q.Del("signature"); q.Set("signature[]", "x") },
		"nonce":        func(q url.Values) { q.Set("nonce", "other") },
		"account":      func(q url.Values) { q.Set("appid", "wxbob") },
		"old":          func(q url.Values) { copyInto(q, l.signed(now.Add(-6*time.Minute), "n2")) },
		"future":       func(q url.Values) { copyInto(q, l.signed(now.Add(6*time.Minute), "n3")) },
	} {
		q := l.signed(now, "n1")
		spoil(q)
		if got := l.send(q, event("SCAN", "oViewer", "live_11", now.Unix())); got.status != 403 && got.status != 400 {
			t.Errorf("%s: %d %s", name, got.status, got.text)
		}
	}
	if n := s.number("SELECT COUNT(*) FROM host_follow"); n != 0 {
		t.Errorf("%d events recorded", n)
	}
}

func copyInto(dst, src url.Values) {
	for k, v := range src {
		dst[k] = v
	}
}

func TestCallback_Replay(t *testing.T) {
	s := world(t)
	l := s.callback(s.login(alice), "wxalice")
	now := time.Now()
	count := func(want int64) {
		t.Helper()
		if n := s.number("SELECT COUNT(*) FROM host_follow"); n != want {
			t.Errorf("%d events recorded, want %d", n, want)
		}
	}
	first := l.signed(now, "n1")
	scan := event("SCAN", "oViewer", "live_11", now.Unix())
	if got := l.send(first, scan); got.status != 200 || !strings.HasPrefix(got.text, "<xml>") {
		t.Fatalf("%d %s", got.status, got.text)
	}
	count(1)
	// The same request, another body under the same signature, and the same
	// event signed anew: all answered well, none acted on.
	for _, try := range []reply{
		l.send(first, scan),
		l.send(first, event("SCAN", "oOther", "live_11", now.Unix())),
		l.send(l.signed(now, "n2"), scan),
	} {
		if try.status != 200 || try.text != "success" {
			t.Errorf("%d %s", try.status, try.text)
		}
	}
	count(1)
	l.send(l.signed(now, "n3"), event("SCAN", "oviewer", "live_11", now.Unix())) // another person
	count(2)
}

func TestCallback_Events(t *testing.T) {
	s := world(t)
	s.channel(22, bob, "Bob's morning", time.Now().Add(time.Hour), 0)
	l := s.callback(s.login(alice), "wxalice")
	now, nonce := time.Now(), 0
	send := func(body string) reply {
		t.Helper()
		nonce++
		got := l.send(l.signed(now, fmt.Sprint("n", nonce)), body)
		if got.status != 200 {
			t.Errorf("%d %s", got.status, got.text)
		}
		return got
	}
	send(event("subscribe", "oNew", "qrscene_live_11", now.Unix()))
	send(event("SCAN", "oOld", "live_11", now.Unix()))
	send(event("SCAN", "oCross", "live_22", now.Unix())) // Bob's channel, Alice's account
	send(event("subscribe", "oPlain", "", now.Unix()))
	send(event("VIEW", "oMenu", "https://x.example", now.Unix()))
	send("<xml><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[hello]]></Content></xml>")
	send("not xml at all")
	rows := "SELECT COUNT(*) FROM host_follow WHERE appid = 'wxalice' AND openid = ? AND kind = ? AND scene = ? AND act_id = ? AND left_at = 0"
	for _, want := range [][]any{
		{"oNew", "subscribe", "live_11", 11}, {"oOld", "SCAN", "live_11", 11}, {"oCross", "SCAN", "live_22", 0}, {"oPlain", "subscribe", "", 0},
	} {
		if s.number(rows, want...) != 1 {
			t.Errorf("not recorded: %v", want)
		}
	}
	if n := s.number("SELECT COUNT(*) FROM host_follow"); n != 4 {
		t.Errorf("%d recorded, want 4", n)
	}
	send(event("unsubscribe", "oNew", "", now.Unix()-10)) // of before: overtaken
	if s.number(rows, "oNew", "subscribe", "live_11", 11) != 1 {
		t.Error("an old unsubscribe ended a newer follow")
	}
	send(event("unsubscribe", "oNew", "", now.Unix()+1))
	if s.number(rows, "oNew", "subscribe", "live_11", 11) != 0 {
		t.Error("unsubscribe is not recorded")
	}
}

// The test message goes to whoever scans first, once.
func TestTrial(t *testing.T) {
	s := world(t)
	a := s.login(alice)
	l := s.callback(a, "wxalice")
	acct := s.Sim.Find("wxalice")
	template := wechatsim.TemplateID("wxalice", 1)
	begin := func() (test struct{ Nonce, Src string }) {
		t.Helper()
		got := a.api("/templates/"+template+"/test", map[string]any{"actid": 11})
		got.into(t, &test)
		return test
	}
	state := func(nonce string) string {
		got := a.api("/tests/"+nonce, nil)
		var v struct{ State string }
		got.into(t, &v)
		return v.State + ": " + got.Message
	}
	test := begin()
	if again := begin(); again.Nonce != test.Nonce {
		t.Error("a second click made a second code")
	}
	if got := state(test.Nonce); !strings.HasPrefix(got, "waiting") {
		t.Error(got)
	}
	now := time.Now()
	scan := func(nonce, openid string, n int) reply {
		t.Helper()
		return l.send(l.signed(now, fmt.Sprint("s", n)), event("SCAN", openid, "test_"+nonce, now.Unix()))
	}
	if got := scan(test.Nonce, acct.OpenID(3), 1); got.text != "success" {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := state(test.Nonce); !strings.HasPrefix(got, "sent") {
		t.Error(got)
	}
	scan(test.Nonce, acct.OpenID(4), 2)
	if n := acct.Stats().Delivered; n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
	acct.SetTemplateCode(template, 43116)
	failing := begin()
	if failing.Nonce == test.Nonce {
		t.Fatal("a used code is given again")
	}
	if got := scan(failing.Nonce, acct.OpenID(3), 3); got.text != "success" {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := state(failing.Nonce); !strings.HasPrefix(got, "failed: 测试失败") {
		t.Error(got)
	}
	s.exec("UPDATE host_trial SET state = 'waiting', expires_at = 1 WHERE nonce = ?", failing.Nonce)
	scan(failing.Nonce, acct.OpenID(5), 4)
	if got := state(failing.Nonce); !strings.HasPrefix(got, "expired") {
		t.Error(got)
	}
}

// A pushd that hangs keeps WeChat waiting for less than its five seconds (under
// php-fpm not at all: TestWeb_AnsweredFirst); the owner hears that the test may have
// been sent.
func TestTrial_SlowPushd(t *testing.T) {
	s := world(t)
	a := s.login(alice)
	l := s.callback(a, "wxalice")
	x := newTaker(t)
	x.answer(0)
	s.php = s.php.With(phptest.Settings{"url": x.URL})
	nonce := fmt.Sprintf("%032x", 1)
	s.exec("INSERT INTO host_trial (nonce, uin, appid, template_id, act_id, expires_at) VALUES (?, ?, 'wxalice', 'T', 11, ?)", nonce, alice, time.Now().Unix()+500)
	there := *s
	there.host = s.serve()
	l.site = &there
	began := time.Now()
	got := l.send(l.signed(began, "n1"), event("SCAN", "oViewer", "test_"+nonce, began.Unix()))
	if took := time.Since(began); got.text != "success" || took > 4500*time.Millisecond {
		t.Errorf("%q after %v", got.text, took)
	}
	if got := a.api("/tests/"+nonce, nil); !strings.Contains(got.text, `"unknown"`) || !strings.Contains(got.Message, "可能已经发出") {
		t.Errorf("%s", got.text)
	}
}
