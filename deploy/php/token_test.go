package php_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
	"pushd/internal/tokenclient"
	"pushd/internal/wechatsim"
)

// endpoint is a token endpoint under test, and the WeChat behind it.
type endpoint struct {
	*platform
	wechat *fakeWeChat
	host   *phptest.Host
	url    string
}

func newEndpoint(t *testing.T) *endpoint {
	t.Helper()
	p := newPlatform(t)
	p.account(t, 1, "wx1")
	w := newWeChat(t)
	h := phptest.New(t, p.settings()).With(phptest.Settings{
		"token_key": tokenKey, "wechat_url": w.URL, "lock_wait": "20",
	})
	return &endpoint{p, w, h, h.Serve(t)}
}

// answer is what the endpoint said.
type answer struct {
	Status int
	Header http.Header
	Text   string

	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
	Code        int    `json:"code"`
	Msg         string `json:"msg"`
}

// ask sends one request with the key in X-Pushd-Key, changed by change.
func (e *endpoint) ask(t *testing.T, query string, change ...func(*http.Request)) answer {
	t.Helper()
	return askAt(t, e.url, query, change...)
}

func askAt(t *testing.T, base, query string, change ...func(*http.Request)) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", base+"/token.php?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Pushd-Key", tokenKey)
	for _, f := range change {
		f(req)
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Error(err)
		return answer{}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	a := answer{Status: res.StatusCode, Header: res.Header, Text: string(body)}
	if err := json.Unmarshal(body, &a); err != nil {
		t.Errorf("not JSON: %s", body)
	}
	for _, secret := range []string{tokenKey, appSecret, "marked-db-password"} {
		if strings.Contains(a.Text, secret) {
			t.Errorf("the answer holds a secret: %s", body)
		}
	}
	if got := res.Header.Get("Cache-Control"); got != "no-store" && got != "no-store, private" { // Laravel adds a word
		t.Errorf("Cache-Control: %q", got)
	}
	return a
}

// fingerprint is what pushd sends as rejected.
func fingerprint(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:8])
}

func TestToken_OK(t *testing.T) {
	e := newEndpoint(t)
	a := e.ask(t, "appid=wx1&actid=42")
	if a.Status != 200 || a.AccessToken != "marked-token-wx1-0" || a.ExpiresIn < 7100 || a.ExpiresIn > 7200 {
		t.Fatalf("%+v", a)
	}
	calls := e.wechat.asked()
	if want := (stableCall{"client_credential", "wx1", appSecret, false}); len(calls) != 1 || calls[0] != want {
		t.Fatalf("%+v", calls)
	}
	e.exec(t, "UPDATE wx_access_token SET expires_at = UNIX_TIMESTAMP() + 1000")
	a = e.ask(t, "appid=wx1")
	if a.AccessToken != "marked-token-wx1-0" || a.ExpiresIn < 900 || a.ExpiresIn > 1000 {
		t.Errorf("cached: %+v", a)
	}
	if calls := e.wechat.asked(); len(calls) != 0 {
		t.Errorf("asked WeChat for a cached token: %+v", calls)
	}
	// WeChat gives the next token five minutes before the end of this one.
	e.exec(t, "UPDATE wx_access_token SET expires_at = UNIX_TIMESTAMP() + 299")
	e.wechat.rotate()
	if a = e.ask(t, "appid=wx1"); a.AccessToken != "marked-token-wx1-1" || a.ExpiresIn < 7100 {
		t.Errorf("ageing: %+v", a)
	}
}

