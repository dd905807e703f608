package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"pushd"
	"pushd/internal/daemon"
	"pushd/internal/rig"
)

const otherKey = "another-api-key-SECRET-42"

// Nothing of the console is shown without a key; a wrong one opens nothing, and
// ten of them cost patience.
func TestLogin(t *testing.T) {
	w := newWorld(t, nil)
	p := w.person()
	for _, path := range []string{"/console", "/console/", "/console/jobs", "/console/jobs/x", "/console/elsewhere"} {
		if got := p.get(path); got.status != 200 || !strings.HasPrefix(got.at, "/console/login") || strings.Contains(got.text, "/console/logout") {
			t.Errorf("%s: %d at %s", path, got.status, got.at)
		}
	}
	if got := p.get("/console/jobs?state=failed"); got.at != "/console/login?next=%2Fconsole%2Fjobs%3Fstate%3Dfailed" {
		t.Errorf("sent to %s", got.at)
	}
	if got := p.post("/console/login", url.Values{"key": {rig.APIKey}, "next": {"//evil.example/"}}); got.at != "/console/" {
		t.Errorf("led to %s", got.at)
	}
	cookies := p.http.Jar.Cookies(&url.URL{Scheme: "http", Host: strings.TrimPrefix(p.URL, "http://"), Path: "/console/"})
	if len(cookies) != 1 || strings.Contains(cookies[0].Value, rig.APIKey) {
		t.Errorf("cookies %v", cookies)
	}
	if got := p.press("/console/", "/console/logout", nil); !strings.HasPrefix(got.at, "/console/login") {
		t.Errorf("logged out to %s", got.at)
	}
	if got := p.get("/console/"); !strings.HasPrefix(got.at, "/console/login") {
		t.Errorf("after the log-out: %s", got.at)
	}
	stranger := w.person()
	for i := range 10 {
		if got := stranger.login("wrong-key-0123456789"); got.status != http.StatusUnauthorized {
			t.Fatalf("try %d: %d", i, got.status)
		}
	}
	if got := stranger.login(rig.APIKey); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" {
		t.Errorf("the eleventh try: %d", got.status)
	}
}

// A session outlives a restart and holds at another process with the same keys;
// a key that is taken away takes it along.
func TestSession_Outlives(t *testing.T) {
	keys := []pushd.Key{{Name: "a", Secret: rig.APIKey}, {Name: "b", Secret: otherKey}}
	w := newWorld(t, func(c *daemon.Config) { c.Keys = keys })
	p := w.person()
	p.login(otherKey)
	again := func() page {
		w.must(w.StopDaemon())
		before := w.URL
		w.must(w.StartDaemon(w.ctx))
		from, _ := url.Parse(before + "/console/")
		to, _ := url.Parse(w.URL + "/console/")
		p.http.Jar.SetCookies(to, p.http.Jar.Cookies(from)) // the port has changed
		return p.get("/console/")
	}
	if got := again(); got.at != "/console/" || got.status != 200 {
		t.Errorf("after a restart: %d at %s", got.status, got.at)
	}
	keys = []pushd.Key{{Name: "a", Secret: rig.APIKey}}
	if got := again(); !strings.HasPrefix(got.at, "/console/login") {
		t.Errorf("without its key: %d at %s", got.status, got.at)
	}
}

