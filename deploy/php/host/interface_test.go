package host_test

import (
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"pushd/internal/wechatsim"
)

// call is one interface or page of an owner, with a body that is right.
type call struct {
	method, path string
	body         any
	want         int
	// foreign is the answer when the thing belongs to somebody else; 0: the
	// address names nothing that could be somebody's.
	foreign int
}

// interfaces are all routes of owners, on Alice's template T and channel 11.
func interfaces() []call {
	template := "/api/templates/" + wechatsim.TemplateID("wxalice", 1)
	texts := map[string]any{"thing1": "{{title}}", "time2": "{{startTime}}"}
	return []call{
		{"GET", "/", nil, 303, 0},
		{"GET", "/settings", nil, 200, 0},
		{"GET", "/channels", nil, 200, 0},
		{"GET", "/channels/new", nil, 200, 0},
		{"GET", "/channels/11", nil, 200, 404},
		{"GET", "/api/settings", nil, 200, 0},
		{"POST", "/api/settings", map[string]any{"templateId": wechatsim.TemplateID("wxalice", 1), "enabled": true}, 200, 422},
		{"GET", "/api/templates", nil, 200, 0},
		{"GET", template, nil, 200, 200},
		{"POST", template, map[string]any{"fields": texts, "url": "{{url}}"}, 200, 422},
		{"POST", template + "/preview", map[string]any{"actid": 11, "fields": texts}, 200, 404},
		{"POST", template + "/test", map[string]any{"actid": 11}, 201, 404},
		{"GET", "/api/tests/0123456789abcdef0123456789abcdef", nil, 200, 404},
		{"POST", "/api/estimate", map[string]any{"actid": 11, "templateId": wechatsim.TemplateID("wxalice", 1)}, 200, 404},
		{"GET", "/api/audiences", nil, 200, 0},
		{"GET", "/api/plan?start_time=2026-10-01T20:00&live_notify_time=30&actid=11", nil, 200, 404},
		{"GET", "/api/brakes", nil, 200, 0},
		{"POST", "/api/brakes", map[string]any{"per_day": 3}, 200, 0},
		{"GET", "/api/channels", nil, 200, 0},
		{"POST", "/api/channels", channelBody(), 201, 0},
		{"GET", "/api/channels/11", nil, 200, 404},
		{"POST", "/api/channels/11", map[string]any{"title": "renamed"}, 200, 404},
		{"GET", "/api/channels/11/subscribers", nil, 200, 404},
		{"GET", "/api/channels/11/reminder", nil, 200, 404},
		{"POST", "/api/channels/11/reminder", map[string]any{"do": "stop", "job": "none"}, 409, 404},
		{"GET", "/channels/11/subscribers.csv", nil, 200, 404},
		{"POST", "/api/callback/renew", map[string]any{}, 200, 0},
	}
}

func channelBody() map[string]any {
	start := time.Now().Add(2 * time.Hour).In(shanghai).Format("2006-01-02T15:04")
	return map[string]any{"title": "新直播", "start_time": start, "live_notify": true, "live_notify_time": 30}
}

var shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// world is a site in which Alice has what the interfaces want.
func world(t *testing.T) *site {
	s := newSite(t, 50)
	s.channel(11, alice, "Alice's evening", time.Now().Add(3*time.Hour), 0)
	s.exec("INSERT INTO host_trial (nonce, uin, appid, template_id, act_id, expires_at) VALUES ('0123456789abcdef0123456789abcdef', ?, 'wxalice', 'T', 11, ?)", alice, time.Now().Unix()+500)
	return s
}

func (b *browser) call(c call) reply {
	b.t.Helper()
	if c.method == "GET" {
		return b.page(c.path)
	}
	return b.api(strings.TrimPrefix(c.path, "/api"), c.body)
}

// Every route of owners is in the table.
func TestInterfaces_AllAreTested(t *testing.T) {
	routes := regexp.MustCompile(`(?m)^    \['(GET|POST)', +'([^']+)', +'owner'`).FindAllStringSubmatch(read(t, "index.php"), -1)
	if len(routes) < 15 {
		t.Fatalf("found only %d routes", len(routes))
	}
	for _, r := range routes {
		found := false
		for _, c := range interfaces() {
			found = found || c.method == r[1] && regexp.MustCompile("^"+r[2]+`(\?.*)?$`).MatchString(c.path)
		}
		if !found {
			t.Errorf("%s %s is not in the table", r[1], r[2])
		}
	}
}

func TestInterfaces(t *testing.T) {
	s := world(t)
	stranger, a, b, c, d := s.browser(), s.login(alice), s.login(bob), s.login(carol), s.login(dave)
	forger := *a
	forger.csrf = ""
	other := *a
	other.csrf = b.csrf
	for _, i := range interfaces() {
		t.Run(i.method+" "+i.path, func(t *testing.T) {
			page := !strings.HasPrefix(i.path, "/api/")
			check := func(who string, got reply, status int, code string) {
				t.Helper()
				if got.status != status || !page && code != "" && got.Code != code {
					t.Errorf("%s: %d %s %s, want %d %s", who, got.status, got.Code, got.Message, status, code)
				}
			}
			if page {
				check("nobody", stranger.call(i), 303, "")
			} else {
				check("nobody", stranger.call(i), 401, "login")
			}
			before := s.state()
			check("edition", c.call(i), 403, "gate_edition")
			check("account", d.call(i), 403, "gate_account")
			if got := c.call(i); !strings.Contains(got.text, "标准版") || !strings.Contains(got.text, "升级") {
				t.Errorf("edition: does not say which and what to do: %s", got.text)
			}
			if got := d.call(i); !strings.Contains(got.text, "公众号") || !strings.Contains(got.text, "AppID") {
				t.Errorf("account: does not say which and what to do: %s", got.text)
			}
			if i.method == "POST" {
				check("no CSRF token", forger.call(i), 403, "csrf")
				check("another's CSRF token", other.call(i), 403, "csrf")
			}
			if i.foreign != 0 {
				got := b.call(i)
				check("another owner", got, i.foreign, "")
				if strings.Contains(got.text, "evening") {
					t.Errorf("another owner sees %s", got.text)
				}
			}
			if after := s.state(); after != before {
				t.Errorf("somebody who may not changed\n%s\nto\n%s", before, after)
			}
			check("the owner", a.call(i), i.want, "")
		})
	}
}

