package mysqlconn

import (
	"database/sql/driver"
	"fmt"
	"slices"
	"testing"

	"github.com/go-sql-driver/mysql"
)

func TestErrnos_AreSortedAndComplete(t *testing.T) {
	all := errnos()
	if !slices.IsSortedFunc(all, func(a, b errno) int { return int(a.number) - int(b.number) }) {
		t.Error("not in ascending order")
	}
	seen := map[uint16]bool{}
	for _, e := range all {
		if seen[e.number] || e.meaning == 0 || e.text == "" {
			t.Errorf("%d: twice, or without a meaning or a text", e.number)
		}
		seen[e.number] = true
	}
}

func TestMeanings(t *testing.T) {
	is := func(number uint16) error { return fmt.Errorf("read: %w", &mysql.MySQLError{Number: number}) }
	for _, c := range []struct {
		err                 error
		passes, down, unfit bool
	}{
		{is(1062), false, false, false}, // an answer
		{is(1213), true, false, false},
		{is(3101), true, false, false},
		{is(1040), false, true, false},
		{is(1047), false, true, true},
		{is(1180), false, true, true},
		{is(1290), false, true, true},
		{is(3100), false, true, true},
		{is(8027), false, true, true},
		{is(9003), false, true, false},
		{driver.ErrBadConn, false, true, false},
		{fmt.Errorf("db1: %w: it is read-only", errUnfit), false, true, false},
		{nil, false, false, false},
	} {
		if Passes(c.err) != c.passes || Down(c.err) != c.down || (meaningOf(c.err) == unfit) != c.unfit {
			t.Errorf("%v: passes %v, down %v, unfit %v", c.err, Passes(c.err), Down(c.err), meaningOf(c.err) == unfit)
		}
	}
}

func TestHosts(t *testing.T) {
	for dsn, want := range map[string][]string{
		"u:p@tcp(db1:3306)/live":                     {"db1:3306"},
		"u:p@tcp(db1)/live":                          {"db1:3306"},
		"u:p@/live":                                  {"127.0.0.1:3306"},
		"u:p@tcp(db1:3306,db2:3307)/live?tls=true":   {"db1:3306", "db2:3307"},
		"u:p@tcp(db1,db2,db3:3307)/live":             {"db1:3306", "db2:3306", "db3:3307"},
		"u:p@tcp(db1:3306,db2)/live":                 {"db1:3306", "db2:3306"},
		"u:p@tcp(db1, db2)/live":                     {"db1:3306", "db2:3306"},
		"u:p@tcp([::1]:3306,[fd00::2]:3307)/live":    {"[::1]:3306", "[fd00::2]:3307"},
		"u:p@tcp([::1],db2)/live":                    {"[::1]:3306", "db2:3306"},
		"u:p@unix(/run/a.sock)/live":                 {"/run/a.sock"},
		"u:p@unix(/run/a.sock,/run/b.sock)/live":     {"/run/a.sock", "/run/b.sock"},
		"u:p@tcp(db1:3306,)/live":                    nil,
		"u:p@tcp(db1:3306,db1:3306)/live":            nil,
		"nonsense":                                   nil,
		"u:,(x)@y,z:p@tcp(db1:3306,db2:3306)/live":   {"db1:3306", "db2:3306"},
		"u:p@tcp(127.0.0.1:3306,127.0.0.2:3306)/a,b": {"127.0.0.1:3306", "127.0.0.2:3306"},
	} {
		if got := Hosts(dsn); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", dsn, got, want)
		}
	}
}
