package store

import (
	"database/sql"
	"embed"
	"io/fs"
	"log/slog"
	"time"

	"github.com/pressly/goose/v3"

	"pushd/internal/migrate"
	"pushd/internal/mysqlconn"
	"pushd/internal/sqldb"
)

//go:embed migrations/*.sql
var migrations embed.FS

// MySQL is the dialect of MySQL 5.6 to 8, MariaDB from 10.3 and TiDB.
func MySQL() sqldb.Dialect {
	files, _ := fs.Sub(migrations, "migrations") // it is embedded
	return sqldb.Dialect{
		Name:   "mysql",
		Driver: "mysql",
		Open: func(dsn string, login *mysqlconn.Login, zone *time.Location, log *slog.Logger) (*sql.DB, error) {
			return mysqlconn.Open(dsn, login, migrate.VersionTable, zone, log)
		},
		// UTC_TIMESTAMP knows no time zone of the session and no daylight
		// saving, and statement based replication may copy it.
		Now: `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))`,
		// Names, and no pattern: the server would open every table of the database.
		Size: `
SELECT COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0)
FROM information_schema.TABLES
WHERE TABLE_SCHEMA = DATABASE()
  AND TABLE_NAME IN ('pushd_job', 'pushd_page', 'pushd_progress', 'pushd_template', 'pushd_message', 'pushd_install', 'pushd_hold', 'pushd_event', 'pushd_alarm', 'pushd_account', 'pushd_refusal', 'pushd_receipt', 'pushd_receipt_page')`,
		Duplicate: mysqlconn.Duplicate,
		Transient: mysqlconn.Passes,
		// Who saves a channel may hold its row for long.
		LockTimeout: mysqlconn.LockTimeout,
		Locks:       mysqlconn.LockWaits,
		Down:        mysqlconn.Down,
		Denied:      func(err error) string { return mysqlconn.Denied(err, "pushd_") },
		Schema: migrate.Schema{
			Migrations: files,
			Goose:      goose.DialectMySQL,
			Shared:     true,
			NoTable:    mysqlconn.NoTable,
			Made:       mysqlconn.Made,
			Versions: `CREATE TABLE IF NOT EXISTS pushd_schema (
  id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  version_id BIGINT          NOT NULL,
  is_applied BOOLEAN         NOT NULL,
  tstamp     DATETIME        NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (id)
) ENGINE=InnoDB;`,
		},
	}
}