// A form of no page of the session's does nothing.
func TestForms_AreTheSessions(t *testing.T) {
	w := newWorld(t, func(c *daemon.Config) { c.Engine.Rate = 100 })
	_, job := w.start(1, "wxforms", "", accountOf(20_000))
	p := w.person()
	p.login(rig.APIKey)
	other := w.person()
	other.login(rig.APIKey)
	token := csrfPattern.FindStringSubmatch(other.get("/console/").text)[1]
	at := "/console/jobs/" + job.ID + "/pause"
	for name, form := range map[string]url.Values{"no token": {}, "a wrong one": {"csrf": {"x"}}, "another session's": {"csrf": {token}}} {
		if got := p.post(at, form); got.status != http.StatusForbidden {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	mine := csrfPattern.FindStringSubmatch(p.get("/console/").text)[1]
	for name, header := range map[string][2]string{"another site": {"Origin", "https://evil.example"}, "a neighbour": {"Sec-Fetch-Site", "same-site"}} {
		r, _ := http.NewRequest(http.MethodPost, w.URL+at, strings.NewReader(url.Values{"csrf": {mine}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set(header[0], header[1])
		if got := p.do(r); got.status != http.StatusForbidden {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	if j, err := w.API().Job(w.ctx, job.ID); err != nil || j.State == "paused" {
		t.Errorf("the job is %s, %v", j.State, err)
	}
	if got := p.post(at, url.Values{"csrf": {mine}}); got.status != 200 || got.at != "/console/jobs/"+job.ID+"?done=pause" {
		t.Errorf("the session's own: %d at %s", got.status, got.at)
	}
	// Who did it is on record, by the name of the key.
	for path, part := range map[string]string{"/console/": "Paused by rig at", "/console/jobs/" + job.ID: "<strong>paused</strong> · by rig"} {
		if got := p.get(path); !strings.Contains(got.text, part) {
			t.Errorf("%s does not say who paused the job: %s", path, got.text)
		}
	}
}

// There is no console without a key, and none where it is switched off.
func TestConsole_Off(t *testing.T) {
	for name, change := range map[string]func(*daemon.Config){
		"no key": func(c *daemon.Config) { c.Keys = nil },
		"off":    func(c *daemon.Config) { c.Console = false },
	} {
		if got := newWorld(t, change).person().get("/console/login"); got.status == 200 {
			t.Errorf("%s: %s", name, got.text)
		}
	}
}

// The answers keep a page from loading or telling anything elsewhere.
func TestHeaders(t *testing.T) {
	p := newWorld(t, nil).person()
	got := p.get("/console/login")
	for name, part := range map[string]string{
		"Content-Security-Policy": "default-src 'none'", "Cache-Control": "no-store", "Referrer-Policy": "same-origin",
		"X-Content-Type-Options": "nosniff",
	} {
		if !strings.Contains(got.header.Get(name), part) {
			t.Errorf("%s: %q", name, got.header.Get(name))
		}
	}
	for _, inline := range []string{"<style", "style=", "onclick", "<script>"} {
		if strings.Contains(got.text, inline) {
			t.Errorf("the page has %s", inline)
		}
	}
	r, _ := http.NewRequest(http.MethodPost, p.URL+"/console/login", strings.NewReader("key="+rig.APIKey))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Forwarded-Proto", "https")
	p.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	cookie := p.do(r).header.Get("Set-Cookie")
	for _, part := range []string{"__Secure-pushd_console=", "HttpOnly", "SameSite=Strict", "Secure", "Path=/console/"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("the cookie lacks %s: %s", part, cookie)
		}
	}
}

// With a key that may only read there is everything to see and nothing to press;
// whoever presses all the same is refused by the API.
func TestReadKey(t *testing.T) {
	const reader = "read-api-key-SECRET-77"
	w := newWorld(t, func(c *daemon.Config) {
		c.Engine.Rate = 100
		c.Keys = append(c.Keys, pushd.Key{Name: "auditor", Secret: reader, ReadOnly: true})
	})
	_, job := w.start(1, "wxreader", "", accountOf(20_000))
	p := w.person()
	p.login(reader)
	at := "/console/jobs/" + job.ID
	for _, path := range []string{"/console/", "/console/jobs", at, at + "/text", "/console/stop", "/console/account?appid=wxreader"} {
		got := p.get(path)
		if got.status != 200 || !strings.Contains(got.text, "auditor") {
			t.Errorf("%s: %d", path, got.status)
		}
		for _, action := range regexp.MustCompile(`<form method="post" action="([^"]+)"`).FindAllStringSubmatch(got.text, -1) {
			if action[1] != "/console/logout" {
				t.Errorf("%s has a button: %s", path, action[1])
			}
		}
	}
	if got := p.get(at + "/cancel"); got.status != http.StatusForbidden || !strings.Contains(got.text, "This key may only read") {
		t.Errorf("asked: %d %s", got.status, got.text)
	}
	if got := p.press("/console/", at+"/pause", nil); got.status != http.StatusForbidden || !strings.Contains(got.text, "This key may only read") {
		t.Errorf("pause: %d %s", got.status, got.text)
	}
	if got := p.press("/console/", "/console/stop", url.Values{"of": {"everything"}, "do": {"hold"}}); got.status != http.StatusForbidden {
		t.Errorf("stop: %d", got.status)
	}
	if j, err := w.API().Job(w.ctx, job.ID); err != nil || j.State == pushd.Paused {
		t.Errorf("the job is %s, %v", j.State, err)
	}
}
