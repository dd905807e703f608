package store_test

import (
	"slices"
	"strings"
	"testing"

	"pushd/internal/mariadb"
	"pushd/internal/store"
)

// Each right that is taken away is named, by a real server, and missed no more once it
// is given again. Without those that are vital no work is taken.
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
		if ok, err := s.Migrated(t.Context()); !ok || err != nil || s.Lacking(t.Context()) != nil {
			t.Fatalf("with all rights: %v, %v, lacks %q", ok, err, s.Lacking(t.Context()))
		}
	}
	whole()
	later := []string{"pushd_template", "pushd_alarm", "pushd_receipt", "pushd_receipt_page"}
	for table, verbs := range store.Rights() {
		for _, verb := range verbs {
			right := verb + " on " + table
			exec("REVOKE " + verb + " ON live." + table + " FROM pushd@localhost")
			ok, err := s.Migrated(t.Context())
			if verb == "DELETE" || slices.Contains(later, table) {
				if lacks := s.Lacking(t.Context()); !ok || err != nil || !slices.Contains(lacks, right) {
					t.Errorf("without %s: %v, %v, lacks %q", right, ok, err, lacks)
				}
			} else if ok || err == nil || !strings.Contains(err.Error(), right) || strings.Contains(err.Error(), "localhost") {
				t.Errorf("without %s: %v, %v", right, ok, err)
			}
			exec("GRANT " + verb + " ON live." + table + " TO pushd@localhost")
			whole()
		}
	}
}
