package mysqlconn_test

import (
	"strings"
	"testing"
	"time"

	"pushd/internal/mariadb"
	"pushd/internal/mysqlconn"
)

// A pool goes on as another user when the database lets that one in, and with no
// connection of the user before; a statement under way is not broken off.
func TestLogin_Change(t *testing.T) {
	srv, err := mariadb.Start(t.Context(), mariadb.WithGrants())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Stop() })
	exec := func(text string) {
		t.Helper()
		if err := srv.Exec(t.Context(), "", text); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE DATABASE live; CREATE USER one@localhost IDENTIFIED BY 'first'; GRANT ALL ON live.* TO one@localhost")
	var login mysqlconn.Login
	db, err := mysqlconn.Open(srv.UserDSN("one", "first", "live"), &login, "pushd_schema", time.UTC, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	who := func() (name string) {
		t.Helper()
		if err := db.QueryRowContext(t.Context(), "SELECT SUBSTRING_INDEX(USER(), '@', 1)").Scan(&name); err != nil {
			t.Fatal(err)
		}
		return name
	}
	if got := who(); got != "one" {
		t.Fatalf("it is %s", got)
	}
	long := make(chan error, 1)
	go func() {
		var n int
		long <- db.QueryRowContext(t.Context(), "SELECT SLEEP(1)").Scan(&n)
	}()

	for _, bad := range []struct{ dsn, want string }{
		{srv.UserDSN("two", "second-secret", "live"), "Access denied"},
		{srv.UserDSN("one", "first", "mysql"), "restart pushd"},
		{srv.UserDSN("one", "first", "live") + "?timeout=1s", "restart pushd"},
		{"one:second-secret@tcp(", "want user:password"},
	} {
		err := login.Change(t.Context(), bad.dsn)
		if err == nil || !strings.Contains(err.Error(), bad.want) || strings.Contains(err.Error(), "second-secret") {
			t.Errorf("%v, want %s", err, bad.want)
		}
	}
	if got := who(); got != "one" {
		t.Errorf("a bad DSN makes it %s", got)
	}

	exec("CREATE USER two@localhost IDENTIFIED BY 'second-secret'; GRANT ALL ON live.* TO two@localhost")
	if err := login.Change(t.Context(), srv.UserDSN("two", "second-secret", "live")); err != nil {
		t.Fatal(err)
	}
	exec("DROP USER one@localhost")
	if got := who(); got != "two" {
		t.Errorf("it is %s and not two", got)
	}
	if err := <-long; err != nil {
		t.Errorf("a statement under way: %v", err)
	}
	root, err := mysqlconn.Open(srv.DSN("live"), nil, "pushd_schema", time.UTC, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		who() // takes what the pool has
		var left int
		if err := root.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE user = 'one'").Scan(&left); err != nil {
			t.Fatal(err)
		}
		if left == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d connections of the first user are left", left)
		}
	}
}
