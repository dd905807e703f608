package host_test

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
	"pushd/internal/wechatsim"
)

// A session that ends while something is typed loses nothing: after the login the
// owner is back where they were, and what they typed is there.
func TestSession_EndsWhileTyping(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	o := stroll(t, s)
	p := o.owner
	expire := func() {
		_, err := p.Run(o.ctx, `fetch("/logout", {method: "POST", redirect: "manual", body: new URLSearchParams({csrf: document.querySelector("meta[name=csrf]").content})}).then(() => 0)`)
		o.must(err)
	}
	press := func(selector string) { // the page may have noticed by itself, and be gone
		_, _ = p.Run(o.ctx, fmt.Sprintf("document.querySelector(%q)?.click()", selector))
	}
	o.must(p.Open(o.ctx, o.host+"/channels/11"))
	o.must(p.Fill(o.ctx, "[name=title]", "写了很久的标题"))
	expire()
	press("#channel .primary")
	o.wait(`location.pathname == "/login"`)
	o.enter(p, alice)
	o.wait(`location.pathname == "/channels/11" && document.querySelector("[name=title]")?.value == "写了很久的标题" && document.querySelector("#toast").textContent.includes("已恢复")`)
	o.must(p.Click(o.ctx, "#channel .primary"))
	o.wait(`document.querySelector("#toast").textContent == "已保存" && document.querySelector("h1").textContent == "写了很久的标题"`)

	o.must(p.Open(o.ctx, o.host+"/settings"))
	o.wait(`document.querySelector("#fields input")`)
	o.must(p.Fill(o.ctx, `[name="fields.thing1"]`, "写了很久的内容"))
	expire()
	press("#save")
	o.wait(`location.pathname == "/login"`)
	o.enter(p, alice)
	o.wait(`location.pathname == "/settings" && document.querySelector('[name="fields.thing1"]')?.value == "写了很久的内容"`)
	o.must(p.Click(o.ctx, "#save"))
	o.wait(`document.querySelector("#toast").textContent == "已保存"`)
}

// The login leads back to pages of owners, and nowhere else.
func TestSession_Next(t *testing.T) {
	s := world(t)
	if got := s.browser().page("/channels/11"); got.status != 303 || got.header.Get("Location") != "/login?next=%2Fchannels%2F11" {
		t.Errorf("%d %s", got.status, got.header.Get("Location"))
	}
	for next, want := range map[string]string{
		"/channels/11": "/channels/11", "/settings": "/settings", "/channels?group=past&page=2": "/channels?group=past&page=2",
		"": "/channels", "//evil.example": "/channels", "https://evil.example/channels": "/channels", "/channels/../..//evil": "/channels",
		"/logout": "/channels", "/channels\r\nX: y": "/channels", "/\\evil.example": "/channels", "/watch/11": "/channels",
	} {
		b := s.browser()
		b.token(b.page("/login?next=" + url.QueryEscape(next)))
		got := b.post("/login", url.Values{"csrf": {b.csrf}, "uin": {"1"}, "password": {password}, "next": {next}})
		if got.status != 303 || got.header.Get("Location") != want {
			t.Errorf("%q leads to %d %q", next, got.status, got.header.Get("Location"))
		}
	}
}

// Strangers leave no sessions behind.
func TestSession_NoneForStrangers(t *testing.T) {
	s := newSite(t, 1)
	for _, path := range []string{"/", "/channels", "/api/channels", "/watch/1"} {
		if got := s.browser().page(path); got.header.Get("Set-Cookie") != "" {
			t.Errorf("%s begins a session", path)
		}
	}
}

// Behind a proxy that speaks TLS, on whatever port, the session's cookie never
// travels in the clear.
func TestSession_SecureBehindAProxy(t *testing.T) {
	s := newSite(t, 1)
	s.php = s.php.With(phptest.Settings{"base_url": "https://live.example.com:8443"})
	s.host = s.serve()
	for host, want := range map[string]bool{"live.example.com:8443": true, "LIVE.example.com": true, "127.0.0.1:8000": false} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.host+"/login", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		res, err := s.browser().client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		set := strings.ToLower(res.Header.Get("Set-Cookie"))
		if set == "" || strings.Contains(set, "; secure") != want {
			t.Errorf("%s: %q", host, set)
		}
	}
}

// Settings that can't be read are a page for people and JSON for programs; the
// reason is in the log alone.
func TestSettingsThatCannotBeRead(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config.php")
	if err := os.WriteFile(config, []byte("<?php return ['nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, php: phptest.New(t, phptest.Settings{"PUSHD_PHP_CONFIG": config})}
	s.host = s.serve()
	b := s.browser()
	got := b.page("/login")
	if got.status != 500 || !strings.Contains(got.text, "<h1>暂时不能使用</h1>") || got.header.Get("Content-Security-Policy") == "" || strings.Contains(got.text, "nonsense") {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := b.api("/channels", nil); got.status != 500 || got.Code != "failed" {
		t.Errorf("%d %s", got.status, got.text)
	}
}

// A pushd that hangs holds no page up, and after one call no further one for some
// seconds; what is stored is shown, and stopping is tried all the same.
func TestPushdHangs(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	hung, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hung.Close() })
	s.php = s.php.With(phptest.Settings{"url": fmt.Sprint("http://", hung.Addr())})
	s.host = s.serve()
	s.exec("UPDATE activity_detail SET live_notify_status = 1 WHERE act_id = 11")
	a := s.login(alice)
	timed := func(path string, body any) (reply, time.Duration) {
		begun := time.Now()
		got := a.do(map[bool]string{true: http.MethodGet, false: http.MethodPost}[body == nil], path, "application/json", "{}")
		return got, time.Since(begun)
	}
	if got, took := timed("/channels/11", nil); got.status != 200 || took > 2*time.Second {
		t.Errorf("the channel's page: %d after %s", got.status, took)
	}
	if got, took := timed("/api/channels/11/reminder", nil); got.status != 200 || took > 9*time.Second || !strings.Contains(got.text, "发送中") {
		t.Errorf("the first look: %d after %s", got.status, took)
	}
	for range 5 {
		if got, took := timed("/api/channels/11/reminder", nil); got.status != 200 || took > time.Second {
			t.Errorf("a further look: %d after %s", got.status, took)
		}
		if got, took := timed("/api/templates/"+wechatsim.TemplateID("wxalice", 1), nil); got.status != 502 || got.Code != "pushd_unreachable" || took > time.Second {
			t.Errorf("templates: %d after %s", got.status, took)
		}
	}
}

// The settings show what is stored while pushd is away, and read it once it is back.
func TestPushdAway_SettingsPage(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	o := stroll(t, s)
	p := o.owner
	o.must(s.StopDaemon())
	o.must(p.Open(o.ctx, o.host+"/settings"))
	o.wait(`document.querySelector("#templates [role=alert]")?.textContent.includes("暂时读不到模板的内容") && document.querySelector("#templates input").checked && document.querySelector("#retry")`)
	_, err := p.Run(o.ctx, `document.querySelector("#enabled").click()`)
	o.must(err)
	o.wait(`!document.querySelector("#enabled").checked`) // switching off needs no pushd
	_, err = p.Run(o.ctx, `document.querySelector("#enabled").click()`)
	o.must(err)
	o.wait(`document.querySelector("#toast").textContent.includes("暂时读不到模板")`)
}
