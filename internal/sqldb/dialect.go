// Package sqldb runs statements on a database of any kind that pushd knows: again
// where they met another transaction, and by the database's own clock.
package sqldb

import (
	"database/sql"
	"log/slog"
	"time"

	"github.com/jmoiron/sqlx"

	"pushd/internal/migrate"
	"pushd/internal/mysqlconn"
)

// DB is a pool and how to speak to its database. Its methods may be called from
// many goroutines.
type DB struct {
	Pool    *sqlx.DB
	Dialect Dialect
	// Denied, if not nil, hears of each call that a right is missing for.
	Denied func()
}

// Dialect is everything in which databases differ for pushd. The statements
// themselves are the same for all of them.
type Dialect struct {
	Name   string // as it is shown
	Driver string // as sqlx knows it, for the kind of placeholders

	// Open prepares a pool for the data source name, whose sessions are in
	// zone. login, which may be nil, is how user and password can change, where
	// there are any. Its errors never show the password.
	Open func(dsn string, login *mysqlconn.Login, zone *time.Location, log *slog.Logger) (*sql.DB, error)
	// Now is an expression for the current time in microseconds since 1970.
	Now string

	// Size is a query for how many bytes pushd's tables take.
	Size string

	// Duplicate: the statement broke a unique key.
	Duplicate func(error) bool
	// Transient: the statement was rolled back and may succeed if it, and
	// the transaction it was in, are tried again.
	Transient func(error) bool
	// LockTimeout: the statement waited too long for a lock of another's.
	LockTimeout func(error) bool
	// Locks gives the statements between which nothing waits for a lock for
	// longer than a second, for a data source name; "" where there is no such
	// thing.
	Locks func(dsn string) (brief, usual string)
	// Down: the database cannot be reached or does not accept writes.
	Down func(error) bool
	// Denied says which right on one of pushd's tables a statement lacks, "" none;
	// nil where there are no rights.
	Denied func(error) string
	// Schema is pushd's tables.
	migrate.Schema
}
