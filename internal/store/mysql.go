package store

import (
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// MySQL is the dialect of MySQL 5.6 to 8, MariaDB from 10.3 and TiDB.
func MySQL() Dialect {
	files, _ := fs.Sub(migrations, "migrations") // it is embedded
	meanings := newMeanings()
	return Dialect{
		Name:   "mysql",
		Driver: "mysql",
		Open:   openMySQL,
		// UTC_TIMESTAMP knows no time zone of the session and no daylight
		// saving, and statement based replication may copy it.
		Now: `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))`,
		// Names, and no pattern: the server would open every table of the database.
		Size: `
SELECT COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0)
FROM information_schema.TABLES
WHERE TABLE_SCHEMA = DATABASE()
  AND TABLE_NAME IN ('pushd_job', 'pushd_page', 'pushd_progress', 'pushd_template', 'pushd_message', 'pushd_install', 'pushd_hold', 'pushd_event', 'pushd_alarm')`,
		Duplicate: func(err error) bool { return isMySQL(err, 1062) },
		Transient: meanings.passes,
		// Who saves a channel may hold its row for long.
		LockTimeout: func(err error) bool { return isMySQL(err, 1205) },
		Locks:       mysqlLocks,
		Down:        meanings.down,
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
		StateTable: stateTable,
		Lock:       newTurn().take,
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
	cfg.RejectReadOnly = false // the node hears of it, see errno.go
	cfg.Timeout = orElse(cfg.Timeout, 5*time.Second)
	cfg.ReadTimeout = orElse(cfg.ReadTimeout, readTimeout)
	cfg.WriteTimeout = orElse(cfg.WriteTimeout, 30*time.Second)
	cfg.Logger = driverLog{log}
	cfg.Collation = ""
	if err := cfg.Apply(mysql.Charset("utf8mb4", "")); err != nil {
		return nil, fmt.Errorf("database DSN: %w", err)
	}
	settings := sessionOf(cfg, zone, time.Now())
	nodes, err := newNodes(cfg, log)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(&session{nodes: nodes, all: settings, log: log}), nil
}

func orElse(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}

func isMySQL(err error, number uint16) bool {
	e, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && e.Number == number
}

// driverLog sends the driver's remarks about broken connections to the log.
type driverLog struct{ log *slog.Logger }

func (l driverLog) Print(v ...any) { l.log.Debug("mysql driver", "text", fmt.Sprint(v...)) }
