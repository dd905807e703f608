package mysqlconn

import (
	"context"
	"database/sql/driver"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// picky is a server that does not know every variable.
type picky struct {
	unknown []string
	number  uint16 // of the error for these
	broken  error
	asked   []string
}

func (p *picky) ExecContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Result, error) {
	p.asked = append(p.asked, query)
	if p.broken != nil {
		return nil, p.broken
	}
	for _, name := range p.unknown {
		if strings.Contains(query, " "+name+" = ") {
			return nil, &mysql.MySQLError{Number: p.number, Message: "no " + name}
		}
	}
	return driver.RowsAffected(0), nil
}

func newSession() *session {
	cfg := mysql.NewConfig()
	cfg.ReadTimeout = readTimeout
	return &session{all: sessionOf(cfg, time.FixedZone("", 8*3600), time.Now()), log: slog.New(slog.DiscardHandler)}
}

// What a server does not know, or does not let pushd set, is left out; the next
// connection takes one statement; a server that knows less, after a failover,
// is learned again.
func TestSession_LearnsTheServer(t *testing.T) {
	for _, number := range []uint16{1193, 1227, 1229, 1231, 1238} {
		s := newSession()
		first := &picky{unknown: []string{"tx_isolation", "max_execution_time", "wsrep_sync_wait"}, number: number}
		if err := s.set(t.Context(), first); err != nil || len(first.asked) != len(s.all) {
			t.Fatalf("%d: %v after %d statements", number, err, len(first.asked))
		}
		second := &picky{unknown: first.unknown, number: number}
		if err := s.set(t.Context(), second); err != nil || len(second.asked) != 1 || !strings.Contains(second.asked[0], "autocommit = 1, sql_mode = ") ||
			!strings.Contains(second.asked[0], "time_zone = '+08:00'") || strings.Contains(second.asked[0], " tx_isolation") {
			t.Errorf("%d: %v, %q", number, err, second.asked)
		}
		other := &picky{unknown: append(slices.Clone(first.unknown), "completion_type"), number: number}
		if err := s.set(t.Context(), other); err != nil || len(other.asked) != 1+len(s.all) {
			t.Errorf("%d: %v after %d statements", number, err, len(other.asked))
		}
		after := &picky{unknown: other.unknown, number: number}
		if err := s.set(t.Context(), after); err != nil || len(after.asked) != 1 {
			t.Errorf("%d: %v after %d statements", number, err, len(after.asked))
		}
	}
}

// A server that takes none of what pushd can't do without is refused by name.
func TestSession_NamesWhatItCannotDoWithout(t *testing.T) {
	for _, name := range []string{"autocommit", "sql_mode", "sql_select_limit", "unique_checks"} {
		err := newSession().set(t.Context(), &picky{unknown: []string{name}, number: 1227})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A connection that breaks meanwhile says nothing about the server.
func TestSession_BrokenConnection(t *testing.T) {
	s := newSession()
	for range 2 {
		if err := s.set(t.Context(), &picky{broken: driver.ErrBadConn}); !errors.Is(err, driver.ErrBadConn) || s.known.Load() != nil {
			t.Errorf("%v", err)
		}
	}
	if err := s.set(t.Context(), &picky{}); err != nil {
		t.Fatal(err)
	}
	if err := s.set(t.Context(), &picky{broken: &mysql.MySQLError{Number: 1317}}); err == nil || len(*s.known.Load()) != len(s.all) {
		t.Errorf("%v", err)
	}
}

// A parameter of the DSN wins where it may, however it is written, and not
// where the ledger rests on it.
func TestSession_ParametersOfTheDSN(t *testing.T) {
	for param, wins := range map[string]bool{
		"innodb_lock_wait_timeout": true, "TX_ISOLATION": true, "transaction_isolation": true, "@@session.wait_timeout": true, "max_statement_time": true,
		"autocommit": false, "AutoCommit": false, "@@autocommit": false, "SESSION sql_mode": false, "time_zone": false, "completion_type": false, "sql_select_limit": false, "tx_read_only": false,
	} {
		cfg := mysql.NewConfig()
		cfg.Params = map[string]string{param: "1"}
		settings := sessionOf(cfg, time.UTC, time.Now())
		ours := slices.ContainsFunc(settings, func(s Setting) bool { return s.Name == bare(param) })
		if ours == wins || (len(cfg.Params) == 1) != wins {
			t.Errorf("%s: ours %v, %v", param, ours, cfg.Params)
		}
	}
	// One name of the isolation level is as good as the other.
	cfg := mysql.NewConfig()
	cfg.Params = map[string]string{"tx_isolation": "'SERIALIZABLE'"}
	for _, s := range sessionOf(cfg, time.UTC, time.Now()) {
		if strings.Contains(s.Name, "isolation") {
			t.Errorf("%s is set as well", s.Name)
		}
	}
}

// The session is in the platform's zone where that is one offset all year.
func TestSession_Zone(t *testing.T) {
	now := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	for name, want := range map[string]string{"Asia/Shanghai": "+08:00", "Asia/Kathmandu": "+05:45", "UTC": "+00:00", "Europe/Berlin": "+00:00", "America/New_York": "+00:00", "Australia/Sydney": "+00:00"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := now.In(SessionZone(zone, now)).Format("-07:00"); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
