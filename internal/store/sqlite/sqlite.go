// Package sqlite is the dialect of package store for SQLite: the ledger of
// the demo, and of those who try pushd without a server. It is a package of
// its own so that the production binary does not link the engine.
package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"pushd/internal/migrate"
	"pushd/internal/mysqlconn"
	"pushd/internal/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Dialect is the dialect for a database in a file; the DSN is the file's
// path. The database's clock is now, time.Now if nil.
func Dialect(now func() time.Time) sqldb.Dialect {
	if now == nil {
		now = time.Now
	}
	files, _ := fs.Sub(migrations, "migrations") // it is embedded
	return sqldb.Dialect{
		Name:   "sqlite",
		Driver: "sqlite",
		Open: func(dsn string, _ *mysqlconn.Login, _ *time.Location, _ *slog.Logger) (*sql.DB, error) {
			return open(dsn, now)
		},
		Now:         `pushd_now()`,
		Size:        `SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`, // the whole file
		Duplicate:   duplicate,
		Transient:   transient,
		LockTimeout: func(error) bool { return false },
		Locks:       func(string) (string, string) { return "", "" }, // one program has the file
		Down:        func(error) bool { return false },
		// One file, one program: no other process migrates.
		Schema: migrate.Schema{
			Migrations: files,
			Goose:      goose.DialectSQLite3,
			NoTable:    func(err error) bool { return strings.Contains(err.Error(), "no such table") },
			Versions: `CREATE TABLE IF NOT EXISTS pushd_schema (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  version_id INTEGER NOT NULL,
  is_applied INTEGER NOT NULL,
  tstamp     TIMESTAMP DEFAULT (datetime('now'))
);`,
		},
	}
}

// open gives the pool a driver of its own, which knows the clock.
func open(path string, now func() time.Time) (*sql.DB, error) {
	d := &sqlite.Driver{}
	clock := func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) { return now().UnixMicro(), nil }
	if err := d.RegisterScalarFunction("pushd_now", 0, clock); err != nil {
		return nil, err
	}
	// A transaction that begins as a reader and then writes can fail at
	// once whatever the timeout, so all begin as writers.
	q := url.Values{
		"_pragma": {"busy_timeout(20000)", "journal_mode(WAL)", "synchronous(FULL)"},
		"_txlock": {"immediate"},
	}
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
	return sql.OpenDB(connector{d, dsn}), nil
}

// connector opens connections with one driver.
type connector struct {
	driver *sqlite.Driver
	dsn    string
}

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }

func (c connector) Driver() driver.Driver { return c.driver }

func duplicate(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

func transient(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
}
