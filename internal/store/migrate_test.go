package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pushd"
	"pushd/internal/mariadb"
	"pushd/internal/migrate"
	"pushd/internal/store"
)

func TestStore_MigrateTwiceAtOnce(t *testing.T) {
	name, err := server.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var stores []*store.Store
	for range 4 {
		s, err := store.Open(t.Context(), store.Options{DSN: server.DSN(name), MaxConns: 2, Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		stores = append(stores, s)
	}
	if ok, err := stores[0].Migrated(t.Context()); ok || err != nil {
		t.Fatalf("an empty database is migrated: %v %v", ok, err)
	}
	atOnce(len(stores), func(i int) {
		if err := stores[i].Migrate(t.Context()); err != nil {
			t.Error(err)
		}
	})
	if ok, err := stores[0].Migrated(t.Context()); !ok || err != nil {
		t.Errorf("migrated: %v %v", ok, err)
	}
}

// A migration that was cut off behind any of its statements, before its version was
// noted, is repeated: the tables are then those of one that was not.
func TestStore_MigrateAfterACut(t *testing.T) {
	f := onMariaDB(t)
	tables := func() (text string) {
		rows, err := f.raw.Query(`SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name LIKE 'pushd%' ORDER BY table_name`)
		f.ok(err)
		defer rows.Close()
		for rows.Next() {
			var name, is string
			f.ok(rows.Scan(&name))
			f.ok(f.raw.QueryRow("SHOW CREATE TABLE "+name).Scan(&name, &is))
			text += regexp.MustCompile(` AUTO_INCREMENT=\d+`).ReplaceAllString(is, "") + "\n"
		}
		return text
	}
	want := tables()
	for version := range len(migrationTexts(t)) {
		f.set(`DELETE FROM pushd_schema WHERE version_id > ?`, version)
		if version == 12 { // it makes a table behind the change of another
			f.set(`DROP TABLE pushd_refusal`)
		}
		if err := f.Migrate(f.ctx); err != nil {
			t.Fatalf("from version %d on: %v", version, err)
		}
		if got := tables(); got != want {
			t.Errorf("from version %d on: %s\nwant %s", version, got, want)
		}
	}
}

func TestStore_MigrateRefusesNewerTables(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		f.ok(f.Migrate(f.ctx)) // again is nothing
		f.set(`INSERT INTO pushd_schema (version_id, is_applied) VALUES (999, 1)`)
		if _, err := f.Migrated(f.ctx); err == nil || !strings.Contains(err.Error(), "999") {
			t.Errorf("migrated: %v", err)
		}
		if err := f.Migrate(f.ctx); err == nil {
			t.Error("tables of a newer program were accepted")
		}
	})
}

// Tables of a newer program that lets this one go on are worked on by both at the
// same time; of one that does not, this one takes nothing.
func TestStore_ProgramsOfTwoVersions(t *testing.T) {
	f := onMariaDB(t)
	newest := slices.Max(slices.Collect(maps.Keys(migrationTexts(t))))
	mine, err := strconv.ParseInt(newest[:5], 10, 64)
	f.ok(err)
	newer := func(number int64, text string) *store.Store {
		t.Helper()
		files := fstest.MapFS{}
		for name, text := range migrationTexts(t) {
			files[name] = &fstest.MapFile{Data: []byte(text)}
		}
		files[fmt.Sprintf("%05d_later.sql", number)] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + text)}
		opt := f.opt
		opt.Dialect.Migrations = files
		s, err := store.Open(f.ctx, opt)
		f.ok(err)
		t.Cleanup(func() { s.Close() })
		return s
	}
	before := f.walked(openids("oX"))
	next := newer(mine+1, "ALTER TABLE pushd_job ADD COLUMN later INT NOT NULL DEFAULT 7;")
	f.ok(next.Migrate(f.ctx))
	for _, s := range []*store.Store{f.Store, next} {
		if ok, err := s.Migrated(f.ctx); !ok || err != nil {
			t.Errorf("migrated: %v %v", ok, err)
		}
	}
	f.ok(f.Migrate(f.ctx)) // of the older one is nothing
	f.record(before.Lease(), 1, sent)
	f.ok(f.Finish(f.ctx, before.Lease(), succeeded))
	f.channel(43, "wx2")
	g := *f
	g.Store = next
	made, err := f.Create(f.ctx, pushd.Job{ActID: 43, AppID: "wx2", StartTime: start, Deadline: future})
	f.ok(err)
	taken, err := g.Claim(f.ctx, bob, made.ID, term)
	f.ok(err)
	if _, err := f.Claim(f.ctx, alice, made.ID, term); !errors.Is(err, pushd.ErrLost) {
		t.Errorf("both have a job: %v", err)
	}
	f.ok(g.Finish(f.ctx, taken.Lease(), pushd.Ending{State: pushd.Canceled}))

	f.ok(newer(mine+2, "-- breaks older programs\n\nALTER TABLE pushd_job ADD COLUMN later2 INT NOT NULL DEFAULT 7;").Migrate(f.ctx))
	if ok, err := f.Migrated(f.ctx); ok || !errors.Is(err, migrate.ErrNewer) {
		t.Errorf("migrated: %v %v", ok, err)
	}
	if err := f.Migrate(f.ctx); !errors.Is(err, migrate.ErrNewer) {
		t.Errorf("migrate: %v", err)
	}
}

