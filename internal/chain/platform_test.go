package chain

import (
	"database/sql"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"

	"pushd/api/client"
	"pushd/deploy/php/phptest"
	"pushd/internal/mariadb"
	"pushd/internal/program"
	"pushd/internal/wechatsim"
)

// The secrets, marked: they must not appear in any output.
const (
	apiKey    = "api-key-MARKED-0123456789"
	tokenKey  = "token-key-MARKED-0123456789"
	appSecret = "app-secret-MARKED-0123456789"
	password  = "password-MARKED-0123456789"
)

// chain is everything that a reminder passes through.
type chain struct {
	t      *testing.T
	sim    *wechatsim.Sim
	server *mariadb.Server
	db     *sql.DB // as root
	php    *phptest.Host
	daemon *program.Process
	env    []string // of pushd
	rights []string // texts of SQL that give rights: for migrate, pushd and PHP
	binary string
	api    client.Client
	http   *http.Client    // of api
	said   strings.Builder // what cron and the commands have printed
}

// start sets the platform up as docs/operations.md tells to, and starts pushd.
func start(t *testing.T) *chain {
	t.Helper()
	return startWith(t, nil)
}

// startWith does so with settings of PHP's that differ.
func startWith(t *testing.T, php phptest.Settings) *chain {
	t.Helper()
	c := &chain{t: t, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}}
	t.Cleanup(c.http.CloseIdleConnections)
	c.sim = wechatsim.New(wechatsim.Options{Seed: 1})
	t.Cleanup(c.sim.Close)
	listener, err := c.sim.StartTLS()
	c.ok(err)
	cert := filepath.Join(t.TempDir(), "ca.pem")
	c.ok(listener.WriteCert(cert))

	c.binary = build(t)
	c.rights = c.database()
	c.php = phptest.New(t, phptest.Settings{
		"db_dsn":  "mysql:unix_socket=" + c.server.Socket() + ";dbname=live;charset=utf8mb4",
		"db_user": "php", "db_password": password,
		"token_key": tokenKey, "api_key": apiKey, "wechat_url": listener.URL,
	}).With(php).Trust(t, cert)
	c.env = []string{
		"SSL_CERT_FILE=" + cert, "PUSHD_WECHAT_URL=" + listener.URL, "PUSHD_TOKEN_URL=" + c.php.Serve(t) + "/token.php",
		"PUSHD_MYSQL_DSN=" + c.server.UserDSN("pushd", password, "live"),
		"PUSHD_API_KEY_FILE=" + c.secretFile("api-key", apiKey), "PUSHD_TOKEN_KEY_FILE=" + c.secretFile("token-key", tokenKey),
		"PUSHD_LISTEN=127.0.0.1:0", "PUSHD_LOG_LEVEL=debug", "PUSHD_LOG_FORMAT=json",
		"PUSHD_RATE=1000", // 25,000 take long enough to meddle with
	}
	c.exec(c.rights[0])
	migrate := c.command("migrate", "--migrate-dsn", c.server.UserDSN("pushd_migrate", password, "live"))
	if migrate.code != 0 {
		t.Fatalf("pushd migrate ended with %d:\n%s", migrate.code, migrate.text)
	}
	c.exec(c.rights[1])
	c.exec(c.rights[2])
	c.serve()
	c.php = c.php.With(phptest.Settings{"url": c.api.URL})
	return c
}

// database starts a server with the platform's tables, and returns the three
// texts of SQL by which docs/operations.md gives rights.
func (c *chain) database() (rights []string) {
	var err error
	c.server, err = mariadb.Start(c.t.Context(), mariadb.WithGrants())
	c.ok(err)
	c.t.Cleanup(func() { c.server.Stop() })
	c.ok(c.server.Exec(c.t.Context(), "", "CREATE DATABASE live"))
	c.exec(readFile(c.t, "deploy/schema.sql"))
	c.exec(phptest.Schema(c.t))
	c.db, err = sql.Open("mysql", c.server.DSN("live"))
	c.ok(err)
	c.t.Cleanup(func() { c.db.Close() })
	for _, block := range regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(readFile(c.t, "docs/operations.md"), -1) {
		if strings.Contains(block[1], "CREATE USER") {
			rights = append(rights, strings.ReplaceAll(block[1], "'…'", "'"+password+"'"))
		}
	}
	if len(rights) != 3 {
		c.t.Fatalf("docs/operations.md has %d texts that create users; want 3: for migrate, pushd and PHP", len(rights))
	}
	return rights
}

