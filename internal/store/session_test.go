package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"pushd"
	"pushd/internal/mariadb"
	"pushd/internal/store"
)

// strange is a server on which a DBA has changed things for everyone. The
// user has no privilege that would spare it init_connect.
type strange struct {
	t   *testing.T
	srv *mariadb.Server
	dba *sql.Conn // as it was before
}

func newStrange(t *testing.T) *strange {
	t.Helper()
	srv, err := mariadb.Start(t.Context(), mariadb.WithGrants())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Stop() })
	s := &strange{t: t, srv: srv}
	db, err := sql.Open("mysql", srv.DSN("")+"?interpolateParams=true&multiStatements=true")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if s.dba, err = db.Conn(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.dba.Close() })
	s.do("CREATE USER pushd@localhost; GRANT ALL ON `pushd%`.* TO pushd@localhost")
	return s
}

func (s *strange) do(text string) {
	s.t.Helper()
	if _, err := s.dba.ExecContext(s.t.Context(), text); err != nil {
		s.t.Fatalf("%s: %v", text, err)
	}
}

// fixture makes a database and, with the changes in force, a store on it.
func (s *strange) fixture(t *testing.T, name, changes, back string) *fixture {
	t.Helper()
	s.do("CREATE DATABASE " + name + "; USE " + name)
	s.do(schema(t))
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr, cfg.DBName, cfg.InterpolateParams = "root", "unix", s.srv.Socket(), name, true
	conn, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	raw := sql.OpenDB(conn)
	raw.SetMaxOpenConns(1) // opened before the changes
	if err := raw.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.do(changes)
	t.Cleanup(func() { s.do(back) })
	return newFixture(t, store.MySQL(), s.srv.UserDSN("pushd", "", name), raw)
}

