package php_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"pushd/deploy/php/phptest"
	"pushd/internal/mariadb"
)

// withHost makes migrate.php apply the migrations of the sample host as well.
const withHost = "--host"

// migrate runs migrate.php.
func migrate(t testing.TB, h *phptest.Host, args ...string) phptest.Run {
	t.Helper()
	return h.Script(t.Context(), t, filepath.Join(phptest.Dir(), "migrate.php"), args...)
}

// migrated runs migrate.php and wants it to succeed.
func migrated(t testing.TB, h *phptest.Host, args ...string) string {
	t.Helper()
	run := migrate(t, h, args...)
	if run.Code != 0 || run.Stderr != "" {
		t.Fatalf("migrate.php: %+v", run)
	}
	return run.Stdout
}

// tables describes what the database of a host holds.
func tables(t testing.TB, h *phptest.Host) string {
	t.Helper()
	run := h.Script(t.Context(), t, "testdata/tables.php")
	if run.Code != 0 || !strings.Contains(run.Stdout, "wx_access_token") {
		t.Fatalf("%+v", run)
	}
	return run.Stdout
}

// load runs files of SQL in the database of a host.
func load(t testing.TB, h *phptest.Host, files ...string) {
	t.Helper()
	if run := h.Script(t.Context(), t, "testdata/load.php", files...); run.Code != 0 {
		t.Fatalf("%+v", run)
	}
}

// database is an empty database of either kind, and a host that uses it.
func database(t testing.TB, kind string) *phptest.Host {
	t.Helper()
	if kind == "sqlite" {
		return phptest.New(t, phptest.Settings{"db_dsn": "sqlite:" + filepath.Join(t.TempDir(), "php.db")})
	}
	return phptest.New(t, emptyOn(t, server, "root").settings())
}

func bothKinds(t *testing.T, run func(t *testing.T, kind string)) {
	for _, kind := range []string{"mariadb", "sqlite"} {
		t.Run(kind, func(t *testing.T) { run(t, kind) })
	}
}

// sameTables compares two descriptions.
func sameTables(t *testing.T, what, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	has := map[string]bool{}
	for _, line := range strings.Split(got, "\n") {
		has[line] = true
	}
	wants := map[string]bool{}
	for _, line := range strings.Split(want, "\n") {
		wants[line] = true
		if !has[line] {
			t.Errorf("%s: want %s", what, line)
		}
	}
	for line := range has {
		if !wants[line] {
			t.Errorf("%s: has  %s", what, line)
		}
	}
}

// schema.sql and host/schema.sql show what all migrations together make. A
// migration that was added wants the same change there.
func TestMigrate_SchemaIsTheSumOfAll(t *testing.T) {
	bothKinds(t, func(t *testing.T, kind string) {
		h, shown := database(t, kind), database(t, kind)
		load(t, shown, "schema.sql", "host/schema.sql")
		if said := migrated(t, h, withHost); !strings.Contains(said, "core/001_tables: applied\n") {
			t.Errorf("it said %q", said)
		}
		want := tables(t, shown)
		sameTables(t, "the migrations against schema.sql", tables(t, h), want)
		if said := migrated(t, h, withHost); said != "the tables are up to date\n" {
			t.Errorf("the second time it said %q", said)
		}
		migrated(t, shown, withHost)
		sameTables(t, "schema.sql with the migrations", tables(t, shown), want)
	})
}

var migrationName = regexp.MustCompile(`^(\d{3})_[a-z0-9_]+\.sql$`)

// Numbers go up by one, so that two who add a migration meet when they merge.
func TestMigrate_Numbers(t *testing.T) {
	for _, dir := range []string{"migrations", "host/migrations"} {
		files, err := os.ReadDir(dir)
		if err != nil || len(files) == 0 {
			t.Fatal(dir, err)
		}
		for i, file := range files {
			m := migrationName.FindStringSubmatch(file.Name())
			if m == nil || m[1] != fmt.Sprintf("%03d", i+1) {
				t.Errorf("%s/%s should be %03d_….sql", dir, file.Name(), i+1)
			}
		}
	}
}

// Wherever a run is killed, the next one finishes. DDL of a server is slow, so some
// places do there.
func TestMigrate_AnyStatementMayBeTheLast(t *testing.T) {
	bothKinds(t, func(t *testing.T, kind string) {
		whole := database(t, kind)
		migrated(t, whole, withHost)
		want := tables(t, whole)
		step := map[string]int{"mariadb": 5, "sqlite": 1}[kind]
		for done, all := 1, 1; done <= all; done += step {
			h := database(t, kind)
			run := h.Script(t.Context(), t, "testdata/halfway.php", fmt.Sprint(done))
			if _, err := fmt.Sscan(run.Stdout, &all); err != nil || run.Code != 0 {
				t.Fatalf("%+v", run)
			}
			migrated(t, h, withHost)
			sameTables(t, fmt.Sprintf("after %d of %d statements", done, all), tables(t, h), want)
		}
	})
}