// account makes an Official Account with one channel, whose reminder is due.
func (c *chain) account(app string, followers int) *wechatsim.Account {
	b := wechatsim.Default()
	b.Latency = wechatsim.Uniform(5*time.Millisecond, 25*time.Millisecond)
	a := c.sim.Account(app, wechatsim.AccountOptions{
		Secret: appSecret, Followers: followers, Unsubscribed: 0.01, Behaviour: &b,
	})
	act := bigAct
	if app == smallApp {
		act = smallAct
	}
	c.set("INSERT INTO activity (id, uin, title, start_time, watch_url) VALUES (?, ?, '春季公开课', ?, 'https://live.example.com/42')",
		act, act, time.Now().Add(20*time.Minute).Unix())
	c.set("INSERT INTO activity_detail (act_id, live_notify, live_notify_time) VALUES (?, 1, 30)", act)
	c.set("INSERT INTO user_wx_account (uin, appid, app_secret) VALUES (?, ?, ?)", act, app, appSecret)
	c.set("INSERT INTO user_wx_config (uin, act_live_template_id, status) VALUES (?, ?, 1)", act, wechatsim.TemplateID(app, 1))
	return a
}

// cron runs the cron script and returns its lines.
func (c *chain) cron(code int) string {
	c.t.Helper()
	run := c.php.Cron(c.t.Context(), c.t)
	c.said.WriteString(run.Stdout + run.Stderr)
	if run.Code != code || run.Stderr != "" {
		c.t.Fatalf("cron ended with %d, want %d:\n%s%s", run.Code, code, run.Stdout, run.Stderr)
	}
	return run.Stdout
}

func (c *chain) setStatus(act, status int) {
	c.t.Helper()
	c.set("UPDATE activity_detail SET live_notify_status = ? WHERE act_id = ?", status, act)
}

func (c *chain) status(act int) int {
	c.t.Helper()
	return int(c.number("SELECT live_notify_status FROM activity_detail WHERE act_id = ?", act))
}

func (c *chain) wantStatus(act, want int) {
	c.t.Helper()
	if got := c.status(act); got != want {
		c.t.Errorf("channel %d: live_notify_status is %d, want %d", act, got, want)
	}
}

// mended waits until the status is no longer what somebody made of it.
func (c *chain) mended(act, wrong int) (status int) {
	c.t.Helper()
	c.poll(mends, "the status to be put right", func() bool {
		status = c.status(act)
		return status != wrong
	})
	return status
}

// poll looks every 50 ms until done says so.
func (c *chain) poll(limit time.Duration, what string, done func() bool) {
	c.t.Helper()
	late := time.NewTimer(limit)
	defer late.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-late.C:
			c.t.Fatalf("waited %v for %s\n%s", limit, what, c.daemon.Said())
		}
	}
}

func (c *chain) exec(text string) {
	c.t.Helper()
	c.ok(c.server.Exec(c.t.Context(), "live", text))
}

func (c *chain) set(query string, args ...any) {
	c.t.Helper()
	_, err := c.db.ExecContext(c.t.Context(), query, args...)
	c.ok(err)
}

func (c *chain) number(query string, args ...any) (n int64) {
	c.t.Helper()
	c.ok(c.db.QueryRowContext(c.t.Context(), query, args...).Scan(&n))
	return n
}

func (c *chain) ok(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *chain) secretFile(name, text string) string {
	path := filepath.Join(c.t.TempDir(), name)
	c.ok(os.WriteFile(path, []byte(text+"\n"), 0o600))
	return path
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
