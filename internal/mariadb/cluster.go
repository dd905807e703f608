package mariadb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrNoGalera says that there is no Galera on this machine, and what to do about
// it.
var ErrNoGalera = errors.New("libgalera_smm.so is not installed (Debian and Ubuntu: apt-get install galera-4 mariadb-server rsync)")

// Cluster is a Galera cluster of private servers, on ports of loopback.
type Cluster struct {
	Nodes []*Node
}

// Node is a server of a cluster.
type Node struct {
	*Server
	// Addr is its host:port for clients.
	Addr string

	ports [4]int // for clients, the group, missing writes, whole copies
}

// StartCluster starts so many nodes, with system tables, and returns when all are
// in step. options, which may be nil, are those of each node. The caller stops it.
func StartCluster(ctx context.Context, size int, options func(node int) []Option) (*Cluster, error) {
	provider, err := galera()
	if err != nil {
		return nil, err
	}
	c := &Cluster{}
	var group []string
	ports, err := freePorts(size * 4)
	if err != nil {
		return nil, err
	}
	for its := range slices.Chunk(ports, 4) {
		c.Nodes = append(c.Nodes, &Node{Addr: address(its[0]), ports: [4]int(its)})
		group = append(group, address(its[1]))
	}
	for i, n := range c.Nodes {
		// The first has what there is; the others are given a copy of it, one
		// after the other, for one gives at a time.
		var opts []Option
		if options != nil {
			opts = options(i)
		}
		if err := n.begin(ctx, provider, strings.Join(group, ","), i, opts); err != nil {
			return nil, errors.Join(fmt.Errorf("node %d of the cluster: %w", i+1, err), c.Stop())
		}
	}
	return c, nil
}

// begin makes a node and starts it for the first time.
func (n *Node) begin(ctx context.Context, provider, group string, i int, opts []Option) error {
	run := []Option{WithGrants(), WithArgs(
		"--skip-networking=0", "--bind-address=127.0.0.1", fmt.Sprintf("--port=%d", n.ports[0]),
		"--binlog-format=ROW", "--innodb-autoinc-lock-mode=2", "--innodb-buffer-pool-size=64M",
		"--wsrep-on=ON", "--wsrep-provider="+provider, "--wsrep-cluster-name=pushd-test", "--wsrep-cluster-address=gcomm://"+group,
		"--wsrep-node-address=127.0.0.1", fmt.Sprintf("--wsrep-node-name=node%d", i+1),
		"--wsrep-sst-method=rsync", "--wsrep-sst-receive-address="+address(n.ports[3]),
		fmt.Sprintf("--wsrep-provider-options=gmcast.listen_addr=tcp://%s;ist.recv_addr=%s;gcache.size=32M;pc.recovery=false",
			address(n.ports[1]), address(n.ports[2])),
	)}
	var err error
	if n.Server, err = prepare(ctx, append(run, append(opts, asMySQL())...)); err != nil {
		return err
	}
	var more []string
	if i == 0 {
		more = []string{"--wsrep-new-cluster"}
	}
	if err := n.Restart(ctx, more...); err != nil {
		return err
	}
	return n.AwaitSynced(ctx)
}

// asMySQL runs a server as the user mysql where this process is root: whole
// copies are made by a daemon that would drop to nobody.
func asMySQL() Option {
	return func(o *options) {
		if os.Geteuid() == 0 {
			o.user = "mysql"
		}
	}
}

// Stop ends all nodes and removes what they have stored.
func (c *Cluster) Stop() error {
	var err error
	for _, n := range c.Nodes {
		if n.Server != nil {
			n.Kill() // nobody waits for what a leaving node tells the others
			err = errors.Join(err, n.Server.Stop())
		}
	}
	return err
}

// DSN names all nodes of the cluster, beginning with one, for an account.
func (c *Cluster) DSN(user, password, db string, first int) string {
	addrs := make([]string, 0, len(c.Nodes))
	for i := range c.Nodes {
		addrs = append(addrs, c.Nodes[(first+i)%len(c.Nodes)].Addr)
	}
	return user + ":" + password + "@tcp(" + strings.Join(addrs, ",") + ")/" + db
}

// Isolate cuts the node off from the others, in both directions; it goes on
// answering its clients. Heal joins it again.
func (n *Node) Isolate(ctx context.Context) error { return n.isolate(ctx, 1) }

// Heal ends what Isolate has begun.
func (n *Node) Heal(ctx context.Context) error { return n.isolate(ctx, 0) }

func (n *Node) isolate(ctx context.Context, on int) error {
	return n.Exec(ctx, "", fmt.Sprintf("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=%d'", on))
}

// Empty removes what a stopped node has stored: when it is started again it is
// given a whole copy.
func (n *Node) Empty() error {
	data := filepath.Join(n.dir, "data")
	if err := os.RemoveAll(data); err != nil {
		return err
	}
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	return n.giveTo(n.user)
}

// AwaitSynced waits until the node is in step with the cluster.
func (n *Node) AwaitSynced(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if n.Status(ctx, "wsrep_local_state_comment") == "Synced" {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("a node does not get into step: %w: %s", ctx.Err(), n.lastWords())
		}
	}
}

// Status reads a status variable; "" if the node does not answer.
func (n *Node) Status(ctx context.Context, name string) (value string) {
	_ = n.with("", func(d *sql.DB) error { // no answer is an answer
		return d.QueryRowContext(ctx, "SHOW GLOBAL STATUS LIKE '"+name+"'").Scan(new(string), &value)
	})
	return value
}

// galera is where its library is.
func galera() (string, error) {
	for _, path := range []string{"/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so", "/usr/lib/libgalera_smm.so"} {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", ErrNoGalera
}

// freePorts are ports of loopback that nobody listens on. They lie below those
// that the kernel gives to connections, one of which would have it by the time
// that a node comes back.
func freePorts(count int) (ports []int, err error) {
	const first, last = 11_000, 31_000
	next := first + os.Getpid()*37%(last-first)
	for range count {
		var l net.Listener
		for range last - first {
			if next++; next > last {
				next = first
			}
			if l, err = new(net.ListenConfig).Listen(context.Background(), "tcp", address(next)); err == nil {
				break
			}
		}
		if err != nil {
			return nil, err
		}
		if err := l.Close(); err != nil {
			return nil, err
		}
		ports = append(ports, next)
	}
	return ports, nil
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// giveTo gives a server's files to the user that it runs as.
func (s *Server) giveTo(name string) error {
	if name == "" || name == "root" {
		return nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoGalera, err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return err
	}
	return filepath.WalkDir(s.dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, gid)
	})
}

// Terminate ends the node as an orderly stop does: the others are told.
func (n *Node) Terminate() { n.stop(syscall.SIGTERM) }
