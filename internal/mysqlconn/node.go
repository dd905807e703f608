package mysqlconn

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
)

// errUnfit says that a node answers, and is not one to work with.
var errUnfit = errors.New("this node of the database is not fit")

const (
	// leaveEvery is how long the connections of a node that was left are kept at
	// least where it is the only one. A proxy in front of several nodes may have
	// moved on by then.
	leaveEvery = time.Second
	// leaveQuiet is for how long it is not said again that the node is left.
	leaveQuiet = time.Minute
	// avoidFor is for how long a node that was left is taken only if there is no
	// other.
	avoidFor = 10 * time.Second
	// connectFor bounds the opening of a connection where there are several
	// nodes.
	connectFor = 3 * time.Second
)

// node is one server of the database, with the connections that are open to it.
type node struct {
	driver.Connector
	name  string // its address
	login *Login // nil = that of the DSN, for ever
	table string // one that a node without quorum does not read
	log   *slog.Logger
	now   func() time.Time
	alone atomic.Bool // it has no Group Replication

	mu      sync.Mutex
	sockets map[*socket]struct{}
	left    time.Time // when last
}

// newNode makes a node of one address of a configuration.
func newNode(cfg *mysql.Config, addr string, login *Login, table string, log *slog.Logger) (*node, error) {
	n := &node{name: addr, login: login, table: table, log: log, now: time.Now, sockets: map[*socket]struct{}{}}
	cfg = cfg.Clone()
	cfg.Addr = addr
	if cfg.TLSConfig != "" {
		cfg.TLS = nil // it names the first address; it is made again
	}
	cfg.DialFunc = n.dial
	var err error
	n.Connector, err = mysql.NewConnector(cfg)
	return n, err
}

// Connect implements driver.Connector.
func (n *node) Connect(ctx context.Context) (driver.Conn, error) {
	as := n.login.of()
	conn, err := n.Connector.Connect(ctx)
	if err != nil {
		return nil, unreached(err)
	}
	return &nodeConn{conn.(mysqlConn), n, as}, nil
}

// errUnreached says that no connection could be opened.
var errUnreached = errors.New("no connection to the database")

// unreached is why a connection could not be opened, as Down knows it: the driver
// has an error of its own for one that broke before a byte was written, which no one
// else can compare. What a server has answered stands for itself.
func unreached(err error) error {
	_, answered := errors.AsType[*mysql.MySQLError](err)
	if answered || Down(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: %w", errUnreached, err)
}

// leave closes all connections of a node: what waits for it gets an error, and
// whoever wants a connection opens a new one. A node that was left a moment ago
// is not left again: there is one cause, and many who meet it.
func (n *node) leave(why error) {
	n.mu.Lock()
	if n.now().Sub(n.left) < leaveEvery {
		n.mu.Unlock()
		return
	}
	level := slog.LevelWarn
	if n.now().Sub(n.left) < leaveQuiet {
		level = slog.LevelDebug
	}
	n.left = n.now()
	sockets := make([]*socket, 0, len(n.sockets))
	for s := range n.sockets {
		sockets = append(sockets, s)
	}
	n.mu.Unlock()
	n.log.Log(context.Background(), level, "the connections to a node of the database are closed", "node", n.name, "connections", len(sockets), "reason", why)
	for _, s := range sockets {
		_ = s.Close() // what is wrong with it is known
	}
}

// avoided says that a node was left not long ago.
func (n *node) avoided() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.left.IsZero() && n.now().Sub(n.left) < avoidFor
}

// observe takes what a statement was answered.
func (n *node) observe(err error) error {
	if err != nil && meaningOf(err) == unfit {
		n.leave(err)
	}
	return err
}

// fitness is how well a node can be worked with.
type fitness int

const (
	bad  fitness = iota // not at all
	poor                // if there is no better one: it serves, but lags or holds up writes
	fit
)

// try opens a connection and looks whether the node is one to work with. The
// connection is closed if it is not.
func (n *node) try(ctx context.Context) (conn driver.Conn, is fitness, err error) {
	ctx, cancel := context.WithTimeout(ctx, connectFor)
	defer cancel()
	if conn, err = n.Connect(ctx); err != nil {
		return nil, bad, fmt.Errorf("%s: %w", n.name, err)
	}
	if is, err = n.fitness(ctx, conn.(*nodeConn)); is == bad {
		conn.Close()
		return nil, bad, fmt.Errorf("%s: %w", n.name, err)
	}
	return conn, is, err
}

// fitness looks at a node over a connection on which nothing is set yet, so that
// no read of Galera's waits for other nodes. err says what is the matter if it is not fit.
func (n *node) fitness(ctx context.Context, conn *nodeConn) (fitness, error) {
	values, err := firstRow(ctx, conn, "SELECT @@global.read_only, @@global.innodb_read_only")
	if err != nil {
		return bad, err
	}
	for _, v := range values {
		if on := strings.ToUpper(text(v)); on != "0" && on != "OFF" {
			return bad, fmt.Errorf("%w: it is read-only", errUnfit)
		}
	}
	// A member of a group that has lost its majority answers reads for ever, and
	// holds up writes; with this a read waits as well, and takes too long.
	if !n.alone.Load() {
		if _, err := conn.ExecContext(ctx, "SET group_replication_consistency = 'BEFORE'", nil); refused(err) {
			n.alone.Store(true)
		} else if err != nil {
			return bad, err
		}
	}
	// A node of Galera without quorum answers whatever names no table. That there
	// is none yet, or that the user may not read it, is none of our business.
	if _, err := firstRow(ctx, conn, "SELECT 1 FROM "+n.table+" LIMIT 1"); Down(err) {
		return bad, err
	}
	// 4 is "synced". One that gives its data to another (2) may hold up all
	// writes meanwhile; one that catches up (1, 3) lags.
	state, err := firstRow(ctx, conn, "SHOW GLOBAL STATUS LIKE 'wsrep_local_state'")
	switch {
	case err != nil:
		return bad, err
	case len(state) == 2 && text(state[1]) != "4" && text(state[1]) != "0": // 0: Galera is not in use
		return poor, fmt.Errorf("%w: its wsrep_local_state is %s", errUnfit, text(state[1]))
	}
	return fit, nil
}

// firstRow reads the first row of a query; nil if there is none.
func firstRow(ctx context.Context, conn driver.QueryerContext, query string) ([]driver.Value, error) {
	rows, err := conn.QueryContext(ctx, query, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // nothing is left to be read
	values := make([]driver.Value, len(rows.Columns()))
	switch err := rows.Next(values); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, err
	}
	for i, v := range values {
		values[i] = text(v) // the driver's bytes are its buffer
	}
	return values, nil
}

func text(v driver.Value) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(v)
}
