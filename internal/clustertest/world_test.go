package clustertest

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pushd"
	"pushd/api/client"
	"pushd/internal/mariadb"
	"pushd/internal/program"
	"pushd/internal/rig"
	"pushd/internal/store"
	"pushd/internal/wechatsim"
)

// The flags of a run.
var (
	longFlag  = flag.Bool("cluster.long", false, "run all scenarios (make cluster)")
	tableFlag = flag.String("cluster.table", "", "write the results into this file, between its marks")
)

const (
	size     = 3 // nodes, and processes
	apiKey   = "cluster-api-key-0123456789abcdef"
	tokenKey = "cluster-token-key-0123456789abcdef"
)

// base is what scenarios share: the binary and the cluster, which is whole again
// when one ends.
type base struct {
	bin     string
	cluster *mariadb.Cluster
	names   int // databases so far
}

func newBase(t *testing.T, options func(node int) []mariadb.Option) *base {
	t.Helper()
	b := &base{bin: filepath.Join(t.TempDir(), "pushd")}
	if err := program.Build(t.Context(), b.bin); err != nil {
		t.Fatal(err)
	}
	b.start(t, options)
	return b
}

func (b *base) start(t *testing.T, options func(node int) []mariadb.Option) {
	t.Helper()
	began := time.Now()
	c, err := mariadb.StartCluster(t.Context(), size, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	err = c.Nodes[0].Exec(t.Context(), "", `
CREATE USER pushd@'%' IDENTIFIED BY 'pushd'; GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX ON `+"`live%`"+`.* TO pushd@'%';
CREATE USER admin@'%' IDENTIFIED BY 'admin'; GRANT ALL ON *.* TO admin@'%';
CREATE USER haproxy_check@'127.0.0.%' IDENTIFIED VIA mysql_native_password USING '';
CREATE USER haproxy_check@localhost IDENTIFIED VIA mysql_native_password USING ''`)
	if err != nil {
		t.Fatal(err)
	}
	b.cluster = c
	t.Logf("a cluster of %d in %.0f s", size, time.Since(began).Seconds())
}

// world is what a scenario happens in: a database of its own on the cluster, a
// WeChat, and the pushd processes it starts.
type world struct {
	rig.Rig
	*testing.T
	base *base
	row  *row

	name  string // of the database
	env   map[string]string
	lags  bool // a process may not know yet what was written
	procs []*process
	jobs  []*job
}

// process is one pushd, with a listener of its own to WeChat.
type process struct {
	rig.Rig
	*program.Process
	listener *wechatsim.Listener
	node     int // which it names first
}

// job is a reminder that was posted.
type job struct {
	id      string
	channel rig.Channel
	account *wechatsim.Account
	pulse   *pulse
}

func newWorld(t *testing.T, b *base, r *row) *world {
	t.Helper()
	b.names++
	w := &world{T: t, base: b, row: r, name: fmt.Sprintf("live%d", b.names), env: map[string]string{}}
	t.Cleanup(w.close)
	schema, err := os.ReadFile("../../deploy/schema.sql")
	w.must(err)
	w.must(b.cluster.Nodes[0].Exec(t.Context(), "", "CREATE DATABASE "+w.name))
	w.must(b.cluster.Nodes[0].Exec(t.Context(), w.name, string(schema)))
	w.DB, err = store.MySQL().Open(b.cluster.DSN("admin", "admin", w.name, 0), nil, time.UTC, slog.New(slog.DiscardHandler))
	w.must(err)
	w.Sim = wechatsim.New(wechatsim.Options{Seed: uint64(b.names), TokenKey: tokenKey})
	w.Listener, err = w.Sim.StartTLS()
	w.must(err)
	w.Key = apiKey
	w.must(w.Listener.WriteCert(w.cert()))
	st, err := store.Open(t.Context(), store.Options{DSN: b.cluster.DSN("pushd", "pushd", w.name, 0), Logger: slog.New(slog.DiscardHandler)})
	w.must(err)
	defer st.Close()
	w.must(st.Migrate(t.Context()))
	return w
}

func (w *world) cert() string {
	return filepath.Join(os.TempDir(), "pushd-cluster-"+w.name+fmt.Sprint(os.Getpid())+".pem")
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// start starts a pushd whose DSN names all nodes, beginning with one.
func (w *world) start(node int) *process {
	w.Helper()
	return w.startOn(node, w.base.cluster.DSN("pushd", "pushd", w.name, node))
}

func (w *world) startOn(node int, dsn string) *process {
	w.Helper()
	l, err := w.Sim.StartTLS()
	w.must(err)
	p := &process{listener: l, node: node}
	p.Key = apiKey
	instance := fmt.Sprintf("p%d", node)
	env := map[string]string{
		"SSL_CERT_FILE": w.cert(), "PUSHD_LISTEN": "127.0.0.1:0", "PUSHD_INSTANCE": instance,
		"PUSHD_API_KEY": apiKey, "PUSHD_TOKEN_KEY": tokenKey, "PUSHD_TOKEN_URL": l.URL + "/php/token", "PUSHD_WECHAT_URL": l.URL,
		"PUSHD_MYSQL_DSN": dsn, "PUSHD_CONCURRENCY": "64", "PUSHD_RATE": "400", "PUSHD_STATE_DIR": w.TempDir(),
	}
	for name, value := range w.env {
		env[name] = value
	}
	list := make([]string, 0, len(env))
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	p.Process, err = program.Start(program.Options{Binary: w.base.bin, Env: list})
	w.must(err)
	w.procs = append(w.procs, p)
	p.URL, err = p.AwaitListen()
	w.must(err)
	return p
}

// startAll starts a pushd for each node.
func (w *world) startAll() {
	w.Helper()
	for i := range size {
		w.start(i)
	}
}

// post makes an account with so many followers, posts its reminder to a process,
// and begins to watch its sends.
func (w *world) post(p *process, people int) *job {
	w.Helper()
	b := wechatsim.Default()
	b.Latency = wechatsim.Uniform(20*time.Millisecond, 40*time.Millisecond)
	n := len(w.jobs) + 1
	j := &job{channel: rig.Channel{ActID: int64(n), AppID: fmt.Sprintf("wxcluster%06d", n), Start: time.Now().Add(72 * time.Hour)}}
	j.account = w.Sim.Account(j.channel.AppID, wechatsim.AccountOptions{Followers: people, Behaviour: &b})
	w.must(w.AddChannel(w.Context(), j.channel))
	if w.lags {
		w.until("its node knows the channel", time.Minute, func() bool { return w.repost(p, j) == nil })
	} else {
		w.must(w.repost(p, j))
	}
	j.pulse = feel(w.Context(), j.account)
	w.jobs = append(w.jobs, j)
	return j
}

func (w *world) repost(p *process, j *job) error {
	token, _ := j.account.StableToken(false)
	made, err := p.API().Post(w.Context(), client.Order{ActID: j.channel.ActID, AppID: j.channel.AppID, AccessToken: token})
	if err == nil {
		j.id = made.ID
	}
	return err
}

// owner is who sends for a job.
func (w *world) owner(j *job) *process {
	w.Helper()
	var instance string
	w.must(w.DB.QueryRowContext(w.Context(), "SELECT owner FROM pushd_job WHERE id = ?", j.id).Scan(&instance))
	for _, p := range w.procs {
		if fmt.Sprintf("p%d", p.node) == instance && !p.Ended() {
			return p
		}
	}
	w.Fatalf("job %s is %q's", j.id, instance)
	return nil
}

// until waits for something to come true; a figure is not asserted by limit.
func (w *world) until(what string, limit time.Duration, done func() bool) time.Duration {
	w.Helper()
	began := time.Now()
	for !done() {
		if time.Since(began) > limit {
			w.Fatalf("waited %s in vain: %s%s", limit, what, w.plight())
		}
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(began)
}

func (w *world) plight() string {
	var b strings.Builder
	for _, p := range w.procs {
		fmt.Fprintf(&b, "\np%d said last:\n%s", p.node, p.Tail())
	}
	for i, n := range w.base.cluster.Nodes {
		fmt.Fprintf(&b, "\nnode %d: %s", i, n.Status(context.Background(), "wsrep_local_state_comment"))
	}
	return b.String()
}

// running waits until each job has sent so much.
func (w *world) running(sends int64) {
	w.Helper()
	for _, j := range w.jobs {
		w.until("it sends", 2*time.Minute, func() bool { return j.account.Stats().Sends >= sends })
	}
}

// finish waits for the end of all jobs, judges them, and fills in the row.
func (w *world) finish() {
	w.Helper()
	w.row.lost, w.row.twice = 0, 0
	for i, j := range w.jobs {
		var state, reason string
		var epoch int
		w.until("the job ends", 5*time.Minute, func() bool {
			err := w.DB.QueryRowContext(w.Context(), "SELECT state, reason, epoch FROM pushd_job WHERE id = ?", j.id).Scan(&state, &reason, &epoch)
			return err == nil && pushd.State(state).Ended()
		})
		j.pulse.stop()
		if state != string(pushd.Succeeded) {
			w.Errorf("job %s is %s, %s", j.id, state, reason)
		}
		var id string
		w.must(w.DB.QueryRowContext(w.Context(), "SELECT COALESCE(msg_id, id) FROM pushd_job WHERE id = ?", j.id).Scan(&id))
		r := j.account.Report(id)
		w.row.add(i, r, epoch, j.pulse.longest())
		if r.Missing > 0 || r.More > 0 || r.Strangers > 0 {
			w.Errorf("job %s: %+v", j.id, r)
		}
		w.until("the column follows", time.Minute, func() bool {
			status, err := w.Status(w.Context(), j.channel.ActID)
			return err == nil && status == 2
		})
	}
	for _, p := range w.procs {
		for _, bad := range []string{"panic:", "fatal error:", "pushd:pushd@", "lost update"} {
			if strings.Contains(p.Said(), bad) {
				w.Errorf("p%d said %q", p.node, bad)
			}
		}
	}
}

// close ends the processes and makes the cluster whole.
func (w *world) close() {
	for _, j := range w.jobs {
		j.pulse.stop()
	}
	for _, p := range w.procs {
		p.Signal(syscall.SIGCONT)
		_ = p.End(syscall.SIGKILL, time.Minute) // it ends, or the test does
		p.listener.Close()
		if w.Failed() {
			w.Logf("p%d said last:\n%s", p.node, p.Tail())
		}
	}
	if w.DB != nil {
		w.DB.Close()
	}
	if w.Sim != nil {
		w.Sim.Close()
	}
	os.Remove(w.cert())
	ctx := context.Background()
	for _, n := range w.base.cluster.Nodes {
		_ = n.Thaw() // it may not be frozen, or not run
		_ = n.Heal(ctx)
	}
	for _, n := range w.base.cluster.Nodes {
		if !n.Running() {
			if err := n.Restart(ctx); err != nil {
				w.Error(err)
			}
		}
		if err := n.AwaitSynced(ctx); err != nil {
			w.Error(err)
		}
	}
}

// number reads a number from a node.
func (w *world) number(query string, args ...any) (n int) {
	w.Helper()
	var v sql.NullInt64
	w.must(w.DB.QueryRowContext(w.Context(), query, args...).Scan(&v))
	return int(v.Int64)
}

// pulse feels how long an account is sent nothing.
type pulse struct {
	mu    sync.Mutex
	last  time.Time
	worst time.Duration
	sends int64
	end   context.CancelFunc
	done  chan struct{}
}

func feel(ctx context.Context, a *wechatsim.Account) *pulse {
	ctx, cancel := context.WithCancel(ctx)
	p := &pulse{last: time.Now(), end: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				p.beat(now, a.Stats().Sends)
			}
		}
	}()
	return p
}

func (p *pulse) beat(now time.Time, sends int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if sends == p.sends {
		return
	}
	if p.sends > 0 {
		p.worst = max(p.worst, now.Sub(p.last))
	}
	p.sends, p.last = sends, now
}

// fresh forgets the pauses so far.
func (p *pulse) fresh() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.worst = 0
}

func (p *pulse) longest() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.worst
}

func (p *pulse) stop() {
	p.end()
	<-p.done
}
