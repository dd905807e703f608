package host_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"go.uber.org/goleak"

	"pushd/deploy/php/phptest"
	"pushd/internal/daemon"
	"pushd/internal/mariadb"
	"pushd/internal/rig"
	"pushd/internal/wechatsim"
)

// server is the test binary's own MariaDB; set by TestMain alone.
var server *mariadb.Server

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if server, err = mariadb.Start(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		code := m.Run()
		server.Stop()
		if webServer.Server != nil {
			webServer.Stop()
		}
		http.DefaultClient.CloseIdleConnections()
		if err := goleak.Find(); err != nil && code == 0 {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return code
	}())
}

// What must never reach a browser, and what the host is set to.
const (
	appSecret  = "marked-app-secret"
	hostSecret = "marked-host-secret-0123456789abcdef"
	password   = "open sesame"
	public     = "https://live.example.com" // base_url
)

// The owners. Alice and Bob may use reminders; the others lack something.
const (
	alice = 1
	bob   = 2
	carol = 3 // edition basic
	dave  = 4 // no Official Account
)

// classOf is a tag that a fifth of each account's followers carry.
const classOf = 101

// site is the whole: a platform's PHP with the sample host, real pushd, real
// MariaDB and the simulated WeChat.
type site struct {
	*rig.Rig
	t    *testing.T
	php  *phptest.Host
	host string // its address
	wx   *wechat
	sim  *wechatsim.Sim
}

// wechat is the simulator as PHP sees it: it counts the calls.
type wechat struct {
	URL string
	sim http.Handler

	mu    sync.Mutex
	calls map[string]int
	gate  *gate
}

// hold lets calls wait at a gate.
func (w *wechat) hold(g *gate) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gate = g
}

func (w *wechat) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	w.calls[r.URL.Path]++
	g := w.gate
	w.mu.Unlock()
	g.pass(r)
	w.sim.ServeHTTP(rw, r)
}

func (w *wechat) count(path string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls[path]
}

func newSite(t *testing.T, followers int, change ...func(*daemon.Config)) *site {
	t.Helper()
	s := bareSite(t, followers)
	s.start(server, append([]func(*daemon.Config){s.startPHP}, change...)...)
	s.php = s.php.With(phptest.Settings{"url": s.Rig.URL, "api_key": rig.APIKey})
	s.host = s.serve()
	return s
}

// bareSite is the accounts and WeChat as PHP sees it.
func bareSite(t *testing.T, followers int) *site {
	sim := wechatsim.New(wechatsim.Options{Seed: 5})
	t.Cleanup(sim.Close)
	for _, appid := range []string{"wxalice", "wxbob", "wxcarol"} {
		sim.Account(appid, wechatsim.AccountOptions{Secret: appSecret, Followers: followers, Tags: []wechatsim.Tag{{ID: classOf, Name: "烘焙班", Share: .2}}})
	}
	s := &site{t: t, wx: &wechat{sim: sim.Handler(), calls: map[string]int{}}, sim: sim}
	front := httptest.NewServer(s.wx)
	t.Cleanup(front.Close)
	s.wx.URL = front.URL
	return s
}

