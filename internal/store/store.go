// Package store keeps jobs, pages and progress in the platform's own database
// (MySQL, MariaDB, TiDB).
//
// It is the ledger of package fanout. Three rules hold throughout:
//
//   - A claim, a command and a finish are each decided by one
//     compare-and-swap UPDATE, judged by its affected rows. The SQL needs no
//     isolation level, no row locks asked for, and no clock but the
//     database's.
//   - Every write carries the epoch of the claim it was made under and is
//     absolute, so it may be repeated, and lands never after a newer claim.
//   - Everything that two processes must not both have is a unique key:
//     a reminder, a channel's active job, an account's running job.
//
// Where to read what: claim.go and lease.go say who may work on a job, page.go
// and progress.go hold its recipients, worker.go and finish.go what a worker learns
// and how the job ends, command.go what the API asks for, read.go and failures.go
// what they look at, platform.go what the ledger wants of the platform's tables
// (internal/platform), and housekeeping.go and purge.go what is done beside the
// jobs.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"pushd"
	"pushd/internal/mysqlconn"
	"pushd/internal/platform"
	"pushd/internal/sqldb"
	"pushd/internal/store/eventlog"
	"pushd/internal/store/outbox"
)

var _ pushd.Ledger = (*Store)(nil)

// Options say where the database is and what the platform's tables are called.
type Options struct {
	// DSN names the database. It holds a password and is never shown.
	DSN string
	// Dialect is how to speak to it; MySQL() if empty.
	Dialect sqldb.Dialect
	// Queries are what is asked of the platform's tables.
	platform.Queries
	// StatusFailed is what live_notify_status becomes when a job ends
	// without completing; 3 if 0.
	StatusFailed int
	// Location is the zone of the platform's dates and times (PUSHD_TIMEZONE)
	// and of the session; UTC if nil.
	Location *time.Location
	// MaxConns is how many connections may be open; 32 if 0.
	MaxConns int
	// Denied, if not nil, hears of each call for which the database's user lacks a
	// right; see Store.Lacking.
	Denied func()
	// Logger gets what the driver has to say; slog.Default() if nil.
	Logger *slog.Logger
}

// Store is the database. Its methods may be called from many goroutines.
type Store struct {
	db  *sqlx.DB
	d   sqldb.Dialect
	sql *sqldb.DB // the same as db
	*outbox.Alarms
	opt Options
	// login is by which user and password connections are opened.
	login *mysqlconn.Login
	// rev numbers the progress writes of this process, so that one that was
	// given up, but is still under way in the server, cannot land on top of
	// a later one.
	rev atomic.Int64
	// platform is the platform's tables.
	platform *platform.Tables
	events   *eventlog.Log
	// odd holds the jobs whose row can't be decoded, each of which is logged
	// once: there are as many as were damaged by hand.
	odd sync.Map
	// salt is what Salt has read; nil until then.
	salt atomic.Pointer[string]
}

// Open prepares the connection pool. It connects only when needed, so a
// database that is down is no error here.
func Open(ctx context.Context, opt Options) (*Store, error) {
	if opt.Logger == nil {
		opt.Logger = slog.Default()
	}
	if opt.Dialect.Name == "" {
		opt.Dialect = MySQL()
	}
	if opt.StatusFailed == 0 {
		opt.StatusFailed = 3
	}
	if opt.Location == nil {
		opt.Location = time.UTC
	}
	if opt.MaxConns == 0 {
		opt.MaxConns = 32
	}
	login := &mysqlconn.Login{}
	db, err := opt.Dialect.Open(opt.DSN, login, opt.Location, opt.Logger)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(opt.MaxConns)
	db.SetMaxIdleConns(opt.MaxConns)
	db.SetConnMaxIdleTime(time.Minute)
	db.SetConnMaxLifetime(5 * time.Minute) // lets a proxy or a failover move us
	pool := &sqldb.DB{Pool: sqlx.NewDb(db, opt.Dialect.Driver), Dialect: opt.Dialect, Denied: opt.Denied}
	s := &Store{db: pool.Pool, d: opt.Dialect, sql: pool, Alarms: outbox.NewAlarms(pool), events: eventlog.New(pool, opt.Logger), opt: opt, login: login}
	s.platform = platform.New(opt.Queries, database{s}, opt.Location, opt.Logger)
	return s, nil
}

// Login goes on with user and password of another DSN of the same database, if that
// lets them in. Statements under way are not broken off.
func (s *Store) Login(ctx context.Context, dsn string) error {
	ctx, cancel := context.WithTimeout(ctx, loginFor)
	defer cancel()
	if err := s.login.Change(ctx, dsn); err != nil {
		return err
	}
	s.db.SetMaxIdleConns(-1) // closes those that nothing uses
	s.db.SetMaxIdleConns(s.opt.MaxConns)
	return nil
}

// loginFor is how long the database may take to let a new user in.
const loginFor = 10 * time.Second

// Close closes the connections.
func (s *Store) Close() error { return s.db.Close() }

// Now reads the database's clock.
func (s *Store) Now(ctx context.Context) (now pushd.Time, err error) {
	err = s.retry(ctx, func() error {
		return s.db.GetContext(ctx, &now, s.withClock(`SELECT {now}`))
	})
	if err != nil {
		return 0, fmt.Errorf("read the database's clock: %w", err)
	}
	return now, nil
}

// Down says that err means that the database cannot be reached or does not
// accept writes now, rather than that it refused a statement.
func (s *Store) Down(err error) bool { return err != nil && s.d.Down(err) }

// wrap names what was tried, and leaves the errors that fanout knows as they
// are, so that callers may also compare them.
func wrap(err error, format string, args ...any) error {
	for _, known := range []error{pushd.ErrLost, pushd.ErrAccountBusy, pushd.ErrNotFound, pushd.ErrExists, pushd.ErrIncomplete} {
		if errors.Is(err, known) {
			return known
		}
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