func TestToken_Key(t *testing.T) {
	e := newEndpoint(t)
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Del("X-Pushd-Key"); r.Header.Set(name, value) }
	}
	for _, c := range []struct {
		name, value string
		want        int
	}{
		{"Authorization", "Bearer " + tokenKey, 200},
		{"Authorization", "bearer " + tokenKey, 200},
		{"X-Pushd-Key", tokenKey, 200},
		{"X-Pushd-Key", "wrong", 401},
		{"X-Pushd-Key", "", 401},
		{"Authorization", "Bearer wrong", 401},
		{"Authorization", "Bearer", 401},
		{"Authorization", tokenKey, 401},
		{"Authorization", "Basic " + tokenKey, 401},
		{"X-Pushd-Key", tokenKey + "x", 401},
	} {
		if a := e.ask(t, "appid=wx1", set(c.name, c.value)); a.Status != c.want {
			t.Errorf("%s: %s: %d %s", c.name, c.value, a.Status, a.Text)
		}
	}
	if a := e.ask(t, "appid=wx1&key="+tokenKey, set("X-Nothing", "x")); a.Status != 401 || a.Code != 1 {
		t.Errorf("without a key: %+v", a)
	}
	// Apache's rewriting renames the header; the router does the same.
	t.Run("Redirected", func(t *testing.T) {
		redirected := e.host.Serve(t, "testdata/redirected.php")
		if a := askAt(t, redirected, "appid=wx1", set("Authorization", "Bearer "+tokenKey)); a.Status != 200 {
			t.Errorf("%+v", a)
		}
	})
	both := e.host.With(phptest.Settings{"token_key": "next-key, " + tokenKey}).Serve(t)
	for _, key := range []string{"next-key", tokenKey} {
		if a := askAt(t, both, "appid=wx1", set("X-Pushd-Key", key)); a.Status != 200 {
			t.Errorf("two keys: %+v", a)
		}
	}
	none := e.host.With(phptest.Settings{"token_key": " , "}).Serve(t)
	if a := askAt(t, none, "appid=wx1", set("X-Pushd-Key", "")); a.Status != 500 || !strings.Contains(a.Msg, "token_key") {
		t.Errorf("no key set: %+v", a)
	}
}

func TestToken_BadRequests(t *testing.T) {
	e := newEndpoint(t)
	for query, want := range map[string]int{
		"":                                    400,
		"appid=":                              400,
		"appid[]=wx1":                         400,
		"appid=wx%201":                        400,
		"appid=wx1%0a":                        400,
		"appid=" + strings.Repeat("a", 65):    400,
		"appid=wx1&rejected=xyz":              400,
		"appid=wx1&rejected[]=1":              400,
		"appid=wx1&rejected=0123456789ABCDEF": 400,
		"appid=wx2":                           404,
		"appid=wx1&rejected=":                 200,
	} {
		a := e.ask(t, query)
		if a.Status != want || (want != 200 && (a.Code != 1 || a.Msg == "")) {
			t.Errorf("%s: %d %s", query, a.Status, a.Text)
		}
	}
	if a := e.ask(t, "appid=wx1", func(r *http.Request) { r.Method = "POST" }); a.Status != 405 {
		t.Errorf("POST: %+v", a)
	}
}

// Ten requests at once, each at a web server of its own, make one call.
func TestToken_Parallel(t *testing.T) {
	for name, more := range map[string]func(*endpoint) phptest.Settings{
		"MariaDB": func(*endpoint) phptest.Settings { return nil },
		"SQLite":  func(e *endpoint) phptest.Settings { return sqlite(t, e) },
	} {
		t.Run(name, func(t *testing.T) {
			e := newEndpoint(t)
			h := e.host.With(more(e))
			const n = 10
			arrived, release := make(chan struct{}, n), make(chan struct{})
			e.wechat.set(func(stableCall) any {
				arrived <- struct{}{}
				<-release
				return token("marked-token", 7200)
			})
			urls := make([]string, n)
			for i := range urls {
				urls[i] = h.Serve(t)
			}
			var all sync.WaitGroup
			for _, u := range urls {
				all.Go(func() {
					if a := askAt(t, u, "appid=wx1"); a.Status != 200 || a.AccessToken != "marked-token" {
						t.Errorf("%+v", a)
					}
				})
			}
			<-arrived
			if name == "MariaDB" {
				e.connected(t, n)
			}
			close(release)
			all.Wait()
			if calls := e.wechat.asked(); len(calls) != 1 {
				t.Errorf("%d calls", len(calls))
			}
		})
	}
}

// connected returns when n requests are at the database.
func (p *platform) connected(t *testing.T, n int64) {
	t.Helper()
	p.wait(t, n, "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()")
}

// busy lets somebody fetch an account's token for so many seconds.
func (p *platform) busy(t *testing.T, appid string, seconds int) {
	t.Helper()
	p.exec(t, "REPLACE INTO wx_access_token (appid, busy_until, busy_by) VALUES (?, UNIX_TIMESTAMP() + ?, 'somebody')", appid, seconds)
}

// forget lets what WeChat refused be some seconds ago.
func (p *platform) forget(t *testing.T, seconds int) {
	t.Helper()
	p.exec(t, "UPDATE wx_access_token SET failed_at = failed_at - ?", seconds)
}

