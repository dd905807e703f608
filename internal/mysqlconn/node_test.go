package mysqlconn

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// TestNode_LeaveOnce: many meet the same cause, and the connections that were
// opened after the first of them are none of the others' business.
func TestNode_LeaveOnce(t *testing.T) {
	now := time.Unix(1000, 0)
	n := &node{log: slog.New(slog.DiscardHandler), now: func() time.Time { return now }, sockets: map[*socket]struct{}{}}
	open := func() (closed func() bool) {
		here, there := net.Pipe()
		t.Cleanup(func() { there.Close() })
		l := &socket{here, n}
		n.sockets[l] = struct{}{}
		return func() bool { _, open := n.sockets[l]; return !open }
	}
	gone := &mysql.MySQLError{Number: 1047}
	first := open()
	if n.observe(&mysql.MySQLError{Number: 1213}) == nil || first() {
		t.Error("a conflict ends connections")
	}
	if n.observe(gone) == nil || !first() || !n.avoided() {
		t.Error("a node without quorum keeps its connections")
	}
	second := open()
	if n.observe(gone) == nil || second() {
		t.Error("the second who hears it ends the connections of those who came after")
	}
	now = now.Add(leaveEvery)
	if n.observe(gone) == nil || !second() {
		t.Error("the node is kept although it is no better")
	}
	if now = now.Add(avoidFor); n.avoided() {
		t.Error("a node is avoided for ever")
	}
}

// refuses opens no connection.
type refuses struct {
	driver.Connector
	err error
}

func (r refuses) Connect(context.Context) (driver.Conn, error) { return nil, r.err }

// A connection that can't be opened is a database that is not there, whatever words
// the driver has for it, unless a server has answered or the caller has given up.
func TestNode_Connect(t *testing.T) {
	for _, c := range []struct {
		err  error
		down bool
	}{
		{errors.New("bad connection"), true}, // the driver's own, of one that broke before a byte was written
		{io.EOF, true},
		{&mysql.MySQLError{Number: 1040}, true},
		{&mysql.MySQLError{Number: 1045}, false},
		{context.Canceled, false},
	} {
		n := &node{Connector: refuses{err: c.err}}
		_, err := n.Connect(t.Context())
		if Down(err) != c.down || !errors.Is(err, c.err) {
			t.Errorf("%v: %v, down %t", c.err, err, Down(err))
		}
	}
}