// The printed SQL makes the same tables as the program does.
func TestDialect_Print(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		var text bytes.Buffer
		f.ok(f.opt.Dialect.Print(&text))
		for _, table := range []string{"pushd_job", "pushd_page", "pushd_progress", "pushd_template", "pushd_message", "pushd_install", "pushd_hold", "pushd_event", "pushd_alarm", "pushd_account", "pushd_refusal", "pushd_receipt", "pushd_receipt_page", "pushd_schema"} {
			f.set(`DROP TABLE ` + table)
		}
		if f.opt.Dialect.Shared {
			f.set(`DROP TABLE pushd_schema_state`)
		}
		if ok, err := f.Migrated(f.ctx); ok || err != nil {
			t.Fatalf("migrated without tables: %v %v", ok, err)
		}
		f.set(text.String())
		if ok, err := f.Migrated(f.ctx); !ok || err != nil {
			t.Errorf("migrated by hand: %v %v", ok, err)
		}
		f.ok(f.Migrate(f.ctx))
		f.claimed(alice)
	})
}

// Both dialects have the same tables and columns.
func TestDialects_HaveTheSameTables(t *testing.T) {
	a, b := onMariaDB(t), onSQLite(t)
	for _, table := range []string{"pushd_job", "pushd_page", "pushd_progress", "pushd_template", "pushd_message", "pushd_install", "pushd_hold", "pushd_event", "pushd_alarm", "pushd_account", "pushd_refusal", "pushd_receipt", "pushd_receipt_page", "activity", "activity_detail", "user", "user_wx_account", "user_wx_config"} {
		if x, y := a.columns(table), b.columns(table); !slices.Equal(x, y) {
			t.Errorf("%s: mariadb %v, sqlite %v", table, x, y)
		}
	}
}

func (f *fixture) columns(table string) []string {
	f.t.Helper()
	rows, err := f.raw.QueryContext(f.ctx, `SELECT * FROM `+table+` WHERE 1 = 0`)
	f.ok(err)
	defer rows.Close()
	names, err := rows.Columns()
	f.ok(err)
	return names
}

// The SQL keeps to what MySQL 5.6 to 8, MariaDB and TiDB have in common.
func TestMigrations_UseCommonSQL(t *testing.T) {
	var text bytes.Buffer
	if err := store.MySQL().Print(&text); err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"0900", "JSON)", " JSON ", "RETURNING", "GENERATED", "CHECK (", "DESC)"} {
		if strings.Contains(text.String(), word) {
			t.Errorf("the tables use %q", word)
		}
	}
	tables := strings.Count(text.String(), "CREATE TABLE")
	if n := strings.Count(text.String(), "ENGINE=InnoDB"); n != tables {
		t.Errorf("%d tables, %d with ENGINE=InnoDB", tables, n)
	}
}

