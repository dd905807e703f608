// Package crashtest proves from outside that nobody is lost and nobody is
// told twice. It builds the real program and runs it as a child process
// against a private MariaDB and the simulated WeChat, kills and hampers all of
// them, and lets the simulator's ledger judge, never the program's own
// counters.
//
// Each scenario is a row of the table in docs/reliability.md. A run prints its
// seed; -crash.seed replays it. The short form runs in go test; -crash.long is
// what make chaos runs, and -crash.table writes the table.
//
// It is no part of the product.
package crashtest

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
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
	"pushd/internal/rig"
	"pushd/internal/store"
	"pushd/internal/wechatsim"
)

// Marked secrets. None of them may be found in anything that comes out.
const (
	apiKey     = "MARKED-api-key-0123456789abcdef"
	tokenKey   = "MARKED-token-key-0123456789abcdef"
	dsnSecret  = "MARKED-dsn-password-0123456789"
	appSecret  = "MARKED-app-secret-"
	querySaved = "MARKED-query-of-token-url"
)

// Concurrency is the ceiling of sends in flight per account in every
// scenario (PUSHD_CONCURRENCY). The bounds of repeats are multiples of it.
const Concurrency = 32

// Binaries are the programs under test.
type Binaries struct {
	Plain  string // as it is shipped
	Points string // with crash points
}

// World is what a scenario happens in: a database server behind a proxy, a
// WeChat with a PHP host, and the pushd processes it starts.
type World struct {
	rig.Rig // Sim and DB; its calls go to the process started last
	*testing.T
	Rand  *rand.Rand
	Row   *Row
	MySQL *mariadb.Server
	Proxy *Proxy

	bin  Binaries
	dir  string
	name string // of the database
	env  map[string]string
	args []string // of pushd serve

	mu        sync.Mutex
	processes []*Process
	channels  int
}

// NewWorld sets up a world for one scenario.
func NewWorld(t *testing.T, bin Binaries, row *Row, seed uint64) *World {
	t.Helper()
	w := &World{T: t, Row: row, bin: bin, dir: t.TempDir(), Rand: rand.New(rand.NewPCG(seed, 7)), env: map[string]string{}}
	t.Cleanup(w.close)
	if err := w.setUp(t.Context(), seed); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *World) setUp(ctx context.Context, seed uint64) (err error) {
	if w.MySQL, err = mariadb.Start(ctx, mariadb.WithGrants()); err != nil {
		return err
	}
	if w.name, err = w.MySQL.CreateDatabase(ctx); err != nil {
		return err
	}
	schema, err := os.ReadFile("../../deploy/schema.sql")
	if err != nil {
		return err
	}
	if err := w.MySQL.Exec(ctx, w.name, string(schema)); err != nil {
		return fmt.Errorf("load schema: %w", err)
	}
	if err := w.MySQL.Exec(ctx, "", fmt.Sprintf(
		"CREATE USER pushd@localhost IDENTIFIED BY '%s'; GRANT SELECT, INSERT, UPDATE, DELETE ON %s.* TO pushd@localhost", dsnSecret, w.name)); err != nil {
		return fmt.Errorf("grant: %w", err)
	}
	if w.Proxy, err = NewProxy(filepath.Join(w.MySQL.Socket()+".proxy"), w.MySQL.Socket()); err != nil {
		return err
	}
	if w.DB, err = store.MySQL().Open(w.MySQL.DSN(w.name), nil, time.UTC, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	w.Sim = wechatsim.New(wechatsim.Options{Seed: seed, TokenKey: tokenKey})
	if w.Listener, err = w.Sim.StartTLS(); err != nil {
		return err
	}
	w.Key = apiKey
	if err := w.Listener.WriteCert(w.certFile()); err != nil {
		return err
	}
	return w.migrate(ctx)
}

func (w *World) certFile() string { return filepath.Join(w.dir, "wechat.pem") }

// Set changes a setting of the processes started from now on; "" unsets it.
func (w *World) Set(name, value string) { w.env[name] = value }

// close ends everything and looks at what the processes have said.
func (w *World) close() {
	for _, p := range w.all() {
		p.Kill()
		p.judgeOutput(w.T)
	}
	if w.Proxy != nil {
		w.Proxy.Close()
	}
	if w.DB != nil {
		w.DB.Close()
	}
	if w.Sim != nil {
		w.Sim.Close()
	}
	if w.MySQL != nil {
		w.MySQL.Stop()
	}
}

func (w *World) all() []*Process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*Process(nil), w.processes...)
}

// Job is a posted reminder and what is to become of it.
type Job struct {
	ID      string
	Channel rig.Channel
	// Audience is what the POST says of it; "" nothing.
	Audience string
	Account  *wechatsim.Account
}

// crashTag is the tag that some followers of each account carry.
const crashTag = 101

