package mysqlconn

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

// lookEvery is how often the node in use is looked at, and lookFor how long it
// may take to answer, if there are several.
const (
	lookEvery = time.Second
	lookFor   = 2 * time.Second
)

// nodes are the servers that a DSN names, one of which is in use: all connections
// of a process go to the same one, which is the first that is fit when it starts,
// and stays so until it is not fit any more. docs/decisions/one-node-at-a-time.md
// says why.
type nodes struct {
	all []*node
	log *slog.Logger

	mu    sync.Mutex
	inUse *node

	begin sync.Once // the watch
	stop  context.CancelFunc
	done  chan struct{}
}

// newNodes makes the nodes of a configuration.
func newNodes(cfg *mysql.Config, login *Login, table string, log *slog.Logger) (*nodes, error) {
	addrs, err := addresses(cfg)
	if err != nil {
		return nil, err
	}
	n := &nodes{log: log}
	for _, addr := range addrs {
		one, err := newNode(cfg, addr, login, table, log)
		if err != nil {
			return nil, errors.New("database DSN: its parameters contradict each other")
		}
		n.all = append(n.all, one)
	}
	n.inUse = n.all[0]
	return n, nil
}

// addresses are those that a DSN names between its parentheses. The driver knows
// of one, and takes several for the name of a host.
func addresses(cfg *mysql.Config) ([]string, error) {
	list := cfg.Addr
	if !strings.Contains(list, ",") {
		return []string{list}, nil
	}
	if inner, ok := strings.CutSuffix(list, "]:3306"); ok && strings.HasPrefix(inner, "[") {
		list = inner[1:] // as the driver has added a port to the whole
	}
	var addrs []string
	for addr := range strings.SplitSeq(list, ",") {
		if addr = strings.TrimSpace(addr); addr != "" && cfg.Net == "tcp" {
			addr = withPort(addr)
		}
		if addr == "" || slices.Contains(addrs, addr) {
			return nil, errors.New("database DSN: a host is empty or named twice")
		}
		addrs = append(addrs, addr)
	}
	return addrs, nil
}

// withPort adds MySQL's port to an address that has none.
func withPort(addr string) string {
	if _, _, err := net.SplitHostPort(addr); err == nil {
		return addr
	}
	return net.JoinHostPort(strings.Trim(addr, "[]"), "3306")
}

// Hosts are the addresses of the database that a DSN names; none if it is no DSN.
func Hosts(dsn string) []string {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil
	}
	addrs, err := addresses(cfg)
	if err != nil {
		return nil
	}
	return addrs
}

// OneHost is a DSN that names only one of its hosts.
func OneHost(dsn, host string) string {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return ""
	}
	cfg.Addr = host
	return cfg.FormatDSN()
}

// Driver implements driver.Connector.
func (n *nodes) Driver() driver.Driver { return n.all[0].Driver() }

// Connect implements driver.Connector. Where there are several nodes, it goes to
// the one in use, and to the next that is fit if that one is not.
func (n *nodes) Connect(ctx context.Context) (driver.Conn, error) {
	if len(n.all) == 1 {
		return n.all[0].Connect(ctx)
	}
	n.begin.Do(n.watch)
	for {
		used := n.used()
		conn, taken, why := n.first(ctx, n.order(used))
		if conn == nil {
			return nil, why
		}
		if why == nil {
			why = errors.New("it was left a moment ago")
		}
		if n.move(used, taken, why) {
			return conn, nil
		}
		conn.Close() // meanwhile another has found another one
	}
}

// first opens a connection to the first node that is fit, or to the first that is
// poor if none is. why says what is the matter with those that were passed over.
func (n *nodes) first(ctx context.Context, order []*node) (best driver.Conn, taken *node, why error) {
	for _, one := range order {
		conn, is, err := one.try(ctx)
		if is == fit || is == poor && best == nil {
			if best != nil {
				best.Close()
			}
			best, taken, conn = conn, one, nil
		}
		if conn != nil {
			conn.Close()
		}
		if is == fit || ctx.Err() != nil {
			return best, taken, cmp.Or(why, err)
		}
		if why == nil {
			why = err
		} else {
			why = fmt.Errorf("%w; %w", why, err)
		}
	}
	return best, taken, why
}

func (n *nodes) used() *node {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.inUse
}

// order is in which order nodes are tried: from the one in use on, and those last
// that were left not long ago.
func (n *nodes) order(used *node) []*node {
	at := slices.Index(n.all, used)
	var order, avoided []*node
	for i := range n.all {
		if one := n.all[(at+i)%len(n.all)]; one.avoided() {
			avoided = append(avoided, one)
		} else {
			order = append(order, one)
		}
	}
	return append(order, avoided...)
}

// move puts another node into use in place of one that is no good, whose
// connections are closed. It does not if another has been moved to already.
func (n *nodes) move(from, to *node, why error) bool {
	n.mu.Lock()
	if n.inUse != from {
		defer n.mu.Unlock()
		return n.inUse == to
	}
	n.inUse = to
	n.mu.Unlock()
	if from != to {
		n.log.Warn("another node of the database is used from now on", "node", to.name, "was", from.name, "reason", why)
		from.leave(why)
	}
	return true
}

// watch begins to look at the node in use. A statement that waits for a node that
// is frozen, or cut off, would not be answered for half a minute.
func (n *nodes) watch() {
	ctx, cancel := context.WithCancel(context.Background())
	n.stop, n.done = cancel, make(chan struct{})
	go func() {
		defer close(n.done)
		t := time.NewTicker(lookEvery)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				n.look(ctx)
			}
		}
	}()
}

// Close implements io.Closer: it ends the watch.
func (n *nodes) Close() error {
	n.begin.Do(func() {})
	if n.stop != nil {
		n.stop()
		<-n.done
	}
	return nil
}

// look looks at the node in use, and leaves it if another one does better. If
// none does, moving would cost something and help no client.
func (n *nodes) look(ctx context.Context) {
	used := n.used()
	is, why := used.look(ctx)
	if is == fit || ctx.Err() != nil {
		return
	}
	others := n.order(used)
	others = slices.DeleteFunc(others, func(one *node) bool { return one == used })
	found := make([]fitness, len(others))
	var looks sync.WaitGroup
	for i, one := range others {
		looks.Go(func() { found[i], _ = one.look(ctx) })
	}
	looks.Wait()
	for i, one := range others {
		if found[i] > is && found[i] == slices.Max(found) {
			n.move(used, one, why)
			return
		}
	}
}

// look opens a connection to a node, looks at it, and closes the connection.
func (n *node) look(ctx context.Context) (fitness, error) {
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	conn, is, err := n.try(ctx)
	if conn != nil {
		conn.Close()
	}
	return is, err
}