// Two accounts of the database, with exactly the rights that docs name, are
// enough: one for "pushd migrate", one for the daemon.
func TestStore_GrantsSuffice(t *testing.T) {
	srv, err := mariadb.Start(t.Context(), mariadb.WithGrants())
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Stop()
	exec := func(db, text string) {
		t.Helper()
		if err := srv.Exec(t.Context(), db, text); err != nil {
			t.Fatal(err)
		}
	}
	open := func(user string) *store.Store {
		t.Helper()
		s, err := store.Open(t.Context(), store.Options{DSN: srv.UserDSN(user, "pw", "live"), Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	exec("", "CREATE DATABASE live; CREATE USER migrate@localhost IDENTIFIED BY 'pw'; CREATE USER pushd@localhost IDENTIFIED BY 'pw'")
	exec("live", schema(t))
	exec("live", `
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX ON live.* TO migrate@localhost`)
	if err := open("migrate").Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	exec("live", "GRANT SELECT ON pushd_schema TO pushd@localhost; GRANT SELECT ON pushd_job TO pushd@localhost") // not all that an upgrade has made
	if needed, _, err := open("pushd").Lacking(t.Context()); err != nil || !slices.Contains(needed, "INSERT on pushd_job") || slices.Contains(needed, "SELECT on pushd_job") {
		t.Errorf("with one right of all: lacks %q, %v", needed, err)
	}
	exec("live", `
GRANT SELECT ON live.activity TO pushd@localhost;
GRANT SELECT, UPDATE (live_notify_status) ON live.activity_detail TO pushd@localhost;
GRANT SELECT (uin, appid) ON live.user_wx_account TO pushd@localhost;
GRANT SELECT ON live.user_wx_config TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE, DELETE ON live.pushd_job TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE, DELETE ON live.pushd_page TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE, DELETE ON live.pushd_progress TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE, DELETE ON live.pushd_template TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE, DELETE ON live.pushd_message TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE ON live.pushd_install TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE, DELETE ON live.pushd_hold TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE ON live.pushd_account TO pushd@localhost;
GRANT SELECT, INSERT, DELETE ON live.pushd_refusal TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE, DELETE ON live.pushd_event TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE, DELETE ON live.pushd_alarm TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE, DELETE ON live.pushd_receipt TO pushd@localhost;
GRANT SELECT, INSERT, UPDATE, DELETE ON live.pushd_receipt_page TO pushd@localhost;
GRANT SELECT ON live.pushd_schema TO pushd@localhost;
GRANT SELECT ON live.pushd_schema_state TO pushd@localhost`)
	exec("live", `
INSERT INTO activity (id, uin) VALUES (42, 42);
INSERT INTO activity_detail (act_id) VALUES (42);
INSERT INTO user_wx_account (uin, appid) VALUES (42, '`+string(appID)+`')`)
	f := &fixture{Store: open("pushd"), t: t, ctx: t.Context()}
	if ok, err := f.Migrated(f.ctx); !ok || err != nil {
		t.Fatalf("migrated: %v %v", ok, err)
	}
	_, err = f.Channel(f.ctx, actID)
	f.ok(err)
	j := f.walked(openids("oA", "oB"))
	f.record(j.Lease(), 1, sent, failed)
	f.ok(f.Finish(f.ctx, j.Lease(), succeeded))
	_, err = f.SaveReceipts(f.ctx, j.ID, []pushd.FoundReceipts{{Page: 1, Receipts: []pushd.IndexedReceipt{{Receipt: pushd.ReceiptDelivered}}}})
	f.ok(err)
	_, err = f.CloseReceipts(f.ctx, -time.Hour)
	f.ok(err)
	_, err = f.Purge(f.ctx, future)
	f.ok(err)
	_, _, err = f.SetHold(f.ctx, pushd.Hold{})
	f.ok(err)
	_, err = f.LiftHold(f.ctx, "")
	f.ok(err)
	if all, _, err := f.Events(f.ctx, pushd.EventFilter{Limit: 10}); err != nil || len(all) < 2 { // which a missing right would leave out
		t.Errorf("%d events, %v", len(all), err)
	}
	_, err = f.Purge(f.ctx, future)
	f.ok(err)
}

// A migration adds, so that the program before it can go on with the tables: or
// it says that it does not let it.
func TestMigrations_OnlyAdd(t *testing.T) {
	for name, text := range migrationTexts(t) {
		if name < "00006" || strings.Contains(text, "\n-- breaks older programs\n") {
			continue
		}
		for _, fault := range notAdding(text) {
			t.Errorf("%s: %s; the version before can't work with that: say so by a line \"-- breaks older programs\"", name, fault)
		}
	}
	for text, faults := range map[string]int{
		"CREATE TABLE t (a INT NOT NULL); ALTER TABLE t\n  ADD COLUMN b INT NOT NULL DEFAULT 0,\n  ADD COLUMN c TEXT NULL;": 0,
		"CREATE INDEX i ON t (a); ALTER TABLE t ADD KEY (b);":                                                               0,
		"ALTER TABLE t ADD COLUMN b INT NOT NULL;":                                                                          1,
		"ALTER TABLE t ADD COLUMN b INT NULL,\n  DROP COLUMN a;":                                                            1,
		"ALTER TABLE t MODIFY COLUMN a BIGINT;":                                                                             1,
		"CREATE UNIQUE INDEX i ON t (a);":                                                                                   1,
		"DROP TABLE t; UPDATE u SET a = 1;":                                                                                 2,
	} {
		if got := notAdding(text); len(got) != faults {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// An older program, which does not know of a column that keeps a job from sending to
// everyone, must not take that job up.
func TestMigrations_WhoIsLeftOut(t *testing.T) {
	for _, column := range []string{"audience", "first_n"} {
		found := false
		for name, text := range migrationTexts(t) {
			if !strings.Contains(text, "ADD COLUMN "+column+" ") {
				continue
			}
			if found = true; !strings.Contains(text, "\n-- breaks older programs\n") {
				t.Errorf("%s adds %s, and lets older programs send to all", name, column)
			}
		}
		if !found {
			t.Errorf("no migration adds %s", column)
		}
	}
}

// migrationTexts are the migrations of MySQL, by the name of the file.
func migrationTexts(t *testing.T) map[string]string {
	t.Helper()
	files := store.MySQL().Migrations
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(b)
	}
	return texts
}

// comment is one of SQL; clauses begin on a line of their own.
var (
	comment = regexp.MustCompile(`(?m)^--.*$`)
	quoted  = regexp.MustCompile(`'(?:[^']|'')*'`)
)

// notAdding is what of a migration does more than add tables, indices, and columns
// that have a value where a program does not give them one.
func notAdding(text string) (faults []string) {
	text = quoted.ReplaceAllString(comment.ReplaceAllString(text, ""), "''")
	for statement := range strings.SplitSeq(text, ";") {
		statement = strings.Join(strings.Fields(strings.ToUpper(statement)), " ")
		switch {
		case statement == "", strings.HasPrefix(statement, "CREATE TABLE "), strings.HasPrefix(statement, "CREATE INDEX "):
		case strings.HasPrefix(statement, "ALTER TABLE "):
			_, clauses, _ := strings.Cut(statement, " ADD ")
			clauses = "ADD " + clauses
			for clause := range strings.SplitSeq(strings.ReplaceAll(clauses, ", ADD ", ";ADD "), ";") {
				column := strings.HasPrefix(clause, "ADD COLUMN ")
				free := strings.Contains(clause, " DEFAULT ") || strings.Contains(clause, " NULL") && !strings.Contains(clause, " NOT NULL")
				other := strings.Contains(clause, ", ") && !strings.Contains(clause, "(")
				if !column && !strings.HasPrefix(clause, "ADD KEY ") && !strings.HasPrefix(clause, "ADD INDEX ") || column && !free || other {
					faults = append(faults, clause)
				}
			}
		default:
			faults = append(faults, statement)
		}
	}
	return faults
}