// NewChannel makes an account with so many followers and a channel of it.
// change, which may be nil, changes how the account behaves.
func (w *World) NewChannel(followers int, change func(*wechatsim.Behaviour)) *Job {
	w.Helper()
	b := wechatsim.Default()
	b.Latency = wechatsim.Uniform(5*time.Millisecond, 20*time.Millisecond)
	b.PageLatency = wechatsim.Uniform(5*time.Millisecond, 20*time.Millisecond)
	if change != nil {
		change(&b)
	}
	w.channels++
	appid := fmt.Sprintf("wxcrash%06d", w.channels)
	j := &Job{
		Channel: rig.Channel{ActID: int64(w.channels), AppID: appid, Start: time.Now().Add(72 * time.Hour)},
		Account: w.Sim.Account(appid, wechatsim.AccountOptions{Followers: followers, Unsubscribed: 0.01, Behaviour: &b, Tags: []wechatsim.Tag{{ID: crashTag, Name: "老学员", Share: 0.4}}}),
	}
	w.must(w.AddChannel(w.Context(), j.Channel))
	w.Row.Jobs++
	return j
}

// Post posts j to a process. It may be posted again.
func (w *World) Post(p *Process, j *Job) error {
	token, _ := j.Account.StableToken(false)
	ctx, cancel := context.WithTimeout(w.Context(), callTimeout)
	defer cancel()
	job, err := p.API().Post(ctx, client.Order{
		ActID: j.Channel.ActID, AppID: j.Channel.AppID, Audience: j.Audience, Secret: appSecret + j.Channel.AppID, AccessToken: token,
	})
	if err != nil {
		return fmt.Errorf("post: %w", err)
	}
	j.ID = job.ID
	return nil
}

// Continue posts j again, to go on where it ended. It must be accepted.
func (w *World) Continue(p *Process, j *Job) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), callTimeout)
	defer cancel()
	job, err := p.API().Post(ctx, client.Order{ActID: j.Channel.ActID, AppID: j.Channel.AppID, Continue: true})
	w.must(err)
	if job.Existing {
		w.Fatalf("continue: there is job %s, %s", job.ID, job.Standing())
	}
}

// Command gives j a command, and returns the refusal if there is one.
func (w *World) Command(p *Process, j *Job, name client.Command) error {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), callTimeout)
	defer cancel()
	_, err := p.API().Command(ctx, j.ID, name)
	if client.Status(err) == 0 {
		w.must(err)
	}
	return err
}

// Begin makes a channel, starts a process with these settings and posts.
func (w *World) Begin(followers int, change func(*wechatsim.Behaviour)) (*Process, *Job) {
	w.Helper()
	j := w.NewChannel(followers, change)
	p := w.Start("a")
	w.must(w.Post(p, j))
	return p, j
}

// State reads a job's state, reason and epoch from the database.
func (w *World) State(j *Job) (state, reason string) {
	err := w.DB.QueryRowContext(w.Context(), "SELECT state, reason FROM pushd_job WHERE id = ?", j.ID).Scan(&state, &reason)
	if err != nil && err != sql.ErrNoRows {
		return "?", err.Error()
	}
	return state, reason
}

// MsgID reads a job's client_msg_id from the database; "" if there is none.
func (w *World) MsgID(j *Job) (id string) {
	w.Helper()
	err := w.DB.QueryRowContext(w.Context(), "SELECT COALESCE(msg_id, id) FROM pushd_job WHERE id = ?", j.ID).Scan(&id)
	if err != nil && err != sql.ErrNoRows {
		w.Fatal(err)
	}
	return id
}

// Until waits until done says so, or fails the test after limit.
func (w *World) Until(what string, limit time.Duration, done func() bool) {
	w.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline.C:
			w.Fatalf("waited %s in vain: %s%s", limit, what, w.plight())
		}
	}
}

// plight says how things stand when a wait was in vain.
func (w *World) plight() string {
	var b strings.Builder
	if rows, err := w.DB.Query("SELECT id, state, reason, detail FROM pushd_job ORDER BY created_at DESC LIMIT 5"); err == nil {
		defer rows.Close()
		for rows.Next() {
			var id, state, reason, detail string
			if rows.Scan(&id, &state, &reason, &detail) == nil {
				fmt.Fprintf(&b, "\njob %s: %s %s %s", id, state, reason, detail)
			}
		}
	}
	if all := w.all(); len(all) > 0 {
		all[len(all)-1].Signal(syscall.SIGQUIT) // it tells its stacks
		time.Sleep(100 * time.Millisecond)
		fmt.Fprintf(&b, "\nthe newest process said last:\n%s", all[len(all)-1].Tail())
	}
	return b.String()
}

// AwaitState waits until the job is in a state.
func (w *World) AwaitState(j *Job, want string, limit time.Duration) {
	w.Helper()
	w.Until("job is "+want, limit, func() bool {
		s, reason := w.State(j)
		if s != want && pushd.State(s).Ended() {
			w.Fatalf("job is %s (%s), want %s%s", s, reason, want, w.plight())
		}
		return s == want
	})
}

// AwaitSends waits until so many sends for j have come in.
func (w *World) AwaitSends(j *Job, n int64) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 30*time.Second)
	defer cancel()
	if err := j.Account.WaitSends(ctx, n); err != nil {
		w.Fatalf("await %d sends: %v%s", n, err, w.plight())
	}
}

// Pass lets time go by that the scenario is about: an outage, a pause.
func (w *World) Pass(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-w.Context().Done():
	}
}

// Between draws a duration.
func (w *World) Between(low, high time.Duration) time.Duration {
	return low + time.Duration(w.Rand.Int64N(int64(high-low)+1))
}

func (w *World) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}
