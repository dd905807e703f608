package mysqlconn

import (
	"cmp"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"slices"

	"github.com/go-sql-driver/mysql"
)

// meaning is what an error number says of the statement, and of the node of the
// database that has answered.
type meaning uint8

const (
	// passes: the statement was rolled back and may succeed if it is tried again
	// at once.
	passes meaning = iota + 1
	// away: the database is not there, or does not do this now. Another node
	// need not do better.
	away
	// unfit: this node does no writes, whatever is asked of it next, and another
	// one may. Its connections are left; see node.leave.
	unfit
)

// errnos is what the numbers of errors mean, in ascending order. A number that is
// not here is an answer: the statement is wrong, or is refused for good.
//
// Sources: MySQL's "Server Error Message Reference", which has Group
// Replication's (3100, 3101, 3796 to 3799) as well; MariaDB's "Error Codes";
// for Galera MariaDB's page of wsrep_cluster_status (1047) and what its nodes
// answer when they are cut off (1047, 1180); TiDB's "Error Codes and
// Troubleshooting" (8002 to 9007).
func errnos() []errno {
	return []errno{
		{1020, passes, "the row has changed since the transaction's snapshot (MariaDB)"},
		{1021, away, "the disk is full"},
		{1040, away, "too many connections"},
		{1047, unfit, "a node of Galera that has no quorum, or is not ready"},
		{1053, unfit, "the server shuts down"},
		{1129, away, "closed to this host"},
		{1158, away, "the line is broken: read"},
		{1159, away, "the line is broken: read timed out"},
		{1160, away, "the line is broken: write"},
		{1161, away, "the line is broken: write timed out"},
		{1180, unfit, "the commit failed: a node of Galera that lost its quorum meanwhile"},
		{1203, away, "too many connections of this user"},
		{1205, passes, "waited too long for a lock"},
		{1213, passes, "a deadlock, or Galera's certification has preferred another node's write"},
		{1226, away, "too much of something for this user"},
		{1290, unfit, "read_only, super_read_only"},
		{1317, away, "the statement was killed"},
		{1792, unfit, "a read-only transaction; a demoted server of Aurora's says so"},
		{1836, unfit, "read-only mode"},
		{1927, away, "the connection was killed (MariaDB)"},
		{1969, away, "max_statement_time (MariaDB)"},
		{2006, away, "the server has gone away"},
		{2013, away, "the connection was lost"},
		{3024, away, "max_execution_time (MySQL)"},
		{3032, unfit, "offline_mode"},
		{3100, unfit, "a member of a group that has no majority, or has left it"},
		{3101, passes, "the group has preferred another member's write"},
		{3169, away, "the session was killed"},
		{3796, unfit, "a member of a group that is not online"},
		{3797, unfit, "a member of a group that can't learn what was committed before"},
		{3798, unfit, "the same, of those who wait after a write"},
		{3799, unfit, "a member of a group that leaves it"},
		{4031, away, "disconnected for being idle"},
		{8002, passes, "a write conflict (TiDB)"},
		{8022, passes, "the commit failed and may be tried again (TiDB)"},
		{8027, unfit, "a TiDB server that has lost touch with the schema"},
		{8028, passes, "the tables were changed meanwhile (TiDB)"},
		{9001, unfit, "a TiDB server that does not reach PD"},
		{9002, unfit, "a TiDB server that does not reach TiKV"},
		{9003, away, "TiKV is busy"},
		{9005, away, "a part of TiKV is not available"},
		{9007, passes, "a write conflict (TiDB)"},
	}
}

// errno is a number, with what is done about it and why.
type errno struct {
	number  uint16
	meaning meaning
	text    string
}

// meaningOf is what an error means; 0 if it is an answer, or none of the server's.
func meaningOf(err error) meaning {
	e, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok {
		return 0
	}
	all := errnos()
	if i, known := slices.BinarySearchFunc(all, e.Number, func(one errno, n uint16) int { return cmp.Compare(one.number, n) }); known {
		return all[i].meaning
	}
	return 0
}

// Passes says that a statement may succeed if it is tried again at once.
func Passes(err error) bool { return meaningOf(err) == passes }

// Down knows the ways in which a server says that it is not there, or takes no
// writes now, and those in which it is not there.
func Down(err error) bool {
	if is := meaningOf(err); is == away || is == unfit {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	for _, gone := range []error{driver.ErrBadConn, mysql.ErrInvalidConn, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, errUnfit, errUnreached} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}

// Duplicate says that a statement broke a unique key.
func Duplicate(err error) bool { return is(err, 1062) }

// LockTimeout says that a statement waited too long for a lock.
func LockTimeout(err error) bool { return is(err, 1205) }

// TooSlow says that a statement took longer than the session lets one.
func TooSlow(err error) bool { return is(err, 1969) || is(err, 3024) }

// NoTable says that a table does not exist.
func NoTable(err error) bool { return is(err, 1146) }

// Made says that the table, the column or the key that a statement makes is there
// already.
func Made(err error) bool { return is(err, 1050) || is(err, 1060) || is(err, 1061) }

func is(err error, number uint16) bool {
	e, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && e.Number == number
}