// Tables that were there before anything was recorded become what new ones are,
// with what is in them.
func TestMigrate_AdoptsOlderTables(t *testing.T) {
	whole := phptest.New(t, emptyOn(t, server, "root").settings())
	migrated(t, whole, withHost)
	want := tables(t, whole)
	older := map[string]string{
		"of today":     "",
		"of the start": "ALTER TABLE wx_access_token DROP COLUMN secret_hash, DROP COLUMN failed_at, DROP COLUMN failed_code, DROP COLUMN failed_text, DROP COLUMN busy_until, DROP COLUMN busy_by",
		"by hand":      "ALTER TABLE wx_access_token DROP COLUMN failed_text, DROP COLUMN busy_until, DROP COLUMN busy_by",
		"as the server likes": `ALTER TABLE host_follow DROP PRIMARY KEY, MODIFY scene VARCHAR(64) NOT NULL, ADD PRIMARY KEY (appid, openid, created_at, kind);
			ALTER TABLE host_trial MODIFY detail VARCHAR(255) NOT NULL DEFAULT '';
			ALTER TABLE wx_access_token ENGINE=MyISAM, CONVERT TO CHARACTER SET utf8mb4; ALTER TABLE host_follow ENGINE=MyISAM, CONVERT TO CHARACTER SET gbk;
			ALTER TABLE pushd_php_attempt CONVERT TO CHARACTER SET latin1; ALTER TABLE host_trial CONVERT TO CHARACTER SET utf8mb4;
			INSERT INTO host_trial VALUES ('n', 1, 'wx1', 't', 1, 0, 'failed', '模板')`,
	}
	for name, change := range older {
		t.Run(name, func(t *testing.T) {
			p := emptyOn(t, server, "root")
			h := phptest.New(t, p.settings())
			load(t, h, "schema.sql", "host/schema.sql")
			p.exec(t, "DROP TABLE pushd_php_schema; INSERT INTO wx_access_token (appid, access_token) VALUES ('wx1', 'kept'); "+change)
			migrated(t, h, withHost)
			got := strings.Split(tables(t, h), "\n")
			sameTables(t, name, unordered(got), unordered(strings.Split(want, "\n")))
			if n := p.number(t, "SELECT COUNT(*) FROM wx_access_token WHERE access_token = 'kept'"); n != 1 {
				t.Errorf("%d rows were kept", n)
			}
			if n := p.number(t, "SELECT COUNT(*) FROM host_trial WHERE detail <> '模板'"); n != 0 {
				t.Error("a text was changed")
			}
		})
	}
}

// unordered leaves out at which place of its table a column is.
func unordered(lines []string) string {
	place := regexp.MustCompile(`^(\["\w+"),"?\d+"?,`)
	for i, line := range lines {
		lines[i] = place.ReplaceAllString(line, "$1,")
	}
	return strings.Join(lines, "\n")
}

// Several machines are upgraded at once: each change is made once, and all find
// the tables ready.
func TestMigrate_SeveralAtOnce(t *testing.T) {
	bothKinds(t, func(t *testing.T, kind string) {
		h := database(t, kind)
		const machines = 6
		said := make([]phptest.Run, machines)
		var wg sync.WaitGroup
		for i := range machines {
			wg.Go(func() { said[i] = migrate(t, h, withHost) })
		}
		wg.Wait()
		applied := map[string]int{}
		for _, run := range said {
			if run.Code != 0 || !strings.Contains(run.Stdout, "the tables are up to date") {
				t.Errorf("%+v", run)
			}
			for _, m := range regexp.MustCompile(`(?m)^(\S+): applied$`).FindAllStringSubmatch(run.Stdout, -1) {
				applied[m[1]]++
			}
		}
		if len(applied) < 6 {
			t.Errorf("applied: %v", applied)
		}
		for name, n := range applied {
			if n != 1 {
				t.Errorf("%s was applied by %d", name, n)
			}
		}
	})
}

