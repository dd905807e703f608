package doctor

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"pushd/internal/mysqlconn"
)

// checkSession compares what pushd's sessions set with what they then have,
// and looks at what no session can set.
func checkSession(ctx context.Context, r *report, db *sql.DB, settings []mysqlconn.Setting) {
	names := []string{"init_connect", "super_read_only", "innodb_read_only", "innodb_flush_log_at_trx_commit", "log_bin", "sync_binlog"}
	for _, s := range settings {
		names = append(names, s.Name)
	}
	mine, err := variables(ctx, db, "SESSION", names)
	if err != nil {
		r.fail("session", "%v", err)
		return
	}
	global, err := variables(ctx, db, "GLOBAL", names)
	if err != nil {
		r.fail("session", "%v", err)
		return
	}
	var others []string
	for _, s := range settings {
		have, known := mine[s.Name]
		switch {
		case !known || s.Value == "DEFAULT":
		case !sameValue(have, s.Value):
			r.fail("session", "%s is %q although pushd sets it to %s; does a proxy in between keep it to itself? It must pass SET on to the server", s.Name, have, s.Value)
		case global[s.Name] != have && !s.Yours:
			others = append(others, s.Name)
		}
	}
	if global["init_connect"] != "" {
		others = append(others, "init_connect")
	}
	if !r.failedAbout("session") {
		text := "has what pushd needs"
		if others != nil {
			text += "; server-wide it is otherwise, which does not matter: " + strings.Join(others, ", ")
		}
		r.ok("session", "%s", text)
	}
	checkWhole(ctx, r, db, global, mine)
}

// checkWhole looks at what holds for the whole server.
func checkWhole(ctx context.Context, r *report, db *sql.DB, global, mine map[string]string) {
	for _, name := range []string{"super_read_only", "innodb_read_only"} {
		if sameValue(global[name], "1") {
			r.fail("database", "%s is on; point PUSHD_MYSQL_DSN at the primary", name)
		}
	}
	if flush, known := global["innodb_flush_log_at_trx_commit"]; known && flush != "1" {
		r.warn("database", "innodb_flush_log_at_trx_commit is %s: a crash of the server takes back what it had acknowledged, and recipients may get the message twice; set it to 1", flush)
	}
	if sync := global["sync_binlog"]; sync != "" && sync != "1" && sameValue(global["log_bin"], "1") {
		r.warn("database", "sync_binlog is %s: a crash of the server takes from its replicas what was acknowledged, and after a failover recipients may get the message twice; set it to 1", sync)
	}
	if level := mine["group_replication_consistency"]; strings.HasPrefix(level, "EVENTUAL") {
		r.fail("session", "group_replication_consistency is %s: reads may be old; leave it out of PUSHD_MYSQL_DSN", level)
	}
	var name, nodes string
	err := db.QueryRowContext(ctx, "SHOW STATUS LIKE 'wsrep_cluster_size'").Scan(&name, &nodes)
	if n, _ := strconv.Atoi(nodes); err == nil && n > 1 && mine["wsrep_sync_wait"] == "0" {
		r.fail("session", "wsrep_sync_wait is 0 in a cluster of %d nodes: reads may be old; leave it out of PUSHD_MYSQL_DSN", n)
	}
}

// variables reads those system variables that the server knows.
func variables(ctx context.Context, db *sql.DB, scope string, names []string) (map[string]string, error) {
	rows, err := db.QueryContext(ctx, "SHOW "+scope+" VARIABLES WHERE Variable_name IN ('"+strings.Join(names, "','")+"')")
	if err != nil {
		return nil, fmt.Errorf("read the system variables: %w", err)
	}
	defer rows.Close()
	values := map[string]string{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, fmt.Errorf("read the system variables: %w", err)
		}
		values[strings.ToLower(name)] = value
	}
	return values, rows.Err()
}

// sameValue says whether a variable has a value, as a server shows the one and
// SQL writes the other.
func sameValue(have, want string) bool { return maps.Equal(valueSet(have), valueSet(want)) }

// valueSet is a value as the set of its parts: sql_mode has no order.
func valueSet(value string) map[string]bool {
	set := map[string]bool{}
	for part := range strings.SplitSeq(strings.ToUpper(strings.Trim(value, "'")), ",") {
		switch n, err := strconv.ParseFloat(part, 64); {
		case part == "OFF", part == "NO_CHAIN":
			part = "0"
		case part == "ON":
			part = "1"
		case err == nil:
			part = strconv.FormatFloat(n, 'f', -1, 64)
		}
		set[part] = true
	}
	return set
}