// sqlite makes a SQLite database with the account wx1.
func sqlite(t *testing.T, e *endpoint) phptest.Settings {
	t.Helper()
	file := filepath.Join(t.TempDir(), "live.db")
	run := e.host.Script(t.Context(), t, "testdata/sqlite.php", file, appSecret)
	if run.Code != 0 {
		t.Fatal(run)
	}
	return phptest.Settings{"db_dsn": "sqlite:" + file}
}

func TestToken_Rejected(t *testing.T) {
	e := newEndpoint(t)
	first := e.ask(t, "appid=wx1").AccessToken
	e.wechat.asked()

	// Somebody complains about a token that is not the cached one.
	if a := e.ask(t, "appid=wx1&rejected="+fingerprint("another")); a.AccessToken != first || len(e.wechat.asked()) != 0 {
		t.Errorf("a stranger's complaint dropped the cache: %+v", a)
	}
	// WeChat has a new one in normal mode: no force.
	e.wechat.rotate()
	second := e.ask(t, "appid=wx1&rejected="+fingerprint(first)).AccessToken
	if calls := e.wechat.asked(); second == first || len(calls) != 1 || calls[0].ForceRefresh {
		t.Fatalf("%s %+v", second, calls)
	}
	// The same complaint again, late: the cache holds another token by now.
	if a := e.ask(t, "appid=wx1&rejected="+fingerprint(first)); a.AccessToken != second || len(e.wechat.asked()) != 0 {
		t.Errorf("a late complaint dropped the cache: %+v", a)
	}
	// WeChat insists on the refused one: force.
	third := e.ask(t, "appid=wx1&rejected="+fingerprint(second)).AccessToken
	calls := e.wechat.asked()
	if third == second || len(calls) != 2 || calls[0].ForceRefresh || !calls[1].ForceRefresh {
		t.Fatalf("%s %+v", third, calls)
	}
	// Again within 30 s: no force; and the refused one is not given to others.
	a := e.ask(t, "appid=wx1&rejected="+fingerprint(third))
	calls = e.wechat.asked()
	if a.Status != 503 || a.Header.Get("Retry-After") == "" || len(calls) != 1 || calls[0].ForceRefresh {
		t.Errorf("%+v %+v", a, calls)
	}
	if n := e.number(t, "SELECT COUNT(*) FROM wx_access_token WHERE access_token = ''"); n != 1 {
		t.Error("the refused token is still cached")
	}
	// After 30 s: force.
	e.exec(t, "UPDATE wx_access_token SET forced_at = forced_at - 30")
	if a = e.ask(t, "appid=wx1&rejected="+fingerprint(third)); a.Status != 200 || a.AccessToken == third {
		t.Errorf("%+v", a)
	}
	if n := e.number(t, "SELECT force_count FROM wx_access_token"); n != 2 {
		t.Errorf("force_count %d", n)
	}
	e.wechat.asked()
	// Twenty on one day are the most; tomorrow it starts anew.
	e.exec(t, "UPDATE wx_access_token SET forced_at = 0, force_count = 20")
	a = e.ask(t, "appid=wx1&rejected="+fingerprint(a.AccessToken))
	if calls = e.wechat.asked(); a.Status != 503 || len(calls) != 1 || !strings.Contains(a.Msg, "20 a day") {
		t.Errorf("%+v %+v", a, calls)
	}
	e.exec(t, "UPDATE wx_access_token SET force_day = force_day - 1")
	current := e.ask(t, "appid=wx1").AccessToken
	if a = e.ask(t, "appid=wx1&rejected="+fingerprint(current)); a.Status != 200 || a.AccessToken == current {
		t.Errorf("%+v", a)
	}
	if n := e.number(t, "SELECT force_count FROM wx_access_token"); n != 1 {
		t.Errorf("force_count of the new day %d", n)
	}
}

