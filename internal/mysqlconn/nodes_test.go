package mysqlconn_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"pushd/internal/mariadb"
	"pushd/internal/mysqlconn"
)

// several is a database of several servers which do not know of each other, for
// it is only looked at who is asked.
type several struct {
	t       *testing.T
	servers []*mariadb.Server
	db      *sql.DB
}

func newSeveral(t *testing.T, n int) *several {
	t.Helper()
	s := &several{t: t}
	var addrs []string
	for range n {
		srv, err := mariadb.Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { srv.Stop() })
		if err := srv.Exec(t.Context(), "", "CREATE DATABASE live"); err != nil {
			t.Fatal(err)
		}
		s.servers = append(s.servers, srv)
		addrs = append(addrs, srv.Socket())
	}
	db, err := mysqlconn.Open("root@unix("+strings.Join(addrs, ",")+")/live", nil, "pushd_schema", time.UTC, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s.db = db
	return s
}

// asked is who answers; -1 is nobody.
func (s *several) asked() int {
	ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Second)
	defer cancel()
	var socket string
	if err := s.db.QueryRowContext(ctx, "SELECT @@socket").Scan(&socket); err != nil {
		return -1
	}
	for i, srv := range s.servers {
		if srv.Socket() == socket {
			return i
		}
	}
	return -1
}

func (s *several) await(want int) {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); s.asked() != want; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("%d is asked and not %d", s.asked(), want)
		}
	}
}

// stays looks for longer than the nodes are looked at.
func (s *several) stays(want int) {
	s.t.Helper()
	for range 15 {
		if got := s.asked(); got != want {
			s.t.Fatalf("%d is asked and no more %d", got, want)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (s *several) set(i int, statement string) {
	s.t.Helper()
	if err := s.servers[i].Exec(s.t.Context(), "", statement); err != nil {
		s.t.Fatal(err)
	}
}

// TestNodes_OneAfterTheOther: whatever becomes of the node in use, the next one
// that is fit is used; and stays in use when the first is well again.
func TestNodes_OneAfterTheOther(t *testing.T) {
	t.Parallel()
	s := newSeveral(t, 3)
	s.stays(0)
	s.set(0, "SET GLOBAL read_only = 1")
	s.await(1)
	s.set(0, "SET GLOBAL read_only = 0")
	s.stays(1)
	s.set(2, "SET GLOBAL read_only = 1")
	s.servers[1].Kill()
	s.await(0)
	if err := s.servers[1].Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.stays(0)
	if err := s.servers[0].Freeze(); err != nil {
		t.Fatal(err)
	}
	s.await(1)
	if err := s.servers[0].Thaw(); err != nil {
		t.Fatal(err)
	}
	s.stays(1)
}

// A statement that waits for a server which is frozen is told so, long before
// its own time is over.
func TestNodes_AStatementThatHangs(t *testing.T) {
	t.Parallel()
	s := newSeveral(t, 2)
	tx, err := s.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if err := s.servers[0].Freeze(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second) // the driver's own is 30 s
	defer cancel()
	for err == nil { // a thread of the server may still answer
		_, err = tx.ExecContext(ctx, "SELECT 1")
	}
	if ctx.Err() != nil || !mysqlconn.Down(err) {
		t.Errorf("it hung until %v: %v", ctx.Err(), err)
	}
	s.await(1)
	s.servers[0].Thaw()
}

// If no node does better there is nothing to be moved to, and nothing is cut.
func TestNodes_NoneIsBetter(t *testing.T) {
	t.Parallel()
	s := newSeveral(t, 2)
	s.stays(0)
	conn, err := s.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s.servers[1].Kill()
	s.set(0, "SET GLOBAL read_only = 1")
	for range 35 { // two looks, each of which waits for the other server
		if _, err := conn.ExecContext(t.Context(), "SELECT 1"); err != nil {
			t.Fatalf("a connection was cut for nothing: %v", err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.set(0, "SET GLOBAL read_only = 0")
	s.stays(0)
}

func TestNodes_NoneIsThere(t *testing.T) {
	t.Parallel()
	s := newSeveral(t, 2)
	s.servers[0].Kill()
	s.servers[1].Kill()
	_, err := s.db.ExecContext(t.Context(), "SELECT 1")
	if err == nil || !mysqlconn.Down(err) || strings.Count(fmt.Sprint(err), "connect: ") != 2 {
		t.Errorf("it is not said of both: %v", err)
	}
}

// TestNode_Leave: an error that says that a server takes no writes ends all
// connections to it: behind a proxy they would go there for minutes.
func TestNode_Leave(t *testing.T) {
	srv, err := mariadb.Start(t.Context(), mariadb.WithGrants())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Stop() })
	err = srv.Exec(t.Context(), "", "CREATE DATABASE live; CREATE TABLE live.t (a INT PRIMARY KEY); CREATE USER pushd@localhost; GRANT ALL ON live.* TO pushd@localhost")
	if err != nil {
		t.Fatal(err)
	}
	db, err := mysqlconn.Open(srv.UserDSN("pushd", "", "live"), nil, "pushd_schema", time.UTC, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	ids := func() map[int]bool {
		t.Helper()
		seen := map[int]bool{}
		var conns []*sql.Conn
		for range 2 { // the pool keeps two that are idle
			c, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var id int
			if err := c.QueryRowContext(t.Context(), "SELECT CONNECTION_ID()").Scan(&id); err != nil {
				t.Fatal(err)
			}
			seen[id] = true
			conns = append(conns, c)
		}
		for _, c := range conns {
			c.Close()
		}
		return seen
	}
	before := ids()
	if err := srv.Exec(t.Context(), "", "SET GLOBAL read_only = 1"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "INSERT INTO t VALUES (1)"); err == nil || !strings.Contains(err.Error(), "1290") || !mysqlconn.Down(err) {
		t.Errorf("a write to a server that is read-only: %v", err)
	}
	for id := range ids() {
		if before[id] {
			t.Errorf("connection %d was kept", id)
		}
	}
}
