package php_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pushd/deploy/php/phptest"
	"pushd/internal/mariadb"
)

// doctor.php names what is wrong, each with what to do, and says that all is well
// where it is.
func TestDoctor(t *testing.T) {
	m := newManager(t, accepted)
	migrated(t, m.host)
	good := m.host.With(phptest.Settings{"token_key": tokenKey})
	for _, c := range []struct {
		name string
		set  phptest.Settings
		sql  string
		want string
	}{
		{"well", nil, "", ""},
		{"no key", phptest.Settings{"token_key": " "}, "", "FAIL  settings: token_key is not set"},
		{"plain text", phptest.Settings{"url": "http://pushd.example"}, "", "FAIL  settings: url: use https"},
		{"database", phptest.Settings{"db_dsn": "mysql:unix_socket=/nonexistent", "db_password": "marked-db-password"}, "", "FAIL  database: cannot open"},
		{"wrong key", phptest.Settings{"api_key": "marked-wrong"}, "", "FAIL  pushd: it does not know this key"},
		{"nobody", phptest.Settings{"url": "http://127.0.0.1:9"}, "", "FAIL  pushd: no answer of pushd, is url right?"},
		{"query", phptest.Settings{"due_query": "SELECT nothing FROM nowhere"}, "", "FAIL  due_query:"},
		{"host's tables", phptest.Settings{"host_secret": strings.Repeat("s", 32)}, "", "from host/001_tables: run php migrate.php"},
		{"a name of the host", phptest.Settings{"host_secret": strings.Repeat("s", 32)}, "ALTER TABLE activity CHANGE title heading VARCHAR(255) NOT NULL", "FAIL  columns of activity: "},
		{"tables", nil, "DELETE FROM pushd_php_schema WHERE name = 'core/003_refusals_and_lock'", "FAIL  tables: 1 migrations are missing, from core/003_refusals_and_lock"},
		{"no table", nil, "DROP TABLE pushd_php_lock", "FAIL  rights on pushd_php_lock:"},
	} {
		if c.sql != "" {
			m.exec(t, c.sql)
		}
		run := good.With(c.set).Script(t.Context(), t, filepath.Join(phptest.Dir(), "doctor.php"))
		well := !strings.Contains(run.Stdout, "FAIL")
		if run.Code != map[bool]int{true: 0, false: 2}[c.want == ""] || well != (c.want == "") || !strings.Contains(run.Stdout, c.want) {
			t.Errorf("%s: %d\n%s%s", c.name, run.Code, run.Stdout, run.Stderr)
		}
		if strings.Contains(run.Stdout+run.Stderr, "marked-") {
			t.Errorf("%s: a secret is shown", c.name)
		}
	}
}

// Of the sample host every table is looked at that it reads or writes: what lacks
// a right would be an error that an owner reads.
func TestDoctor_Host(t *testing.T) {
	m := newManager(t, accepted)
	migrated(t, m.host, "--host")
	run := m.host.With(phptest.Settings{"token_key": tokenKey, "host_secret": strings.Repeat("s", 32)}).Script(t.Context(), t, filepath.Join(phptest.Dir(), "doctor.php"))
	if run.Code != 0 || !strings.Contains(run.Stdout, "ok    rights on activity_detail\n") {
		t.Fatalf("%+v", run)
	}
	for _, m := range regexp.MustCompile(`CREATE TABLE IF NOT EXISTS (\w+)`).FindAllStringSubmatch(hostSchema(t), -1) {
		if !strings.Contains(run.Stdout, "ok    rights on "+m[1]+"\n") {
			t.Errorf("%s is not looked at:\n%s", m[1], run.Stdout)
		}
	}
}

// A right that is missing is named, with the table.
func TestDoctor_RightsOfTheHost(t *testing.T) {
	own, err := mariadb.Start(t.Context(), mariadb.WithGrants())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.Stop() })
	p := platformOn(t, own, "root")
	migrated(t, phptest.New(t, p.settings()), "--host")
	p.exec(t, "CREATE USER php@localhost; GRANT SELECT ON "+p.name+".* TO php@localhost; GRANT UPDATE ON "+p.name+".activity TO php@localhost")
	p.user = "php"
	h := phptest.New(t, p.settings()).With(phptest.Settings{"token_key": tokenKey, "api_key": apiKey, "host_secret": strings.Repeat("s", 32)})
	run := h.Script(t.Context(), t, filepath.Join(phptest.Dir(), "doctor.php"))
	for _, want := range []string{"ok    rights on activity\n", "FAIL  rights on activity_detail: ", "FAIL  rights on host_brakes: ", "FAIL  rights on host_consent: "} {
		if !strings.Contains(run.Stdout, want) {
			t.Errorf("no %q:\n%s", want, run.Stdout)
		}
	}
}

func hostSchema(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("host/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A clock that is wrong is named.
func TestDoctor_Clock(t *testing.T) {
	p := strange(t, []string{"--init-connect=SET timestamp = UNIX_TIMESTAMP() + 600"})
	m := managerOn(t, p, accepted)
	run := m.host.With(phptest.Settings{"token_key": tokenKey}).Script(t.Context(), t, filepath.Join(phptest.Dir(), "doctor.php"))
	if run.Code != 2 || !strings.Contains(run.Stdout, " s behind the database; set it right (NTP)") {
		t.Errorf("%+v", run)
	}
}
