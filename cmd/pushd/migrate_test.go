package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"pushd/internal/mariadb"
)

func TestMigrate_Print(t *testing.T) {
	var out bytes.Buffer
	// It needs no settings: a DBA may run it anywhere.
	if code := run(t.Context(), heard{}, []string{"migrate", "--print"}, nil, nil, &out, io.Discard); code != 0 || !strings.Contains(out.String(), "CREATE TABLE IF NOT EXISTS pushd_job") {
		t.Errorf("code %d, printed %s", code, out.String())
	}
}

func TestMigrate_OwnDSN(t *testing.T) {
	server, err := mariadb.Start(t.Context(), mariadb.WithGrants())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Stop() })
	db, err := server.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		env  []string
		code int
		want string
	}{
		{nil, exitUsage, "PUSHD_MYSQL_DSN: is required"},
		{[]string{"PUSHD_MIGRATE_DSN=mysql://x"}, exitUsage, "PUSHD_MIGRATE_DSN: is a URL"},
		{[]string{"PUSHD_MYSQL_DSN=" + server.UserDSN("nobody", "hunter2", db)}, exitFailed, "Access denied"},
		// the daemon's user may not create tables, that of migrate may
		{[]string{"PUSHD_MYSQL_DSN=" + server.UserDSN("nobody", "hunter2", db), "PUSHD_MIGRATE_DSN=" + server.DSN(db)}, exitOK, "up to date"},
		{[]string{"PUSHD_MYSQL_DSN=" + server.DSN(db)}, exitOK, "up to date"}, // again
	} {
		var out bytes.Buffer
		code := run(t.Context(), heard{}, []string{"migrate"}, c.env, nil, &out, &out)
		if code != c.code || !strings.Contains(out.String(), c.want) || strings.Contains(out.String(), "hunter2") {
			t.Errorf("%d: code %d, said %s", len(c.env), code, out.String())
		}
	}
}
