package doctor

import (
	"cmp"
	"context"
	"database/sql"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"pushd/internal/mysqlconn"
	"pushd/internal/platform"
	"pushd/internal/settings"
	"pushd/internal/store"
)

// packetMin is more than a page of 10,000 openids takes with its overhead.
const packetMin = 1 << 20

// database checks everything about the database, over sessions like those of a
// running pushd.
func (o Options) database(ctx context.Context, r *report) {
	zone, err := o.Location()
	if err != nil {
		r.fail("settings", "%v", err)
		return
	}
	db, err := openDatabase(o.MySQLDSN, zone)
	if err != nil {
		r.fail("database", "%v", err)
		return
	}
	defer db.Close()
	reach, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := db.PingContext(reach); err != nil {
		r.fail("database", "cannot be reached: %v", err)
		return
	}
	s, err := openStore(ctx, o.Settings, zone)
	if err != nil {
		r.fail("database", "%v", err)
		return
	}
	defer s.Close()
	checkServer(ctx, r, db)
	checkClock(ctx, r, db)
	checkSession(ctx, r, db, mysqlconn.SessionSettings(string(o.MySQLDSN), zone))
	status := cmp.Or(settings.WithoutTail(o.StatusUpdate), platform.DefaultStatusUpdate)
	o.checkChannel(ctx, r, s, zone)
	checkStatus(ctx, r, db, status, o.StatusFailed, o.ActID)
	checkStatusTable(ctx, r, db, status)
	if o.AudienceQuery != "" {
		o.checkAudience(ctx, r, s)
	}
	if o.CallbackSecret != "" {
		o.checkCallback(ctx, r, s)
	}
	if o.DueQuery != "" {
		checkDue(ctx, r, s, time.Now())
	}
	if o.DueList != "" {
		checkDueList(ctx, r, s, time.Now())
	}
	checkAccounts(ctx, r, db)
	if migrated(ctx, r, s) && checkTables(ctx, r, db) {
		checkReadBack(ctx, r, db)
		checkNodes(ctx, r, o.MySQLDSN, zone)
		o.checkState(ctx, r, db, s)
	}
}

// migrated says whether the tables are those of this program.
func migrated(ctx context.Context, r *report, s *store.Store) bool {
	switch done, err := s.Migrated(ctx); {
	case err != nil:
		r.fail("tables", "%v; run pushd migrate, and grant SELECT on pushd_schema and pushd_schema_state", err)
	case !done:
		r.fail("tables", "are missing or old; run pushd migrate")
	default:
		return true
	}
	return false
}

// openStore opens the store as far as the checks need it.
func openStore(ctx context.Context, s settings.Settings, zone *time.Location) (*store.Store, error) {
	return store.Open(ctx, store.Options{
		DSN: string(s.MySQLDSN), Queries: s.Queries(), StatusFailed: s.StatusFailed, Location: zone, MaxConns: 2, Logger: slog.New(slog.DiscardHandler),
	})
}

// openDatabase opens sessions like pushd's.
func openDatabase(dsn settings.Secret, zone *time.Location) (*sql.DB, error) {
	return store.MySQL().Open(string(dsn), nil, zone, slog.New(slog.DiscardHandler))
}

// checkServer looks at the server itself.
func checkServer(ctx context.Context, r *report, db *sql.DB) {
	var version string
	var readOnly, packet int64
	err := db.QueryRowContext(ctx, "SELECT VERSION(), @@read_only, @@max_allowed_packet").Scan(&version, &readOnly, &packet)
	if err != nil {
		r.fail("database", "%v", err)
		return
	}
	r.ok("database", "answers; version %s", version)
	if readOnly != 0 {
		r.fail("database", "is read-only; point PUSHD_MYSQL_DSN at the primary")
	}
	if packet < packetMin {
		r.fail("database", "max_allowed_packet is %d; set it to %d or more", packet, packetMin)
	}
}

// checkClock compares the clock of the node in use with this machine's.
func checkClock(ctx context.Context, r *report, db *sql.DB) {
	ahead, err := clockAhead(ctx, db)
	if err != nil {
		r.fail("database", "%v", err)
		return
	}
	if by := ahead.apart(offset{}); by > skewMax {
		r.warn("database", "its clock and this machine's are %v apart; run NTP on both", by.Round(100*time.Millisecond))
	}
}

// checkTables looks for pushd's tables and tries the rights on them. It says
// whether all is well.
func checkTables(ctx context.Context, r *report, db *sql.DB) bool {
	own, good := store.Rights(), true
	for _, table := range slices.Sorted(maps.Keys(own)) {
		column, err := anyColumn(ctx, db, table)
		if err != nil {
			r.fail("tables", "%s: %v; see the GRANTs in docs/operations.md", table, err)
			good = false
			continue
		}
		var refused []string
		for _, verb := range own[table] {
			if err := rolledBack(ctx, db, store.Attempt(verb, table, column)); err != nil {
				refused = append(refused, verb)
			}
		}
		if refused != nil {
			r.fail("grants", "on %s; as root: GRANT %s ON %s TO the user of PUSHD_MYSQL_DSN", table, strings.Join(refused, ", "), table)
			good = false
		}
	}
	if good {
		r.ok("tables", "there, with the rights that pushd needs")
	}
	return good
}

// anyColumn names a column of a table in the DSN's database.
func anyColumn(ctx context.Context, db *sql.DB, table string) (string, error) {
	rows, err := db.QueryContext(ctx, "SELECT * FROM "+table+" WHERE 1 = 0")
	if err != nil {
		return "", err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return "", err
	}
	return columns[0], rows.Err()
}

// rolledBack runs a statement and takes it back.
func rolledBack(ctx context.Context, db *sql.DB, statement string, args ...any) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	_, err = tx.ExecContext(ctx, statement, args...)
	return err
}