// TestSession_ServerWideSettings: whatever a DBA has made of the server, the
// life of a job is the same, and what was answered is committed.
func TestSession_ServerWideSettings(t *testing.T) {
	s := newStrange(t)
	const modes = "SET GLOBAL sql_mode = "
	for i, c := range []struct{ change, back string }{
		{"SET GLOBAL autocommit = 0", "SET GLOBAL autocommit = 1"},
		{"SET GLOBAL completion_type = 'CHAIN'", "SET GLOBAL completion_type = DEFAULT"},
		{"SET GLOBAL completion_type = 'RELEASE'", "SET GLOBAL completion_type = DEFAULT"},
		{"SET GLOBAL sql_safe_updates = 1", "SET GLOBAL sql_safe_updates = 0"},
		{"SET GLOBAL sql_select_limit = 1", "SET GLOBAL sql_select_limit = DEFAULT"},
		{"SET GLOBAL sql_select_limit = 0", "SET GLOBAL sql_select_limit = DEFAULT"},
		{"SET GLOBAL max_join_size = 1", "SET GLOBAL max_join_size = DEFAULT"},
		{"SET GLOBAL tx_isolation = 'READ-UNCOMMITTED'", "SET GLOBAL tx_isolation = DEFAULT"},
		{"SET GLOBAL tx_isolation = 'SERIALIZABLE'", "SET GLOBAL tx_isolation = DEFAULT"},
		{"SET GLOBAL tx_read_only = 1", "SET GLOBAL tx_read_only = 0"},
		{"SET GLOBAL time_zone = '+05:45'", "SET GLOBAL time_zone = DEFAULT"},
		{"SET GLOBAL max_statement_time = 0.000001", "SET GLOBAL max_statement_time = 0"},
		{"SET GLOBAL sql_auto_is_null = 1", "SET GLOBAL sql_auto_is_null = 0"},
		{"SET GLOBAL lock_wait_timeout = 1, GLOBAL innodb_lock_wait_timeout = 1, GLOBAL wait_timeout = 1",
			"SET GLOBAL lock_wait_timeout = DEFAULT, GLOBAL innodb_lock_wait_timeout = DEFAULT, GLOBAL wait_timeout = DEFAULT"},
		{"SET GLOBAL group_concat_max_len = 4, GLOBAL div_precision_increment = 0, GLOBAL low_priority_updates = 1, GLOBAL max_sort_length = 64, GLOBAL foreign_key_checks = 0, GLOBAL unique_checks = 0",
			"SET GLOBAL group_concat_max_len = DEFAULT, GLOBAL div_precision_increment = DEFAULT, GLOBAL low_priority_updates = 0, GLOBAL max_sort_length = DEFAULT, GLOBAL foreign_key_checks = 1, GLOBAL unique_checks = 1"},
		{"SET GLOBAL character_set_server = 'latin1', GLOBAL collation_connection = 'gbk_chinese_ci', GLOBAL character_set_client = 'gbk', GLOBAL character_set_results = 'gbk'",
			"SET GLOBAL character_set_server = DEFAULT, GLOBAL collation_connection = DEFAULT, GLOBAL character_set_client = DEFAULT, GLOBAL character_set_results = DEFAULT"},
		{"SET GLOBAL old_mode = 'NO_DUP_KEY_WARNINGS_WITH_IGNORE,ZERO_DATE_TIME_CAST'", "SET GLOBAL old_mode = DEFAULT"},
		{modes + "''", modes + "DEFAULT"},
		{modes + "'ANSI_QUOTES'", modes + "DEFAULT"},
		{modes + "'NO_BACKSLASH_ESCAPES'", modes + "DEFAULT"},
		{modes + "'PIPES_AS_CONCAT,IGNORE_SPACE,HIGH_NOT_PRECEDENCE,NO_UNSIGNED_SUBTRACTION,PAD_CHAR_TO_FULL_LENGTH,REAL_AS_FLOAT'", modes + "DEFAULT"},
		{modes + "'ORACLE'", modes + "DEFAULT"},
		{modes + "'MSSQL'", modes + "DEFAULT"},
		{modes + "'TRADITIONAL,ONLY_FULL_GROUP_BY,NO_ZERO_DATE,NO_ZERO_IN_DATE,EMPTY_STRING_IS_NULL'", modes + "DEFAULT"},
		{"SET GLOBAL init_connect = 'SET autocommit = 0'", "SET GLOBAL init_connect = ''"},
		{"SET GLOBAL init_connect = 'SET NAMES gbk'", "SET GLOBAL init_connect = ''"},
		{"SET GLOBAL init_connect = 'SET timestamp = 1000000000'", "SET GLOBAL init_connect = ''"},
		{"SET GLOBAL init_connect = 'START TRANSACTION READ ONLY'", "SET GLOBAL init_connect = ''"},
		{"SET GLOBAL init_connect = 'SET SESSION TRANSACTION READ ONLY'", "SET GLOBAL init_connect = ''"},
		{"SET GLOBAL init_connect = \"SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES', time_zone = '-11:00', collation_connection = 'utf8mb4_bin'\"", "SET GLOBAL init_connect = ''"},
	} {
		t.Run(c.change, func(t *testing.T) { s.fixture(t, fmt.Sprintf("pushd%d", i), c.change, c.back).live() })
	}
}

// A server that is set up with what can't be changed while it runs.
func TestSession_SettingsOfTheServer(t *testing.T) {
	for _, arg := range []string{"--innodb-rollback-on-timeout=ON", "--lower-case-table-names=1", "--character-set-server=gbk", "--skip-innodb-strict-mode"} {
		t.Run(arg, func(t *testing.T) {
			srv, err := mariadb.Start(t.Context(), mariadb.WithArgs(arg))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { srv.Stop() })
			if err := srv.Exec(t.Context(), "", "CREATE DATABASE live"); err != nil {
				t.Fatal(err)
			}
			if err := srv.Exec(t.Context(), "live", schema(t)); err != nil {
				t.Fatal(err)
			}
			raw, err := sql.Open("mysql", srv.DSN("live")+"?interpolateParams=true&charset=utf8mb4")
			if err != nil {
				t.Fatal(err)
			}
			newFixture(t, store.MySQL(), srv.DSN("live"), raw).live()
		})
	}
}

