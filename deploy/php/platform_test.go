package php_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"go.uber.org/goleak"

	"pushd/deploy/php/phptest"
	"pushd/internal/mariadb"
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
		if err := goleak.Find(); err != nil && code == 0 {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return code
	}())
}

// The secrets of the tests; they must not appear in any output.
const (
	apiKey    = "marked-api-key"
	tokenKey  = "marked-token-key"
	appSecret = "marked-app-secret"
)

// platform is a database with the platform's tables and those of deploy/php.
type platform struct {
	*sql.DB
	server *mariadb.Server
	name   string
	user   string // PHP's
}

func newPlatform(t testing.TB) *platform {
	t.Helper()
	return platformOn(t, server, "root")
}

// unmigrated is a database with the platform's tables and the account wx1, and none
// of the tables of deploy/php.
func unmigrated(t testing.TB) *platform {
	t.Helper()
	p := emptyOn(t, server, "root")
	tables, err := os.ReadFile("../schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	p.exec(t, string(tables))
	p.account(t, 1, "wx1")
	return p
}

// platformOn makes a platform on a server, for an account that is made if the
// server knows accounts.
func platformOn(t testing.TB, on *mariadb.Server, user string) *platform {
	t.Helper()
	p := emptyOn(t, on, user)
	tables, err := os.ReadFile("../schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	p.exec(t, string(tables))
	p.exec(t, phptest.Schema(t))
	return p
}

// emptyOn makes a database without tables.
func emptyOn(t testing.TB, on *mariadb.Server, user string) *platform {
	t.Helper()
	name, err := on.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("mysql", on.DSN(name)+"?multiStatements=true&charset=utf8mb4")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	p := &platform{db, on, name, user}
	if user != "root" {
		p.exec(t, "CREATE USER "+user+"@localhost; GRANT ALL ON "+name+".* TO "+user+"@localhost")
	}
	return p
}

// old makes the platform one that was there before: nothing keeps an appid to
// one owner, and names compare without regard to case and trailing blanks.
func (p *platform) old(t *testing.T) {
	t.Helper()
	p.exec(t, `ALTER TABLE user_wx_account CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci,
		DROP KEY user_wx_account_appid, ADD KEY user_wx_account_appid (appid)`)
	p.exec(t, "ALTER TABLE wx_access_token CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
}

// settings let PHP reach the database.
func (p *platform) settings() phptest.Settings {
	return phptest.Settings{
		"db_dsn":  fmt.Sprintf("mysql:unix_socket=%s;dbname=%s;charset=utf8mb4", p.server.Socket(), p.name),
		"db_user": p.user,
	}
}

func (p *platform) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	if _, err := p.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

// number reads one number.
func (p *platform) number(t *testing.T, query string, args ...any) int64 {
	t.Helper()
	var n int64
	if err := p.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(query, err)
	}
	return n
}

// wait returns when a number is at least so large.
func (p *platform) wait(t *testing.T, least int64, query string) {
	t.Helper()
	limit := time.Now().Add(time.Minute)
	for {
		var n int64
		if err := p.QueryRowContext(t.Context(), query).Scan(&n); err != nil || time.Now().After(limit) {
			t.Errorf("%s: %d, waited for %d: %v", query, n, least, err)
			return
		}
		if n >= least {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// account adds an owner with an Official Account.
func (p *platform) account(t testing.TB, uin int, appid string) {
	t.Helper()
	p.exec(t, "INSERT INTO user_wx_account (uin, appid, app_secret) VALUES (?, ?, ?)", uin, appid, appSecret)
	p.exec(t, "INSERT INTO user_wx_config (uin, act_live_template_id, status) VALUES (?, 'T', 1)", uin)
}

// channel adds a channel with its reminder on, so many minutes before.
func (p *platform) channel(t *testing.T, id, uin int, start time.Time, minutes int) {
	t.Helper()
	p.exec(t, "INSERT INTO activity (id, uin, title, start_time, watch_url) VALUES (?, ?, 'title', ?, 'https://live.example/1')", id, uin, start.Unix())
	p.exec(t, "INSERT INTO activity_detail (act_id, content, wxa_publish_qr, live_notify, live_notify_time, live_notify_status) VALUES (?, '', '', 1, ?, 0)", id, minutes)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
