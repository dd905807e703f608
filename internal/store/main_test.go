package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"go.uber.org/goleak"

	"pushd"
	"pushd/internal/ledgertest"
	"pushd/internal/mariadb"
	"pushd/internal/platform"
	"pushd/internal/sqldb"
	"pushd/internal/store"
	"pushd/internal/store/sqlite"
)

// server is the MariaDB of this test binary; every test has a database of its
// own on it.
var server *mariadb.Server

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if server, err = mariadb.Start(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer server.Stop()
	code := m.Run()
	// The server's own goroutine lives as long as the server.
	if err := goleak.Find(goleak.IgnoreAnyFunction("pushd/internal/mariadb.(*Server).spawn.func1")); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

const (
	appID  = pushd.AppID("wx0000000000000001")
	actID  = pushd.ActID(42)
	start  = int64(1_900_000_000)
	term   = 15 * time.Second
	grace  = time.Minute
	future = pushd.Time(1_900_000_000_000_000)
)

var (
	alice = pushd.Owner{Instance: "alice", Boot: "1"}
	bob   = pushd.Owner{Instance: "bob", Boot: "1"}
)

// fixture is a store on an empty, migrated database with the platform's
// tables, and a second way into that database for looking and meddling.
type fixture struct {
	*store.Store
	raw *sql.DB
	t   *testing.T
	ctx context.Context
	dsn string
	opt store.Options
}

// everywhere runs a test on every dialect. What is no matter of SQL but a rule
// of the ledger is in internal/ledgertest.
func everywhere(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Run("mariadb", func(t *testing.T) { test(t, onMariaDB(t)) })
	t.Run("sqlite", func(t *testing.T) { test(t, onSQLite(t)) })
}

func onMariaDB(t *testing.T) *fixture {
	t.Helper()
	return onServer(t, server)
}

// onServer makes a database on a server.
func onServer(t *testing.T, srv *mariadb.Server) *fixture {
	t.Helper()
	name, err := srv.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return newFixture(t, store.MySQL(), srv.DSN(name), loadMariaDB(t, srv, name))
}

func onSQLite(t *testing.T) *fixture {
	t.Helper()
	d := sqlite.Dialect(nil)
	dsn := filepath.Join(t.TempDir(), "pushd.db")
	raw, err := d.Open(dsn, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := raw.Exec(sqlite.PlatformSchema); err != nil {
		t.Fatal(err)
	}
	return newFixture(t, d, dsn, raw)
}

func newFixture(t *testing.T, d sqldb.Dialect, dsn string, raw *sql.DB) *fixture {
	t.Helper()
	f := &fixture{t: t, ctx: t.Context(), dsn: dsn, raw: raw, opt: store.Options{DSN: dsn, Dialect: d, Logger: quiet, Queries: platform.Queries{AudienceQuery: subscribersQuery}}}
	s, err := store.Open(t.Context(), f.opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); raw.Close() })
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.Store = s
	f.channel(actID, appID)
	return f
}

// schema is the text of deploy/schema.sql.
func schema(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../deploy/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// quiet is for the tests' stores: what they log is no news.
var quiet = slog.New(slog.DiscardHandler)

// openids is a page of people.
func openids(ids ...pushd.OpenID) []pushd.OpenID { return ids }

var succeeded = pushd.Ending{State: pushd.Succeeded}

// loadMariaDB loads deploy/schema.sql.
func loadMariaDB(t *testing.T, srv *mariadb.Server, name string) *sql.DB {
	t.Helper()
	if err := srv.Exec(t.Context(), name, schema(t)); err != nil {
		t.Fatal(err)
	}
	cfg, err := mysql.ParseDSN(srv.DSN(name))
	if err != nil {
		t.Fatal(err)
	}
	cfg.InterpolateParams, cfg.MultiStatements = true, true
	conn, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return sql.OpenDB(conn)
}

// again opens the same database a second time, as another process would.
func (f *fixture) again() *store.Store {
	f.t.Helper()
	s, err := store.Open(f.ctx, f.opt)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { s.Close() })
	return s
}