// start starts pushd on a database of a server, and writes the owners.
func (s *site) start(server *mariadb.Server, change ...func(*daemon.Config)) {
	s.t.Helper()
	var err error
	s.Rig, err = rig.New(s.t.Context(), rig.Options{
		Server: server, Schema: read(s.t, "../../schema.sql"), Sim: s.sim, Change: func(c *daemon.Config) {
			for _, f := range change {
				f(c)
			}
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := s.Rig.Close(); err != nil {
			s.t.Error(err)
		}
	})
	s.people()
}

// startPHP gives pushd a real token endpoint. The rig calls it once its
// database is there.
func (s *site) startPHP(c *daemon.Config) {
	database := s.tables(server, c)
	s.php = phptest.New(s.t, phptest.Settings{
		"db_dsn":  fmt.Sprintf("mysql:unix_socket=%s;dbname=%s;charset=utf8mb4", server.Socket(), database),
		"db_user": "root", "wechat_url": s.wx.URL, "qr_url": s.wx.URL, "token_key": rig.TokenKey,
		"host_secret": hostSecret, "host_password": password, "base_url": public,
	})
	c.Tokens.URL = s.php.Serve(s.t) + "/token.php"
	c.Store.AudienceQuery = audience
}

// tables makes those of PHP in the rig's database, and returns its name.
func (s *site) tables(server *mariadb.Server, c *daemon.Config) string {
	s.t.Helper()
	dsn, err := mysql.ParseDSN(c.Store.DSN)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, file := range []string{"../schema.sql", "schema.sql"} {
		if err := server.Exec(s.t.Context(), dsn.DBName, read(s.t, file)); err != nil {
			s.t.Fatal(file, err)
		}
	}
	return dsn.DBName
}

// serve starts a web server of the host.
func (s *site) serve() string {
	return s.php.Serve(s.t, filepath.Join(phptest.Dir(), "host/index.php"))
}

// people writes the owners.
func (s *site) people() {
	for _, o := range []struct {
		uin, edition int
		appid        string
	}{{alice, 3, "wxalice"}, {bob, 2, "wxbob"}, {carol, 1, "wxcarol"}, {dave, 2, ""}} {
		s.exec("INSERT INTO user (uin, edition) VALUES (?, ?)", o.uin, o.edition)
		if o.appid != "" {
			s.exec("INSERT INTO user_wx_account (uin, appid, app_secret) VALUES (?, ?, ?)", o.uin, o.appid, appSecret)
		}
	}
}

// channel adds a channel straight into the tables.
func (s *site) channel(id, uin int, title string, start time.Time, status int) {
	s.exec("INSERT INTO activity (id, uin, title, start_time, watch_url) VALUES (?, ?, ?, ?, ?)", id, uin, title, start.Unix(), fmt.Sprint(public, "/watch/", id))
	s.exec("INSERT INTO activity_detail (act_id, live_notify, live_notify_time, live_notify_status) VALUES (?, 1, 30, ?)", id, status)
}

// enable gives an owner the listed template, switched on.
func (s *site) enable(uin int, appid string) {
	s.exec("INSERT INTO user_wx_config (uin, act_live_template_id, status) VALUES (?, ?, 1)", uin, wechatsim.TemplateID(appid, 1))
}

func (s *site) exec(query string, args ...any) {
	s.t.Helper()
	if _, err := s.DB.ExecContext(s.t.Context(), query, args...); err != nil {
		s.t.Fatal(query, err)
	}
}

func (s *site) number(query string, args ...any) (n int64) {
	s.t.Helper()
	if err := s.DB.QueryRowContext(s.t.Context(), query, args...).Scan(&n); err != nil {
		s.t.Fatal(query, err)
	}
	return n
}

// browser is somebody with cookies.
type browser struct {
	*site
	client *http.Client
	csrf   string
	// forwarded is X-Forwarded-For, where it is not "".
	forwarded string
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	transport := &http.Transport{}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &browser{site: s, client: &http.Client{
		Jar: jar, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// login is an owner's browser.
func (s *site) login(uin int) *browser {
	s.t.Helper()
	b := s.browser()
	b.token(b.page("/login"))
	a := b.post("/login", url.Values{"csrf": {b.csrf}, "uin": {fmt.Sprint(uin)}, "password": {password}})
	if a.status != http.StatusSeeOther {
		s.t.Fatalf("login: %d %s", a.status, a.text)
	}
	b.token(b.page("/channels"))
	return b
}

// reply is what came back.
type reply struct {
	status  int
	header  http.Header
	text    string
	Code    string
	Message string
	Field   string
}

var csrfMeta = regexp.MustCompile(`<meta name="csrf" content="(\w*)">`)

// token takes the CSRF token from a page.
func (b *browser) token(page reply) {
	if m := csrfMeta.FindStringSubmatch(page.text); m != nil {
		b.csrf = m[1]
	}
}

func (b *browser) page(path string) reply { return b.do(http.MethodGet, path, "", "") }

// api calls an interface. body is JSON unless it is a string; nil is a GET.
func (b *browser) api(path string, body any) reply {
	b.t.Helper()
	if body == nil {
		return b.do(http.MethodGet, "/api"+path, "", "")
	}
	text, ok := body.(string)
	if !ok {
		raw, err := json.Marshal(body)
		if err != nil {
			b.t.Fatal(err)
		}
		text = string(raw)
	}
	return b.do(http.MethodPost, "/api"+path, "application/json", text)
}

func (b *browser) post(path string, form url.Values) reply {
	return b.do(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode())
}

// do makes a request. No answer may hold a secret.
func (b *browser) do(method, path, kind, body string) (a reply) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.host+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if kind == "application/json" && b.csrf != "" {
		req.Header.Set("X-CSRF-Token", b.csrf)
	}
	if b.forwarded != "" {
		req.Header.Set("X-Forwarded-For", b.forwarded)
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	a.text = readAll(b.t, resp)
	if strings.HasPrefix(a.text, "{") {
		if err := json.Unmarshal([]byte(a.text), &a); err != nil {
			b.t.Errorf("%s %s: %v: %s", method, path, err, a.text)
		}
	}
	a.status, a.header = resp.StatusCode, resp.Header
	b.noSecret(method+" "+path, a)
	return a
}

// accounts are those that WeChat knows; none without a rig.
func (s *site) accounts() []*wechatsim.Account {
	if s.Rig == nil {
		return nil
	}
	return s.Sim.Accounts()
}

func (b *browser) noSecret(where string, a reply) {
	all := fmt.Sprint(a.header) + a.text
	secrets := []string{rig.APIKey, rig.TokenKey, appSecret, hostSecret, password}
	for _, acct := range b.accounts() {
		token, _ := acct.StableToken(false)
		secrets = append(secrets, token)
	}
	for _, secret := range secrets {
		if strings.Contains(all, secret) {
			b.t.Errorf("%s told %q", where, secret)
		}
	}
}

// into reads the JSON of an answer.
func (a reply) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.text), v); err != nil {
		t.Fatalf("%v: %s", err, a.text)
	}
}

func readAll(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