// live takes a job through its life and looks at every step from outside.
func (f *fixture) live() {
	t := f.t
	t.Helper()
	const title = `it's a "test" \' -- 课🙂`
	f.set(`UPDATE activity SET title = 'plain' WHERE id = ?`, actID)
	before, err := f.Now(f.ctx)
	f.ok(err)
	j := f.walked(openids("oA", "oa", "oé🙂"), openids("oD", "oE"))
	if d := j.CreatedAt.Sub(before); d < 0 || d > grace {
		t.Errorf("created %v after now", d)
	}
	if f.status(actID) != 1 || f.number(`SELECT COUNT(*) FROM pushd_job`) != 1 || f.number(`SELECT COUNT(*) FROM pushd_page`) != 2 {
		t.Error("what was answered is not committed")
	}
	f.message(j.Lease(), pushd.Prepared{Message: &pushd.Message{TemplateID: "tpl1", Data: map[string]string{"thing1": title}}, StartTime: start})
	if got := f.job(j.ID).Prepared.Message; got == nil || got.Data["thing1"] != title {
		t.Errorf("message %+v", got)
	}
	for range 2 { // unchanged rows count as well
		f.record(j.Lease(), 1, sent, failed, unknown)
	}
	f.record(j.Lease(), 2, sent, skipped)
	if n := f.number(`SELECT COUNT(*) FROM pushd_progress`); n != 2 {
		t.Errorf("%d rows of progress are committed", n)
	}
	rows, err := f.Progress(f.ctx, j.ID, 1, 2)
	if err != nil || len(rows) != 2 {
		t.Errorf("%d pages of progress, %v", len(rows), err)
	}
	if p, err := f.Recipient(f.ctx, j.ID, "oé🙂"); err != nil || p.Person != unknown {
		t.Errorf("recipient %+v %v", p, err)
	}
	if _, err := f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: start, Deadline: future}); !errors.Is(err, pushd.ErrExists) {
		t.Errorf("made twice: %v", err)
	}
	if _, err := f.Create(f.ctx, pushd.Job{ActID: 9, AppID: pushd.AppID(strings.Repeat("x", 65)), Deadline: future}); err == nil {
		t.Error("an appid was cut in silence")
	}
	list, _, err := f.Jobs(f.ctx, pushd.Filter{Limit: 10})
	if err != nil || len(list) != 1 || list[0].Counts.Settled() != 5 {
		t.Errorf("list %+v %v", list, err)
	}
	other := f.create(actID+1, "wx2")
	if list, _, err = f.Jobs(f.ctx, pushd.Filter{Limit: 10}); err != nil || len(list) != 2 {
		t.Errorf("%d jobs in the list, %v", len(list), err)
	}
	f.ok(f.SaveTexts(f.ctx, appID, pushd.Texts{TemplateID: "tpl1", Content: title, Fields: map[string]string{"thing1": title}}))
	if texts, err := f.Texts(f.ctx, appID, "tpl1"); err != nil || texts.Content != title || texts.Fields["thing1"] != title {
		t.Errorf("texts %+v %v", texts, err)
	}
	f.ok(f.Finish(f.ctx, j.Lease(), succeeded))
	if f.status(actID) != 2 || f.number(`SELECT COUNT(*) FROM pushd_job WHERE state = 'succeeded'`) != 1 {
		t.Error("the end is not committed")
	}
	taken, err := f.Claim(f.ctx, alice, other.ID, term)
	f.ok(err)
	if f.number(`SELECT COUNT(*) FROM pushd_job WHERE state = 'running'`) != 1 {
		t.Error("the claim is not committed")
	}
	left := int64(7)
	f.ok(f.SaveQuota(f.ctx, taken.Lease(), &left, nil)) // a statement outside of a transaction
	if f.number(`SELECT COUNT(*) FROM pushd_job WHERE quota_remain = 7`) != 1 {
		t.Error("a single statement is not committed")
	}
	if _, err := f.Command(f.ctx, other.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Canceled}); err != nil {
		t.Error(err)
	}
	if n := f.number(`SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_id <> 0 AND trx_mysql_thread_id <> CONNECTION_ID()`); n != 0 {
		t.Errorf("%d transactions were left open", n)
	}
}
