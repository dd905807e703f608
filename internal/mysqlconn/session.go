package mysqlconn

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Setting is a system variable of MySQL's that pushd sets for its own
// sessions, because a server-wide value, or one of init_connect, would change
// what a statement does.
type Setting struct {
	// Name is the variable, as in SET SESSION.
	Name string
	// Value is SQL.
	Value string
	// Must says that pushd can't work without it. The others are set where
	// the server knows them and lets pushd.
	Must bool
	// Yours says that a parameter of the DSN wins.
	Yours bool
}

// noLimit is how MySQL writes a sql_select_limit that limits nothing. DEFAULT
// would be the server-wide value.
const noLimit = "18446744073709551615"

// sessionSettings are the settings of every session of pushd's in the order in
// which they are set. docs/decisions/the-session-says-what-it-needs.md gives
// the reasons, and the variables that are left alone.
func sessionSettings(zone string, readTimeout time.Duration) []Setting {
	seconds := max(1, int(readTimeout/time.Second))
	return []Setting{
		{Name: "autocommit", Value: "1", Must: true},
		{Name: "sql_mode", Value: "'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'", Must: true},
		{Name: "sql_select_limit", Value: noLimit, Must: true},
		{Name: "unique_checks", Value: "1", Must: true},
		{Name: "completion_type", Value: "0"},
		{Name: "sql_safe_updates", Value: "0"},
		{Name: "sql_big_selects", Value: "1"},
		{Name: "sql_auto_is_null", Value: "0"},
		{Name: "timestamp", Value: "DEFAULT"},
		{Name: "time_zone", Value: "'" + zone + "'"},

		// One of each pair is known, by age and kind of the server.
		{Name: "transaction_isolation", Value: "'REPEATABLE-READ'", Yours: true},
		{Name: "tx_isolation", Value: "'REPEATABLE-READ'", Yours: true},
		{Name: "transaction_read_only", Value: "0"},
		{Name: "tx_read_only", Value: "0"},
		{Name: "max_statement_time", Value: fmt.Sprint(seconds), Yours: true},
		{Name: "max_execution_time", Value: fmt.Sprint(seconds * 1000), Yours: true},

		{Name: "innodb_lock_wait_timeout", Value: fmt.Sprint(min(5, seconds)), Yours: true},
		{Name: "lock_wait_timeout", Value: fmt.Sprint(min(20, seconds)), Yours: true},
		{Name: "wait_timeout", Value: "90", Yours: true},

		// A cluster whose nodes lag waits before it answers.
		{Name: "wsrep_sync_wait", Value: "7", Yours: true},
		{Name: "group_replication_consistency", Value: "'BEFORE'", Yours: true},
	}
}

// SessionZone is the zone of pushd's sessions: that of the platform's dates
// and times, if it is the same offset all year; else UTC, for a server knows
// the names of zones only where they were loaded. A TIMESTAMP comes in
// this zone, and UNIX_TIMESTAMP() of a DATETIME takes it to be in it.
func SessionZone(zone *time.Location, now time.Time) *time.Location {
	_, offset := now.In(zone).Zone()
	for month := range 12 {
		if _, other := now.AddDate(0, month, 0).In(zone).Zone(); other != offset || other%60 != 0 {
			return time.UTC
		}
	}
	return time.FixedZone("", offset)
}

// session opens connections on which everything is set that pushd needs.
type session struct {
	*nodes
	all   []Setting
	log   *slog.Logger
	known atomic.Pointer[[]Setting] // those that the server takes
}

// sessionOf makes the settings of a DSN. Its own parameters win where they
// may, and are dropped where they may not.
func sessionOf(cfg *mysql.Config, zone *time.Location, now time.Time) []Setting {
	asked := map[string]bool{}
	for name := range cfg.Params {
		asked[bare(name)] = true
	}
	isolation := asked["transaction_isolation"] || asked["tx_isolation"]
	asked["transaction_isolation"], asked["tx_isolation"] = isolation, isolation
	settings := slices.DeleteFunc(sessionSettings(now.In(SessionZone(zone, now)).Format("-07:00"), cfg.ReadTimeout),
		func(s Setting) bool { return s.Yours && asked[s.Name] })
	for name := range cfg.Params {
		if i := slices.IndexFunc(settings, func(s Setting) bool { return s.Name == bare(name) }); i >= 0 {
			delete(cfg.Params, name)
		}
	}
	return settings
}

// SessionSettings are the settings of pushd's sessions with a DSN; none if it is
// no DSN.
func SessionSettings(dsn string, zone *time.Location) []Setting {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil
	}
	cfg.ReadTimeout = orElse(cfg.ReadTimeout, readTimeout)
	return sessionOf(cfg, zone, time.Now())
}

// LockWaits are the statements that shorten the waits for locks of rows and of
// tables in a session, and set them back to what the session has.
func LockWaits(dsn string) (brief, usual string) {
	var short, long []Setting
	cfg, _ := mysql.ParseDSN(dsn)
	for _, name := range []string{"innodb_lock_wait_timeout", "lock_wait_timeout"} {
		value := "DEFAULT"
		for _, s := range SessionSettings(dsn, time.UTC) {
			if s.Name == name {
				value = s.Value
			}
		}
		for param, own := range cfg.Params {
			if bare(param) == name {
				value = own
			}
		}
		short = append(short, Setting{Name: name, Value: "1"})
		long = append(long, Setting{Name: name, Value: value})
	}
	return statement(short...), statement(long...)
}

// bare is a variable's name without the scope that a DSN may give it.
func bare(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	return name[strings.LastIndexAny(name, ".@ ")+1:]
}

// Connect implements driver.Connector.
func (c *session) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.nodes.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.set(ctx, conn.(driver.ExecerContext)); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// set sets what the server is known to take in one statement; a server that is
// new, or another than before a failover, is tried setting by setting.
func (c *session) set(ctx context.Context, conn driver.ExecerContext) error {
	if known := c.known.Load(); known != nil {
		if _, err := conn.ExecContext(ctx, statement(*known...), nil); !refused(err) {
			return err
		}
	}
	var taken []Setting
	var failed []string
	for _, s := range c.all {
		_, err := conn.ExecContext(ctx, statement(s), nil)
		switch {
		case err == nil:
			taken = append(taken, s)
		case !refused(err):
			return err
		case s.Must:
			return fmt.Errorf("the database does not let pushd set %s = %s for its session: %w", s.Name, s.Value, err)
		default:
			failed = append(failed, s.Name)
		}
	}
	c.known.Store(&taken)
	c.log.Debug("settings of the session that the database does not have", "names", failed)
	return nil
}

func statement(settings ...Setting) string {
	var list []string
	for _, s := range settings {
		list = append(list, s.Name+" = "+s.Value)
	}
	return "SET " + strings.Join(list, ", ")
}

// refused says that a server knows no such variable, or not this value, or
// does not let pushd set it.
func refused(err error) bool {
	e, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && slices.Contains([]uint16{
		1064,       // a syntax error: a server that knows no such form of SET
		1193,       // no such variable
		1227,       // a privilege is missing
		1228,       // a variable of the session alone
		1229,       // a global variable
		1231,       // not this value
		1232,       // not a value of this type
		1235,       // not supported by this version
		1238,       // read-only
		1298,       // no such time zone
		1621,       // read-only in a session
		3566, 4053, // refusals of newer servers
	}, e.Number)
}
