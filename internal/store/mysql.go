package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// MySQL is the dialect of MySQL 5.6 to 8, MariaDB from 10.3 and TiDB.
func MySQL() Dialect {
	files, _ := fs.Sub(migrations, "migrations") // it is embedded
	return Dialect{
		Name:   "mysql",
		Driver: "mysql",
		Open:   openMySQL,
		// UTC_TIMESTAMP knows no time zone of the session and no daylight
		// saving, and statement based replication may copy it.
		Now:       `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))`,
		Duplicate: func(err error) bool { return isMySQL(err, 1062) },
		Transient: func(err error) bool { return isMySQL(err, 1205, 1213, 1020, 9007, 8002, 8022, 8028) },
		// Who saves a channel may hold its row for long.
		LockTimeout: func(err error) bool { return isMySQL(err, 1205) },
		Locks:       mysqlLocks,
		Down:        mysqlDown,
		NoTable:     func(err error) bool { return isMySQL(err, 1146) },
		Migrations:  files,
		Goose:       goose.DialectMySQL,
		SchemaTable: `CREATE TABLE IF NOT EXISTS pushd_schema (
  id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  version_id BIGINT          NOT NULL,
  is_applied BOOLEAN         NOT NULL,
  tstamp     DATETIME        NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (id)
) ENGINE=InnoDB;`,
		Lock: lockMySQL,
	}
}

// readTimeout is how long the answer of one statement may take.
const readTimeout = 30 * time.Second

// openMySQL sets what the ledger's correctness rests on, whatever the DSN and
// the server say: rows are counted as matched, statements travel in one round
// trip, text is UTF-8; the rest is in session.go.
func openMySQL(dsn string, zone *time.Location, log *slog.Logger) (*sql.DB, error) {
	if zone == nil {
		zone = time.UTC
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil || cfg.DBName == "" {
		// The driver's own error may quote a part of the password.
		return nil, errors.New("database DSN: want user:password@tcp(host:3306)/database")
	}
	cfg.ClientFoundRows = true
	cfg.InterpolateParams = true
	cfg.ParseTime = false
	cfg.MultiStatements = false
	cfg.RejectReadOnly = true // a demoted primary (1290, 1792) is left behind
	cfg.Timeout = orElse(cfg.Timeout, 5*time.Second)
	cfg.ReadTimeout = orElse(cfg.ReadTimeout, readTimeout)
	cfg.WriteTimeout = orElse(cfg.WriteTimeout, 30*time.Second)
	cfg.Logger = driverLog{log}
	cfg.Collation = ""
	if err := cfg.Apply(mysql.Charset("utf8mb4", "")); err != nil {
		return nil, fmt.Errorf("database DSN: %w", err)
	}
	settings := sessionOf(cfg, zone, time.Now())
	conn, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, errors.New("database DSN: its parameters contradict each other")
	}
	return sql.OpenDB(&session{Connector: conn, all: settings, log: log}), nil
}

func orElse(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}

// lockMySQL takes a lock of the server that ends with its connection.
func lockMySQL(ctx context.Context, db *sql.DB) (func(), error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, `SET wait_timeout = 28800`); err != nil { // it idles meanwhile, and is closed after
		conn.Close()
		return nil, err
	}
	var got sql.NullInt64
	for tries := 0; err == nil && got.Int64 != 1; tries++ {
		if tries == 6 {
			err = errors.New("another migration has been running for a minute")
			break
		}
		// Ten seconds are well below the read timeout.
		err = conn.QueryRowContext(ctx, `SELECT GET_LOCK(LEFT(CONCAT('pushd_schema ', DATABASE()), 64), 10)`).Scan(&got)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return func() {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // closes it for good: the lock goes
		conn.Close()
	}, nil
}

func isMySQL(err error, numbers ...uint16) bool {
	e, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && slices.Contains(numbers, e.Number)
}

// mysqlDown knows the ways in which a server says that it is not there, or
// takes no writes now, and those in which it is not there.
func mysqlDown(err error) bool {
	if isMySQL(err,
		1040, 1203, 1226, // too many connections
		1047,             // a node of a cluster without quorum, or not ready
		1053, 1129, 3032, // shutting down, closed to this host, offline
		1158, 1159, 1160, 1161, // the line is broken
		1021,                   // the disk is full
		1290, 1792, 1836, 3100, // read only, or the group refuses
		1317, 1969, 3024, // a statement took too long, or was killed
		1927, 2006, 2013, 3169, 4031, // the connection was killed
		9001, 9002, 9003, 9005, // TiDB's storage does not answer
	) {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	for _, gone := range []error{driver.ErrBadConn, mysql.ErrInvalidConn, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}

// driverLog sends the driver's remarks about broken connections to the log.
type driverLog struct{ log *slog.Logger }

func (l driverLog) Print(v ...any) { l.log.Debug("mysql driver", "text", fmt.Sprint(v...)) }