func TestToken_WeChatRefuses(t *testing.T) {
	e := newEndpoint(t)
	for _, c := range []struct {
		name   string
		answer any
		code   int
		want   string
	}{
		{"whitelist", refusal(40164, "invalid ip 111.50.94.9 ipv6 ::ffff:111.50.94.9, not in whitelist, rid: 65f307bc-1a5c7d64-18ff931f"), 40164, "IP白名单"},
		{"its text", refusal(40164, "invalid ip 111.50.94.9"), 40164, "111.50.94.9"},
		{"secret", refusal(40125, "invalid appsecret "+appSecret), 40125, "AppSecret"},
		{"unknown code", refusal(89999, "odd"), 89999, "89999 odd"},
		{"long text", refusal(40164, strings.Repeat("why 为什么\n", 300)), 40164, "IP白名单"},
		{"busy", refusal(-1, "system error"), -1, "-1 system error"},
		{"not JSON", "<html>", 1, "no usable answer: HTTP 200"},
		{"gateway", 502, 1, "no usable answer: HTTP 502"},
		{"no life", token("marked-token", 0), 1, "no usable answer"},
		{"a number", "17", 1, "no usable answer"},
		{"odd types", `{"access_token":["x"],"expires_in":7200}`, 1, "no usable answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e.wechat.set(func(stableCall) any { return c.answer })
			a := e.ask(t, "appid=wx1")
			if a.Status != 502 || a.Code != c.code || !strings.Contains(a.Msg, c.want) {
				t.Errorf("%d %d %s", a.Status, a.Code, a.Msg)
			}
			// For five seconds all hear the same, without another question.
			e.wechat.set(func(stableCall) any { return token("marked-token", 7200) })
			again := e.ask(t, "appid=wx1")
			if calls := e.wechat.asked(); again.Status != 502 || again.Msg != a.Msg || again.Code != a.Code || again.Header.Get("Retry-After") == "" || len(calls) != 1 {
				t.Errorf("again: %d %s, %d calls", again.Status, again.Msg, len(calls))
			}
			e.forget(t, 5)
		})
	}
	t.Run("old token until its end", func(t *testing.T) {
		e.exec(t, "REPLACE INTO wx_access_token (appid, access_token, expires_at, secret_hash) VALUES ('wx1', 'marked-old', UNIX_TIMESTAMP() + 200, LEFT(SHA2('wx_access_token/"+appSecret+"', 256), 32))")
		e.wechat.set(func(stableCall) any { return 502 })
		if a := e.ask(t, "appid=wx1"); a.AccessToken != "marked-old" || a.ExpiresIn > 200 || a.ExpiresIn < 100 {
			t.Errorf("%+v", a)
		}
		calls := len(e.wechat.asked())
		if a := e.ask(t, "appid=wx1"); a.AccessToken != "marked-old" || len(e.wechat.asked()) != 0 || calls == 0 {
			t.Errorf("asked again within a moment: %+v", a)
		}
		if a := e.ask(t, "appid=wx1&rejected="+fingerprint("marked-old")); a.Status != 502 {
			t.Errorf("gave the refused token: %+v", a)
		}
	})
}