// Bob's lists hold nothing of Alice's, and Bob's writes go to Bob alone.
func TestInterfaces_Lists(t *testing.T) {
	s := world(t)
	b := s.login(bob)
	for _, path := range []string{"/channels", "/settings", "/api/channels", "/api/settings", "/api/templates"} {
		got := b.page(path)
		for _, word := range []string{"evening", "wxalice", wechatsim.TemplateID("wxalice", 1)} {
			if got.status != 200 || strings.Contains(got.text, word) {
				t.Errorf("%s: %d, shows %s", path, got.status, word)
			}
		}
	}
	body := channelBody()
	body["uin"] = alice
	if got := b.api("/channels", body); got.status != 422 || got.Field != "uin" {
		t.Errorf("a channel for Alice: %d %s", got.status, got.text)
	}
	if got := b.api("/settings", map[string]any{"templateId": wechatsim.TemplateID("wxbob", 1), "enabled": true}); got.status != 200 {
		t.Errorf("Bob's own settings: %d %s", got.status, got.text)
	}
	if n := s.number("SELECT COUNT(*) FROM user_wx_config WHERE uin = ?", alice); n != 0 {
		t.Error("Bob wrote Alice's settings")
	}
}

func TestLogin(t *testing.T) {
	s := newSite(t, 1)
	b := s.browser()
	b.token(b.page("/login"))
	old := b.csrf
	for name, form := range map[string]url.Values{
		"password": {"csrf": {b.csrf}, "uin": {"1"}, "password": {"wrong"}},
		"nobody":   {"csrf": {b.csrf}, "uin": {"99"}, "password": {password}},
		"nonsense": {"csrf": {b.csrf}, "uin": {"1 OR 1"}, "password": {password}},
	} {
		if got := b.post("/login", form); got.status != 401 || !strings.Contains(got.text, "账号或密码不正确") {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	if got := b.post("/login", url.Values{"uin": {"1"}, "password": {password}}); got.status != 403 {
		t.Errorf("without token: %d", got.status)
	}
	before := cookie(b)
	got := b.post("/login", url.Values{"csrf": {b.csrf}, "uin": {"1"}, "password": {password}})
	if got.status != 303 || cookie(b) == before {
		t.Errorf("login: %d, session kept: %v", got.status, cookie(b) == before)
	}
	set := strings.ToLower(strings.Join(got.header["Set-Cookie"], "\n"))
	if !strings.Contains(set, "httponly") || !strings.Contains(set, "samesite=lax") {
		t.Errorf("cookie: %s", set)
	}
	b.token(b.page("/channels"))
	if b.csrf == old || b.csrf == "" {
		t.Error("the CSRF token outlived the login")
	}
	if got := b.post("/logout", url.Values{"csrf": {b.csrf}}); got.status != 303 {
		t.Errorf("logout: %d", got.status)
	}
	if got := b.page("/channels"); got.status != 303 {
		t.Errorf("after logout: %d", got.status)
	}
}

func cookie(b *browser) string {
	u, _ := url.Parse(b.host)
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == "host_session" {
			return c.Value
		}
	}
	return ""
}

// Whatever an owner writes comes out as text.
func TestEscaping(t *testing.T) {
	s := newSite(t, 1)
	s.enable(alice, "wxalice")
	a := s.login(alice)
	evil := `</title><script>alert("1")</script>'x`
	body := channelBody()
	body["title"], body["content"], body["watch_url"] = evil, evil, `https://x.example/"><img/src=x>`
	if got := a.api("/channels", body); got.status != 201 {
		t.Fatal(got.text)
	}
	for _, path := range []string{"/channels", "/channels/1", "/watch/1", "/settings"} {
		got := a.page(path)
		if got.status != 200 || strings.Contains(got.text, `<script>alert`) || strings.Contains(got.text, "<img/src=x") || !strings.Contains(got.text, "alert(") {
			t.Errorf("%s: %d %s", path, got.status, got.text)
		}
		if csp := got.header.Get("Content-Security-Policy"); !strings.Contains(csp, "script-src 'self'") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
	echo := regexp.MustCompile(`<\?=\s*[^?]*`)
	views, err := os.ReadDir("views")
	if err != nil || len(views) < 7 {
		t.Fatal(views, err)
	}
	for _, v := range views {
		for _, e := range echo.FindAllString(read(t, "views/"+v.Name()), -1) {
			if !strings.HasPrefix(e, "<?= h(") {
				t.Errorf("%s echoes without h(): %s", v.Name(), e)
			}
		}
	}
}

func TestMethodsAndPaths(t *testing.T) {
	s := newSite(t, 1)
	a := s.login(alice)
	for path, want := range map[string]int{
		"/nothing": 404, "/api/nothing": 404, "/schema.sql": 404, "/host/schema.sql": 404, "/app/host.php": 404,
		"/config.sample.php": 404, "/assets/../schema.sql": 404, "/assets/app.js": 200, "/api/estimate": 405, "/channels/99999": 404,
	} {
		if got := a.do(http.MethodGet, path, "", ""); got.status != want {
			t.Errorf("%s: %d, want %d", path, got.status, want)
		}
	}
}
