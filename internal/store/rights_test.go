package store_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"pushd/internal/mariadb"
	"pushd/internal/store"
)

// Each right that is taken away is named, by a real server, and missed no more once it
// is given again. Those without which no work is taken are set apart.
func TestStore_NamesMissingRights(t *testing.T) {
	srv, err := mariadb.Start(t.Context(), mariadb.WithGrants())
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Stop()
	exec := func(text string) {
		t.Helper()
		if err := srv.Exec(t.Context(), "", text); err != nil {
			t.Fatal(text, err)
		}
	}
	open := func(dsn string) *store.Store {
		t.Helper()
		s, err := store.Open(t.Context(), store.Options{DSN: dsn, Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	exec("CREATE DATABASE live; CREATE USER pushd@localhost IDENTIFIED BY 'pw'")
	if err := open(srv.DSN("live")).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	exec("GRANT SELECT ON live.pushd_schema TO pushd@localhost; GRANT SELECT ON live.pushd_schema_state TO pushd@localhost")
	for table, verbs := range store.Rights() {
		exec("GRANT " + strings.Join(verbs, ", ") + " ON live." + table + " TO pushd@localhost")
	}
	s := open(srv.UserDSN("pushd", "pw", "live"))
	whole := func() {
		t.Helper()
		if needed, rest, err := s.Lacking(t.Context()); err != nil || needed != nil || rest != nil {
			t.Fatalf("with all rights: lacks %q, %q, %v", needed, rest, err)
		}
	}
	whole()
	later := []string{"pushd_template", "pushd_alarm", "pushd_receipt", "pushd_receipt_page"}
	for table, verbs := range store.Rights() {
		for _, verb := range verbs {
			right := verb + " on " + table
			exec("REVOKE " + verb + " ON live." + table + " FROM pushd@localhost")
			needed, rest, err := s.Lacking(t.Context())
			if err != nil {
				t.Error(err)
			}
			if verb == "DELETE" || slices.Contains(later, table) {
				needed, rest = rest, needed
			}
			if !slices.Equal(needed, []string{right}) || rest != nil {
				t.Errorf("without %s: lacks %q, and not where it belongs %q", right, needed, rest)
			}
			exec("GRANT " + verb + " ON live." + table + " TO pushd@localhost")
			whole()
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if needed, rest, err := s.Lacking(ctx); err == nil {
		t.Errorf("a try that is cut short says that it lacks %q, %q", needed, rest)
	}
}