// A lease that is another's is waited for; one whose holder has died, or whose
// clock was ahead, ends.
func TestMigrate_Lease(t *testing.T) {
	p := emptyOn(t, server, "root")
	h := phptest.New(t, p.settings())
	migrated(t, h)
	forget := "DELETE FROM pushd_php_schema WHERE name = 'core/003_refusals_and_lock'"
	for _, until := range []string{"UNIX_TIMESTAMP() - 1", "UNIX_TIMESTAMP() + 1000"} {
		p.exec(t, forget+"; UPDATE pushd_php_schema SET busy_by = 'another', busy_until = "+until+" WHERE name = 'lease'")
		if said := migrated(t, h); !strings.Contains(said, "core/003_refusals_and_lock: applied, 5 of its 5 changes were there already\n") || strings.Contains(said, "waiting") {
			t.Errorf("%s: it said %q", until, said)
		}
	}
	p.exec(t, forget+"; UPDATE pushd_php_schema SET busy_by = 'another', busy_until = UNIX_TIMESTAMP() + 2 WHERE name = 'lease'")
	if said := migrated(t, h); !strings.Contains(said, "waiting for it\ncore/003_refusals_and_lock: applied") {
		t.Errorf("it said %q", said)
	}
}

// What can't be done is named with its place, and is done once the reason is gone.
func TestMigrate_Failures(t *testing.T) {
	own, err := mariadb.Start(t.Context(), mariadb.WithGrants())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.Stop() })
	p := emptyOn(t, own, "some")
	h := phptest.New(t, p.settings())
	p.exec(t, "REVOKE ALL ON "+p.name+".* FROM some@localhost; GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON "+p.name+".* TO some@localhost")
	run := migrate(t, h)
	if run.Code != 2 || !regexp.MustCompile(`^core/002_secret_hash, statement 1: .*ALTER command denied.*run it again`).MatchString(run.Stderr) {
		t.Errorf("without the right: %+v", run)
	}
	if n := p.number(t, "SELECT COUNT(*) FROM pushd_php_schema WHERE applied_at > 0"); n != 1 {
		t.Errorf("%d migrations are recorded", n)
	}
	p.exec(t, "GRANT ALTER, INDEX ON "+p.name+".* TO some@localhost")

	conn, err := p.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "BEGIN; SELECT * FROM wx_access_token"); err != nil {
		t.Fatal(err)
	}
	if run := migrate(t, h); run.Code != 1 || !strings.Contains(run.Stderr, "the table is in use, run it again") {
		t.Errorf("with the table in use: %+v", run)
	}
	if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if said := migrated(t, h); strings.Contains(said, "core/001") || !strings.Contains(said, "core/002_secret_hash: applied\n") {
		t.Errorf("at last: %q", said)
	}
	if run := migrate(t, h, "--frce"); run.Code != 2 || !strings.Contains(run.Stderr, "unknown option --frce") {
		t.Errorf("%+v", run)
	}
}

// What is printed, applied by hand, leaves nothing to do.
func TestMigrate_Print(t *testing.T) {
	bothKinds(t, func(t *testing.T, kind string) {
		h := database(t, kind)
		file := filepath.Join(t.TempDir(), "all.sql")
		write(t, file, migrated(t, h, withHost, "--print"))
		load(t, h, file)
		if said := migrated(t, h, withHost); said != "the tables are up to date\n" {
			t.Errorf("it said %q", said)
		}
		if said := migrated(t, h, withHost, "--print"); said != "" {
			t.Errorf("it printed %q", said)
		}
	})
}

// Whoever meets tables that are too old says what to do, once, and not that the
// database is silent.
func TestMigrate_TooOld(t *testing.T) {
	p := newPlatform(t)
	h := phptest.New(t, p.settings()).With(phptest.Settings{"api_key": apiKey, "token_key": tokenKey, "url": "http://127.0.0.1:9", "wechat_url": "http://127.0.0.1:9"})
	p.account(t, 1, "wx1")
	p.exec(t, "DROP TABLE pushd_php_attempt")
	run := h.Cron(t.Context(), t)
	if run.Code != 2 || strings.Count(run.Stderr, "run php migrate.php") != 1 || !strings.Contains(run.Stderr, "core/001_tables") {
		t.Errorf("cron: %+v", run)
	}
	p.exec(t, "ALTER TABLE wx_access_token DROP COLUMN busy_by")
	url := h.Serve(t)
	got := askAt(t, url, "appid=wx1")
	if got.Status != 500 || !strings.Contains(got.Msg, "older than its files: run php migrate.php") {
		t.Errorf("token.php: %+v", got)
	}
	migrated(t, h)
	p.exec(t, "ALTER TABLE user_wx_account DROP COLUMN app_secret")
	if got := askAt(t, url, "appid=wx1"); got.Status != 503 {
		t.Errorf("a query of the platform's that is wrong: %+v", got)
	}
	if run := h.Cron(t.Context(), t); strings.Contains(run.Stderr, "migrate") {
		t.Errorf("cron, with new tables: %+v", run)
	}
}
