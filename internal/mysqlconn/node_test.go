package mysqlconn

import (
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
