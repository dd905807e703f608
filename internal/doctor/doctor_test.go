package doctor

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pushd"
	"pushd/internal/mariadb"
	"pushd/internal/settings"
	"pushd/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// grants are what docs/operations.md tells to give.
const grants = `
GRANT SELECT ON p.pushd_schema TO pushd@localhost;
GRANT SELECT ON p.pushd_schema_state TO pushd@localhost;
GRANT SELECT ON p.activity TO pushd@localhost;
GRANT SELECT ON p.user TO pushd@localhost;
GRANT SELECT ON p.user_wx_config TO pushd@localhost;
GRANT SELECT (uin, appid) ON p.user_wx_account TO pushd@localhost;
GRANT SELECT, UPDATE (live_notify_status) ON p.activity_detail TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE, DELETE ON p.pushd_job TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE, DELETE ON p.pushd_page TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE, DELETE ON p.pushd_progress TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE, DELETE ON p.pushd_template TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE, DELETE ON p.pushd_message TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE ON p.pushd_install TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE, DELETE ON p.pushd_hold TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE ON p.pushd_account TO pushd@localhost;
GRANT SELECT, INSERT, DELETE ON p.pushd_refusal TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE, DELETE ON p.pushd_event TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE, DELETE ON p.pushd_alarm TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE, DELETE ON p.pushd_receipt TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE, DELETE ON p.pushd_receipt_page TO pushd@localhost;`

// startPlatform starts a server that has the platform's tables in database p, and
// says how its root carries out statements there.
func startPlatform(t *testing.T) (server *mariadb.Server, root func(statements string)) {
	t.Helper()
	server = startMariaDB(t)
	root = func(statements string) {
		t.Helper()
		if err := server.Exec(t.Context(), "p", statements); err != nil {
			t.Fatal(err)
		}
	}
	if err := server.Exec(t.Context(), "", "CREATE DATABASE p"); err != nil {
		t.Fatal(err)
	}
	root(readFile(t, "deploy/schema.sql"))
	return server, root
}

func TestCheck_Database(t *testing.T) {
	server, root := startPlatform(t)
	root("INSERT INTO activity (id, uin) VALUES (42, 7); INSERT INTO activity_detail (id, act_id) VALUES (1, 42)")
	dsn := server.UserDSN("pushd", "hunter2", "p")
	expect := func(actID int64, wants ...string) {
		t.Helper()
		out := checked(t, dsn, actID)
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
		if strings.Contains(out, "hunter2") {
			t.Errorf("shows the password: %s", out)
		}
	}
	expect(0, "fail  database: cannot be reached")
	root("CREATE USER pushd@localhost IDENTIFIED BY 'hunter2'; GRANT SELECT ON p.activity_detail TO pushd@localhost")
	expect(0, "fail  channel query: Error 1142", "fail  status update: writing 0: Error 1142", "; run pushd migrate, and grant SELECT on pushd_schema")
	migrate(t, server.DSN("p"))
	root(grants)
	expect(42, "ok    database: answers; version", "ok    tables: there", "ok    channel query: finds channel 42",
		"ok    status update: may be written", "ok    status table: activity_detail is InnoDB",
		"ok    status table: activity_detail has one row per act_id", "ok    read back", "ok    state: no counter is kept in /")
	expect(43, "fail  channel query: finds no channel 43")
	root("ALTER TABLE activity_detail ADD CONSTRAINT narrow CHECK (live_notify_status < 3)")
	expect(42, "fail  status update: writing 3: Error 4025")
	root("ALTER TABLE activity_detail DROP CONSTRAINT narrow")

	root("REVOKE DELETE ON p.pushd_progress FROM pushd@localhost; REVOKE UPDATE (live_notify_status) ON p.activity_detail FROM pushd@localhost")
	expect(0, "fail  grants: on pushd_progress; as root: GRANT DELETE ON pushd_progress", "fail  status update: writing 0: Error 1142")
	root("ALTER TABLE activity_detail DROP KEY activity_detail_act_id, ENGINE=MyISAM; INSERT INTO activity_detail (id, act_id) VALUES (2, 42)")
	expect(0, "fail  status table: activity_detail is MyISAM, which has no transactions", "several rows for one act_id, such as 42")
	root("DELETE FROM activity_detail WHERE id = 2")
	expect(0, "warn  status table: activity_detail has one row per act_id, but nothing keeps it so")
	root("DROP TABLE pushd_page; SET GLOBAL read_only = 1")
	expect(0, "fail  tables: pushd_page: Error 1146", "fail  database: is read-only")

	var left int
	db := open(t, server.DSN("p"))
	if err := db.QueryRowContext(t.Context(), "SELECT (SELECT COUNT(*) FROM pushd_template) + (SELECT SUM(live_notify_status) FROM activity_detail)").Scan(&left); err != nil || left != 0 {
		t.Errorf("the check left %d changes behind, %v", left, err)
	}
}

