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
	s := &socket{conn, n}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sockets[s] = struct{}{}
	return s, nil
}

// Close implements net.Conn.
func (s *socket) Close() error {
	s.node.mu.Lock()
	delete(s.node.sockets, s)
	s.node.mu.Unlock()
	return s.Conn.Close()
}

// SyscallConn implements syscall.Conn, by which the driver sees that a
// connection was closed while it was idle.
func (s *socket) SyscallConn() (syscall.RawConn, error) {
	raw, ok := s.Conn.(syscall.Conn)
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
func (c *nodeConn) retired() bool { return c.as != c.node.login.of() }

// IsValid implements driver.Validator: it is asked when nothing uses the connection
// any more.
func (c *nodeConn) IsValid() bool { return !c.retired() && c.mysqlConn.IsValid() }

// ResetSession implements driver.SessionResetter: it is asked before the connection
// is used again.
func (c *nodeConn) ResetSession(ctx context.Context) error {
	if c.retired() {
		return driver.ErrBadConn
	}
	return c.mysqlConn.ResetSession(ctx)
}

// ExecContext implements driver.ExecerContext.
func (c *nodeConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	res, err := c.mysqlConn.ExecContext(ctx, query, args)
	return res, c.node.observe(err)
}

// QueryContext implements driver.QueryerContext.
func (c *nodeConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := c.mysqlConn.QueryContext(ctx, query, args)
	return rows, c.node.observe(err)
}

// BeginTx implements driver.ConnBeginTx.
func (c *nodeConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.mysqlConn.BeginTx(ctx, opts)
	if c.node.observe(err) != nil {
		return nil, err
	}
	return &nodeTx{tx, c.node}, nil
}

// nodeTx is a transaction whose commit its node observes.
type nodeTx struct {
	driver.Tx
	node *node
}

// Commit implements driver.Tx.
func (t *nodeTx) Commit() error { return t.node.observe(t.Tx.Commit()) }
