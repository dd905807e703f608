package php_test

import (
	"path/filepath"
	"strings"
	"testing"

	"pushd/deploy/php/phptest"
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

// A clock that is wrong is named.
func TestDoctor_Clock(t *testing.T) {
	p := strange(t, []string{"--init-connect=SET timestamp = UNIX_TIMESTAMP() + 600"})
	m := managerOn(t, p, accepted)
	run := m.host.With(phptest.Settings{"token_key": tokenKey}).Script(t.Context(), t, filepath.Join(phptest.Dir(), "doctor.php"))
	if run.Code != 2 || !strings.Contains(run.Stdout, " s behind the database; set it right (NTP)") {
		t.Errorf("%+v", run)
	}
}
