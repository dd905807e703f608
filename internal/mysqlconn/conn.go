package mysqlconn

import (
	"context"
	"database/sql/driver"
	"errors"
	"net"
	"syscall"
)

// socket is a connection's socket: closing it ends whatever the connection waits
// for, and the pool notices when it takes the connection the next time.
type socket struct {
	net.Conn
	node *node
}

func (n *node) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	l := &socket{conn, n}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sockets[l] = struct{}{}
	return l, nil
}

// Close implements net.Conn.
func (l *socket) Close() error {
	l.node.mu.Lock()
	delete(l.node.sockets, l)
	l.node.mu.Unlock()
	return l.Conn.Close()
}

// SyscallConn implements syscall.Conn, by which the driver sees that a
// connection was closed while it was idle.
func (l *socket) SyscallConn() (syscall.RawConn, error) {
	raw, ok := l.Conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return raw.SyscallConn()
}

// mysqlConn is what the driver's connections can do, and pushd's must.
type mysqlConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

// nodeConn is a connection whose errors its node observes.
type nodeConn struct {
	mysqlConn
	node *node
	as   *credentials
}

// retired says that the connection was opened by a user who is not in use any more.
func (l *nodeConn) retired() bool { return l.as != l.node.login.of() }

// IsValid implements driver.Validator: it is asked when nothing uses the connection
// any more.
func (l *nodeConn) IsValid() bool { return !l.retired() && l.mysqlConn.IsValid() }

// ResetSession implements driver.SessionResetter: it is asked before the connection
// is used again.
func (l *nodeConn) ResetSession(ctx context.Context) error {
	if l.retired() {
		return driver.ErrBadConn
	}
	return l.mysqlConn.ResetSession(ctx)
}

// ExecContext implements driver.ExecerContext.
func (l *nodeConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	res, err := l.mysqlConn.ExecContext(ctx, query, args)
	return res, l.node.observe(err)
}

// QueryContext implements driver.QueryerContext.
func (l *nodeConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := l.mysqlConn.QueryContext(ctx, query, args)
	return rows, l.node.observe(err)
}

// BeginTx implements driver.ConnBeginTx.
func (l *nodeConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := l.mysqlConn.BeginTx(ctx, opts)
	if l.node.observe(err) != nil {
		return nil, err
	}
	return &nodeTx{tx, l.node}, nil
}

// nodeTx is a transaction whose commit its node observes.
type nodeTx struct {
	driver.Tx
	node *node
}

// Commit implements driver.Tx.
func (d *nodeTx) Commit() error { return d.node.observe(d.Tx.Commit()) }
