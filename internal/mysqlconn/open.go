// Package mysqlconn opens connections to MySQL, MariaDB and TiDB: to which of
// several nodes, with which settings of the session, and what is meant by the
// numbers of the errors that a server answers with.
package mysqlconn

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-sql-driver/mysql"
)

// readTimeout is how long the answer of one statement may take.
const readTimeout = 30 * time.Second

// Open prepares a pool for a data source name, whose sessions are in zone (UTC if
// nil); a node that does not read table is not fit. login, which may be nil, is how
// user and password can change. The error never shows the password.
//
// It sets what the ledger's correctness rests on, whatever the DSN and the server
// say: rows are counted as matched, statements travel in one round trip, text is
// UTF-8; the rest is in session.go.
func Open(dsn string, login *Login, table string, zone *time.Location, log *slog.Logger) (*sql.DB, error) {
	if zone == nil {
		zone = time.UTC
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil || cfg.DBName == "" {
		return nil, errNoDSN
	}
	if login != nil {
		login.dsn, login.table = dsn, table
		if err := cfg.Apply(mysql.BeforeConnect(login.before)); err != nil {
			return nil, fmt.Errorf("database DSN: %w", err)
		}
	}
	cfg.ClientFoundRows = true
	cfg.InterpolateParams = true
	cfg.ParseTime = false
	cfg.MultiStatements = false
	cfg.RejectReadOnly = false // the node observes it, see errno.go
	cfg.Timeout = orElse(cfg.Timeout, 5*time.Second)
	cfg.ReadTimeout = orElse(cfg.ReadTimeout, readTimeout)
	cfg.WriteTimeout = orElse(cfg.WriteTimeout, 30*time.Second)
	cfg.Logger = driverLog{log}
	cfg.Collation = ""
	if err := cfg.Apply(mysql.Charset("utf8mb4", "")); err != nil {
		return nil, fmt.Errorf("database DSN: %w", err)
	}
	settings := sessionOf(cfg, zone, time.Now())
	nodes, err := newNodes(cfg, login, table, log)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(&session{nodes: nodes, all: settings, log: log}), nil
}

// errNoDSN takes the place of the driver's own error, which may quote a part of the
// password.
var errNoDSN = errors.New("database DSN: want user:password@tcp(host:3306)/database")

func orElse(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}

// driverLog sends the driver's remarks about broken connections to the log.
type driverLog struct{ log *slog.Logger }

func (l driverLog) Print(v ...any) { l.log.Debug("mysql driver", "text", fmt.Sprint(v...)) }