// channel gives the platform a channel that is due. An account belongs to one
// owner: that of the first channel.
func (f *fixture) channel(act pushd.ActID, app pushd.AppID) {
	f.t.Helper()
	owner := f.number(`SELECT COALESCE(MAX(uin), ?) FROM user_wx_account WHERE appid = ?`, act, app)
	f.set(`INSERT INTO activity (id, uin, title, start_time, watch_url) VALUES (?, ?, ?, ?, ?)`,
		act, owner, "第一课", start, "https://live.example/42")
	f.set(`INSERT INTO activity_detail (act_id, live_notify) VALUES (?, 1)`, act)
	if f.number(`SELECT COUNT(*) FROM user_wx_account WHERE uin = ?`, owner) == 0 {
		f.set(`INSERT INTO user_wx_account (uin, appid) VALUES (?, ?)`, owner, app)
		f.set(`INSERT INTO user_wx_config (uin, act_live_template_id) VALUES (?, ?)`, owner, "tpl1")
	}
}

// subscribers makes the platform's table that subscribersQuery reads.
func (f *fixture) subscribers() {
	f.t.Helper()
	f.set(`CREATE TABLE IF NOT EXISTS subscriber (act_id BIGINT NOT NULL, openid VARBINARY(64) NOT NULL, PRIMARY KEY (act_id, openid))`)
}

// subscribersQuery is PUSHD_AUDIENCE_QUERY of these tests.
const subscribersQuery = `SELECT openid FROM subscriber WHERE act_id = ? AND openid > ? ORDER BY openid LIMIT ?`

// set changes the database behind the store's back.
func (f *fixture) set(query string, args ...any) {
	f.t.Helper()
	if _, err := f.raw.ExecContext(f.ctx, query, args...); err != nil {
		f.t.Fatalf("%s: %v", strings.Join(strings.Fields(query), " "), err)
	}
}

// number reads one number from the database.
func (f *fixture) number(query string, args ...any) (n int64) {
	f.t.Helper()
	if err := f.raw.QueryRowContext(f.ctx, query, args...).Scan(&n); err != nil {
		f.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// status is the channel's live_notify_status.
func (f *fixture) status(act pushd.ActID) int64 {
	f.t.Helper()
	return f.number(`SELECT live_notify_status FROM activity_detail WHERE act_id = ?`, act)
}

// create makes a job for a channel of its own and account app.
func (f *fixture) create(act pushd.ActID, app pushd.AppID) pushd.Job {
	f.t.Helper()
	if act != actID {
		f.channel(act, app)
	}
	j, err := f.Create(f.ctx, pushd.Job{ActID: act, AppID: app, StartTime: start, Deadline: future})
	f.ok(err)
	return j
}

// claimed makes a job and claims it for owner.
func (f *fixture) claimed(owner pushd.Owner) pushd.Job {
	f.t.Helper()
	j, err := f.Claim(f.ctx, owner, f.create(actID, appID).ID, term)
	f.ok(err)
	return j
}

// walked makes a claimed job with pages of people.
func (f *fixture) walked(pages ...[]pushd.OpenID) pushd.Job {
	f.t.Helper()
	j := f.claimed(alice)
	w := pushd.Walk{Pass: 1}
	for i, ids := range pages {
		w.Pages, w.Walked, w.Cursor = i+1, w.Walked+int64(len(ids)), ids[len(ids)-1]
		w.Complete = i == len(pages)-1
		f.ok(f.StorePage(f.ctx, j.Lease(), pushd.Page{No: i + 1, OpenIDs: ids}, w))
	}
	return f.job(j.ID)
}

// record writes the states of one page's people.
func (f *fixture) record(l pushd.Lease, page int, people ...pushd.Person) {
	f.t.Helper()
	f.ok(f.Record(f.ctx, l, []pushd.Progress{ledgertest.ProgressOf(page, people...)}))
}

func (f *fixture) job(id pushd.JobID) pushd.Job {
	f.t.Helper()
	j, err := f.Job(f.ctx, id)
	f.ok(err)
	return j
}

func (f *fixture) ok(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) want(err, want error) {
	f.t.Helper()
	if err != want {
		f.t.Fatalf("error %v, want %v", err, want)
	}
}

// message stores what a job sends.
func (f *fixture) message(l pushd.Lease, m pushd.Prepared) {
	f.t.Helper()
	_, err := f.SaveMessage(f.ctx, l, m)
	f.ok(err)
}

var (
	sent    = pushd.Person{State: pushd.PersonSent}
	skipped = pushd.Person{State: pushd.PersonSkipped, Code: 43004}
	failed  = pushd.Person{State: pushd.PersonFailed, Code: 40003}
	unknown = pushd.Person{State: pushd.PersonUnknown, Code: pushd.CodeTimeout}
)

// at once runs f(0) … f(n-1) as simultaneously as goroutines can.
func atOnce(n int, f func(i int)) {
	var wg sync.WaitGroup
	gun := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-gun
			f(i)
		})
	}
	close(gun)
	wg.Wait()
}
