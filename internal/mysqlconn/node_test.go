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
	n := &node{log: slog.New(slog.DiscardHandler), now: func() time.Time { return now }, lines: map[*line]struct{}{}}
	open := func() (closed func() bool) {
		here, there := net.Pipe()
		t.Cleanup(func() { there.Close() })
		l := &line{here, n}
		n.lines[l] = struct{}{}
		return func() bool { _, open := n.lines[l]; return !open }
	}
	gone := &mysql.MySQLError{Number: 1047}
	first := open()
	if n.hear(&mysql.MySQLError{Number: 1213}) == nil || first() {
		t.Error("a conflict ends connections")
	}
	if n.hear(gone) == nil || !first() || !n.shunned() {
		t.Error("a node without quorum keeps its connections")
	}
	second := open()
	if n.hear(gone) == nil || second() {
		t.Error("the second who hears it ends the connections of those who came after")
	}
	now = now.Add(leaveEvery)
	if n.hear(gone) == nil || !second() {
		t.Error("the node is kept although it is no better")
	}
	if now = now.Add(shunFor); n.shunned() {
		t.Error("a node is shunned for ever")
	}
}