// What the endpoint says is to be done reaches whoever reads pushd's errors,
// whole, however long WeChat's own text is.
func TestToken_WhatToDoReachesPushd(t *testing.T) {
	e := newEndpoint(t)
	c, err := tokenclient.New(tokenclient.Options{URL: e.url + "/token.php", Key: tokenKey, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for code, want := range map[int]string{
		40164: "基本配置 → IP白名单", 40125: "(AppSecret 错误或已被重置)", 89503: "(管理员确认)",
	} {
		appid := fmt.Sprint("wx", code)
		e.account(t, code, appid)
		e.wechat.set(func(stableCall) any { return refusal(code, strings.Repeat("long words of WeChat ", 40)) })
		_, err := c.Token(t.Context(), appid, 1)
		if err == nil || !strings.HasSuffix(err.Error(), want) || !strings.Contains(err.Error(), fmt.Sprint("code ", code)) {
			t.Errorf("%d: %v", code, err)
		}
	}
}

func TestToken_LockTimeout(t *testing.T) {
	e := newEndpoint(t)
	e.busy(t, "wx1", 20)
	impatient := e.host.With(phptest.Settings{"lock_wait": "0"}).Serve(t)
	if a := askAt(t, impatient, "appid=wx1"); a.Status != 503 || a.Code != 1 || a.Header.Get("Retry-After") != "2" {
		t.Errorf("%+v", a)
	}
	// Another account's token is fetched meanwhile.
	e.account(t, 2, "wx2")
	if a := askAt(t, impatient, "appid=wx2"); a.Status != 200 {
		t.Errorf("%+v", a)
	}
	if calls := e.wechat.asked(); len(calls) != 1 {
		t.Errorf("%+v", calls)
	}
	// The lock of one who has died ends; a mark of a clock that was ahead is none.
	for _, seconds := range []int{0, 100} {
		e.busy(t, "wx1", seconds)
		if a := askAt(t, impatient, "appid=wx1"); a.Status != 200 {
			t.Errorf("%d s: %+v", seconds, a)
		}
	}
	if n := e.number(t, "SELECT COUNT(*) FROM wx_access_token WHERE busy_until <> 0 OR busy_by <> ''"); n != 0 {
		t.Errorf("%d locks were not given back", n)
	}
}

// Two hundred accounts' tokens are asked for at once: so many requests wait for
// WeChat as there are places, the others are told at once to come again, and
// what is cached is answered all the time.
func TestToken_Places(t *testing.T) {
	e := newEndpoint(t)
	const places, n = 3, 20
	if a := e.ask(t, "appid=wx1"); a.Status != 200 {
		t.Fatalf("%+v", a)
	}
	arrived, release := make(chan struct{}, n), make(chan struct{})
	e.wechat.set(func(c stableCall) any {
		if strings.HasPrefix(c.AppID, "wxa") {
			arrived <- struct{}{}
			<-release
		}
		return token("marked-token", 7200)
	})
	h := e.host.With(phptest.Settings{"token_parallel": fmt.Sprint(places)})
	var waiting sync.WaitGroup
	for i := range places {
		e.account(t, 100+i, fmt.Sprint("wxa", i))
		u := h.Serve(t)
		waiting.Go(func() {
			if a := askAt(t, u, fmt.Sprint("appid=wxa", i)); a.Status != 200 {
				t.Errorf("%+v", a)
			}
		})
		<-arrived
	}
	u := h.Serve(t)
	for i := range n {
		e.account(t, 200+i, fmt.Sprint("wxb", i))
		if a := askAt(t, u, fmt.Sprint("appid=wxb", i)); a.Status != 429 || a.Code != 1 || a.Header.Get("Retry-After") != "1" {
			t.Errorf("%+v", a)
			break
		}
	}
	if a := askAt(t, u, "appid=wx1"); a.Status != 200 {
		t.Errorf("what is cached: %+v", a)
	}
	close(release)
	waiting.Wait()
	if a := askAt(t, u, "appid=wxb0"); a.Status != 200 {
		t.Errorf("with a place: %+v", a)
	}
}

// WeChat that hangs is asked by one; all others who wait hear so from that one,
// before pushd hangs up.
func TestToken_WeChatHangs(t *testing.T) {
	e := newEndpoint(t)
	const n = 4
	gone := make(chan struct{})
	e.wechat.set(func(stableCall) any {
		<-gone
		return 502
	})
	defer close(gone)
	var all sync.WaitGroup
	h := e.host.With(phptest.Settings{"lock_wait": "10"})
	var silent, waited atomic.Int64
	for range n {
		c, err := tokenclient.New(tokenclient.Options{URL: h.Serve(t) + "/token.php", Key: tokenKey, Timeout: 20 * time.Second, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			defer c.Close()
			switch _, err := c.Token(t.Context(), "wx1", 1); {
			case err == nil:
				t.Error("got a token")
			case strings.Contains(err.Error(), "no usable answer"):
				silent.Add(1)
			case strings.Contains(err.Error(), "takes too long"):
				waited.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if calls := e.wechat.asked(); len(calls) != 1 || silent.Load() == 0 || silent.Load()+waited.Load() != n {
		t.Errorf("%d calls, %d heard of it, %d waited in vain", len(calls), silent.Load(), waited.Load())
	}
}

func TestToken_BadSettings(t *testing.T) {
	e := newEndpoint(t)
	for _, c := range []struct {
		name   string
		set    phptest.Settings
		status int
		want   string
	}{
		{"no database", phptest.Settings{"db_dsn": "mysql:unix_socket=/nonexistent", "db_password": "marked-db-password"}, 503, "database"},
		{"plain WeChat", phptest.Settings{"wechat_url": "http://api.example"}, 500, "allow_plaintext"},
		{"no address", phptest.Settings{"wechat_url": "ftp://x"}, 500, "wechat_url"},
		{"secret file", phptest.Settings{"token_key": "", "token_key_file": "/nonexistent"}, 500, "token_key"},
		{"duration", phptest.Settings{"grace": "soon"}, 500, "grace"},
		{"settings file", phptest.Settings{"PUSHD_PHP_CONFIG": "/nonexistent"}, 500, "PUSHD_PHP_CONFIG"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := askAt(t, e.host.With(c.set).Serve(t), "appid=wx1")
			if a.Status != c.status || a.Code != 1 || !strings.Contains(a.Msg, c.want) || strings.Contains(a.Msg, "/nonexistent") {
				t.Errorf("%d %s", a.Status, a.Text) // where secrets lie is said in the log alone
			}
		})
	}
}

// The endpoint's answer, as pushd's client reads it, for a life that WeChat
// told as short: the seconds are the true ones.
func TestToken_ShortLife(t *testing.T) {
	e := newEndpoint(t)
	e.wechat.set(func(stableCall) any { return token("marked-token", 345) })
	before := time.Now().Unix()
	a := e.ask(t, "appid="+url.QueryEscape("wx1"))
	if a.ExpiresIn > 345 || int64(a.ExpiresIn) < 345-(time.Now().Unix()-before)-1 {
		t.Errorf("%+v", a)
	}
}

// The endpoint and the simulator's WeChat understand each other.
func TestToken_Simulator(t *testing.T) {
	p := newPlatform(t)
	p.account(t, 1, "wx1")
	sim := wechatsim.New(wechatsim.Options{})
	t.Cleanup(sim.Close)
	account := sim.Account("wx1", wechatsim.AccountOptions{Secret: appSecret})
	listener, err := sim.StartTLS()
	if err != nil {
		t.Fatal(err)
	}
	cert := filepath.Join(t.TempDir(), "cert.pem")
	if err := listener.WriteCert(cert); err != nil {
		t.Fatal(err)
	}
	base := phptest.New(t, p.settings()).With(phptest.Settings{
		"token_key": tokenKey, "wechat_url": listener.URL,
	}).Trust(t, cert).Serve(t)
	first := askAt(t, base, "appid=wx1")
	if want, _ := account.StableToken(false); first.AccessToken != want {
		t.Fatalf("%+v", first)
	}
	account.RevokeToken()
	rejected := "appid=wx1&rejected=" + fingerprint(first.AccessToken)
	second := askAt(t, base, rejected)
	if want, _ := account.StableToken(false); second.AccessToken != want || want == first.AccessToken {
		t.Errorf("%+v", second)
	}
	// WeChat still calls this one good, so a new one takes force.
	third := askAt(t, base, "appid=wx1&rejected="+fingerprint(second.AccessToken))
	if want, _ := account.StableToken(false); third.AccessToken != want || want == second.AccessToken {
		t.Errorf("%+v", third)
	}
	if calls := account.Stats().TokenCalls; calls != 4 {
		t.Errorf("%d calls", calls)
	}
}

// A token is given for the secret that earned it: an appid is public, and whoever
// writes somebody else's with an invented secret gets nothing.
func TestToken_OfAnotherSecret(t *testing.T) {
	e := newEndpoint(t)
	if a := e.ask(t, "appid=wx1"); a.AccessToken == "" {
		t.Fatalf("%+v", a)
	}
	e.old(t)
	e.exec(t, "INSERT INTO user_wx_account (uin, appid, app_secret) VALUES (77, 'wx1', 'invented')")
	if a := e.ask(t, "appid=wx1"); a.Status != 409 || a.AccessToken != "" {
		t.Errorf("two owners, two secrets: %+v", a)
	}
	e.exec(t, "DELETE FROM user_wx_account WHERE uin <> 77")
	e.wechat.set(func(stableCall) any { return refusal(40125, "invalid appsecret") })
	if a := e.ask(t, "appid=wx1"); a.Status != 502 || a.AccessToken != "" {
		t.Errorf("another secret: %+v", a)
	}
}

// A secret that no JSON can hold is said to be so, and WeChat is not asked about
// an account without a name.
func TestToken_SecretThatIsNoText(t *testing.T) {
	e := newEndpoint(t)
	e.exec(t, "ALTER TABLE user_wx_account MODIFY app_secret VARBINARY(128) NOT NULL")
	e.exec(t, "UPDATE user_wx_account SET app_secret = ?", []byte("\xffsecret"))
	if a := e.ask(t, "appid=wx1"); a.Status != 502 || !strings.Contains(a.Msg, "not UTF-8") || len(e.wechat.asked()) != 0 {
		t.Errorf("%+v", a)
	}
}

// An account without a secret is not asked for: WeChat would say 41004.
func TestToken_NoSecret(t *testing.T) {
	e := newEndpoint(t)
	for _, secret := range []string{"''", "' '", "NULL"} {
		e.exec(t, "ALTER TABLE user_wx_account MODIFY app_secret VARCHAR(64) NULL")
		e.exec(t, "UPDATE user_wx_account SET app_secret = "+secret)
		if a := e.ask(t, "appid=wx1"); a.Status != 404 || !strings.Contains(a.Msg, "no app secret") {
			t.Errorf("%s: %d %s", secret, a.Status, a.Msg)
		}
	}
	if n := len(e.wechat.asked()); n != 0 {
		t.Errorf("WeChat was asked %d times", n)
	}
}
