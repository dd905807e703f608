package doctor

import (
	"context"
	"database/sql"
	"regexp"
	"strings"

	"pushd"
)

// checkStatus writes the status of a channel and takes it back; actID may be
// 0.
func checkStatus(ctx context.Context, r *report, db *sql.DB, update string, failed int, actID int64) {
	for _, status := range []int{pushd.StatusNotNotified, failed} {
		if err := rolledBack(ctx, db, update, status, actID); err != nil {
			r.fail("status update", "writing %d: %v; grant UPDATE (live_notify_status), see that the column can hold PUSHD_STATUS_FAILED, or set PUSHD_STATUS_UPDATE to fit the platform", status, err)
			return
		}
	}
	r.ok("status update", "may be written")
}

// target finds table and key column in a status update.
var target = regexp.MustCompile("(?is)^\\s*UPDATE\\s+([\\w.`]+)\\s.*\\sWHERE\\s+([\\w.`]+)\\s*=\\s*\\?")

// checkStatusTable wants a table with transactions, so that job and status
// change together, and one row per channel.
func checkStatusTable(ctx context.Context, r *report, db *sql.DB, update string) {
	m := target.FindStringSubmatch(update)
	if m == nil {
		r.warn("status table", "cannot be derived from PUSHD_STATUS_UPDATE; see that it is InnoDB and has one row per channel")
		return
	}
	table, key := strings.ReplaceAll(m[1], "`", ""), strings.ReplaceAll(m[2], "`", "")
	schema := sql.NullString{}
	name := table
	if s, n, ok := strings.Cut(table, "."); ok {
		schema, name = sql.NullString{String: s, Valid: true}, n
	}
	key = key[strings.LastIndexByte(key, '.')+1:]
	checkEngine(ctx, r, db, schema, name)
	checkUnique(ctx, r, db, schema, name, key, table)
}

const engineQuery = `
SELECT t.ENGINE, COALESCE(e.TRANSACTIONS, '')
FROM information_schema.TABLES t
LEFT JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE
WHERE t.TABLE_SCHEMA = COALESCE(?, DATABASE()) AND t.TABLE_NAME = ?`

func checkEngine(ctx context.Context, r *report, db *sql.DB, schema sql.NullString, table string) {
	var engine sql.NullString
	var transactions string
	err := db.QueryRowContext(ctx, engineQuery, schema, table).Scan(&engine, &transactions)
	switch {
	case err != nil:
		r.warn("status table", "engine of %s not known: %v", table, err)
	case !engine.Valid:
		r.warn("status table", "%s is a view; see that the table behind it is InnoDB", table)
	case transactions != "YES":
		r.fail("status table", "%s is %s, which has no transactions: ALTER TABLE %s ENGINE=InnoDB", table, engine.String, table)
	default:
		r.ok("status table", "%s is %s", table, engine.String)
	}
}

const uniqueQuery = `
SELECT COUNT(*) FROM (
  SELECT INDEX_NAME
  FROM information_schema.STATISTICS
  WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ? AND NON_UNIQUE = 0
  GROUP BY INDEX_NAME
  HAVING COUNT(*) = 1 AND MAX(LOWER(COLUMN_NAME)) = LOWER(?)
) u`

func checkUnique(ctx context.Context, r *report, db *sql.DB, schema sql.NullString, table, key, full string) {
	var unique int
	if err := db.QueryRowContext(ctx, uniqueQuery, schema, table, key).Scan(&unique); err == nil && unique > 0 {
		r.ok("status table", "%s has one row per %s", table, key)
		return
	}
	var twice string
	err := db.QueryRowContext(ctx, "SELECT "+key+" FROM "+full+" GROUP BY "+key+" HAVING COUNT(*) > 1 LIMIT 1").Scan(&twice)
	switch {
	case err == sql.ErrNoRows:
		r.warn("status table", "%s has one row per %s, but nothing keeps it so: ALTER TABLE %s ADD UNIQUE (%s)", table, key, full, key)
	case err != nil:
		r.warn("status table", "rows per %s not known: %v", key, err)
	default:
		r.fail("status table", "%s has several rows for one %s, such as %s; keep one of each", table, key, twice)
	}
}