// checked runs the database checks and returns what they print.
func checked(t *testing.T, dsn string, actID int64) string {
	t.Helper()
	var b bytes.Buffer
	o := Options{Settings: settings.Settings{Database: settings.Database{MySQLDSN: settings.Secret(dsn)}, StatusFailed: 3, Timezone: "Asia/Shanghai", StateDir: t.TempDir()}, ActID: actID}
	r := &report{w: &b}
	o.database(t.Context(), r)
	if r.failed != strings.Contains(b.String(), "fail  ") {
		t.Errorf("failed is %v after %s", r.failed, b.String())
	}
	return b.String()
}

func startMariaDB(t *testing.T) *mariadb.Server {
	t.Helper()
	server, err := mariadb.Start(t.Context(), mariadb.WithGrants())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	return server
}

func open(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := openDatabase(settings.Secret(dsn), time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// migrate makes pushd's tables as pushd migrate does.
func migrate(t *testing.T, dsn string) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{DSN: dsn, MaxConns: 2, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// fakeToken and fakeQuota answer as they are told.
type fakeToken struct{ err error }

func (f fakeToken) Token(context.Context, string, int64) (string, error) { return "s3cr3t", f.err }

type fakeQuota struct {
	remain int64
	answer pushd.Answer
}

func (f fakeQuota) Quota(context.Context, pushd.Token, string) (int64, pushd.Answer) {
	return f.remain, f.answer
}

func TestCheck_Account(t *testing.T) {
	for _, c := range []struct {
		token fakeToken
		quota fakeQuota
		want  string
	}{
		{fakeToken{errors.New("HTTP 500")}, fakeQuota{}, "fail  token endpoint: HTTP 500; pushd needs"},
		{fakeToken{}, fakeQuota{5, pushd.Answer{}}, "ok    wechat: answers; 5 template messages left today"},
		{fakeToken{}, fakeQuota{0, pushd.Answer{}}, "warn  wechat: answers; nothing is left"},
		{fakeToken{}, fakeQuota{0, pushd.Answer{Verdict: pushd.TokenRefused, Code: 40001, Text: "invalid credential"}}, "fail  wechat: 40001 invalid credential; the token endpoint gave"},
		{fakeToken{}, fakeQuota{0, pushd.Answer{Verdict: pushd.FatalIfRepeated, Code: 40164, Cause: pushd.CauseAddress, Text: "invalid ip 1.2.3.4"}}, "fail  wechat: 40164 invalid ip 1.2.3.4; add this machine's address"},
		{fakeToken{}, fakeQuota{0, pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeNotSent, Text: "connect"}}, "can this machine reach PUSHD_WECHAT_URL?"},
	} {
		var b bytes.Buffer
		r := &report{w: &b}
		checkAccount(t.Context(), r, c.token, c.quota, "wx1", 42)
		if !strings.Contains(b.String(), c.want) || strings.Contains(b.String(), "s3cr3t") {
			t.Errorf("got %s, want %s", b.String(), c.want)
		}
	}
}
