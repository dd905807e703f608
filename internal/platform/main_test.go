package platform_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"pushd"
	"pushd/internal/mariadb"
	"pushd/internal/mysqlconn"
	"pushd/internal/platform"
	"pushd/internal/store/sqlite"
)

// server is the MariaDB of this test binary; every test has a database of its
// own on it.
var server *mariadb.Server

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if server, err = mariadb.Start(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer server.Stop()
	return m.Run()
}

const actID = pushd.ActID(42)

// fixture is a database with the platform's tables and one channel in them.
type fixture struct {
	*sqlx.DB
	open func(zone *time.Location) (*sql.DB, error)
	t    *testing.T
	ctx  context.Context
	q    platform.Queries
	zone *time.Location
}

// everywhere runs a test on every kind of database.
func everywhere(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Run("mariadb", func(t *testing.T) { test(t, onMariaDB(t)) })
	t.Run("sqlite", func(t *testing.T) { test(t, onSQLite(t)) })
}

func onMariaDB(t *testing.T) *fixture {
	t.Helper()
	name, err := server.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	schema, err := os.ReadFile("../../deploy/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Exec(t.Context(), name, string(schema)); err != nil {
		t.Fatal(err)
	}
	return newFixture(t, "mysql", "", func(zone *time.Location) (*sql.DB, error) {
		return mysqlconn.Open(server.DSN(name), nil, "pushd_schema", zone, nil)
	})
}

func onSQLite(t *testing.T) *fixture {
	t.Helper()
	file := filepath.Join(t.TempDir(), "platform.db")
	return newFixture(t, "sqlite", sqlite.PlatformSchema, func(zone *time.Location) (*sql.DB, error) {
		return sqlite.Dialect(nil).Open(file, nil, zone, nil)
	})
}

func newFixture(t *testing.T, driver, schema string, open func(*time.Location) (*sql.DB, error)) *fixture {
	t.Helper()
	db, err := open(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	f := &fixture{DB: sqlx.NewDb(db, driver), open: open, t: t, ctx: t.Context(), zone: time.UTC}
	if schema != "" {
		f.set(schema)
	}
	f.set(`INSERT INTO activity (id, uin, title, start_time, watch_url) VALUES (?, ?, ?, ?, ?)`, actID, actID, "第一课", at, "https://live.example/42")
	f.set(`INSERT INTO activity_detail (act_id, live_notify) VALUES (?, 1)`, actID)
	return f
}

// set changes the database.
func (f *fixture) set(query string, args ...any) {
	f.t.Helper()
	if _, err := f.ExecContext(f.ctx, query, args...); err != nil {
		f.t.Fatalf("%s: %v", strings.Join(strings.Fields(query), " "), err)
	}
}

func (f *fixture) ok(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) want(err, want error) {
	f.t.Helper()
	if err != want {
		f.t.Fatalf("error %v, want %v", err, want)
	}
}

// tables opens the platform's tables as a process would whose queries and zone
// are those of the fixture.
func (f *fixture) tables() reader {
	f.t.Helper()
	db, err := f.open(f.zone)
	f.ok(err)
	f.t.Cleanup(func() { db.Close() })
	return reader{platform.New(f.q, noLocks{}, f.zone, nil), sqlx.NewDb(db, f.DriverName())}
}

// reader reads channels over a pool.
type reader struct {
	tables *platform.Tables
	db     *sqlx.DB
}

func (r reader) Channel(ctx context.Context, id pushd.ActID) (pushd.Channel, error) {
	return r.tables.Channel(ctx, r.db, id)
}

// noLocks is a database in which nothing is written.
type noLocks struct{ platform.Database }

func (noLocks) Locks() (brief, usual string) { return "", "" }
