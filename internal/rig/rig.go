// Package rig sets up a whole pushd in one process: a database (SQLite, or a
// private MariaDB), the simulated WeChat with PHP's token endpoint, and the
// daemon itself with its API on a free port. Tests, benchmarks and the demo
// run on it. It is no part of the product.
package rig

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"pushd"
	"pushd/api/client"
	"pushd/internal/daemon"
	"pushd/internal/fanout"
	"pushd/internal/mariadb"
	"pushd/internal/sqldb"
	"pushd/internal/store"
	"pushd/internal/store/sqlite"
	"pushd/internal/tokenclient"
	"pushd/internal/wechat"
	"pushd/internal/wechatsim"
)

// Options are what a rig is made of; the zero value is a rig on SQLite.
type Options struct {
	// Server gives the rig a database of its own on a private MariaDB; nil
	// is SQLite in a temporary file.
	Server *mariadb.Server
	// Schema is the text of deploy/schema.sql, needed with Server.
	Schema string
	Seed   uint64
	Log    *slog.Logger // default: nothing is logged
	// Sim is a simulator that is there already, with its listener; default: one
	// of the rig's own.
	Sim      *wechatsim.Sim
	Listener *wechatsim.Listener
	// Change may change the daemon's settings before it is made.
	Change func(*daemon.Config)
}

// Rig is a running pushd and its surroundings.
type Rig struct {
	Sim      *wechatsim.Sim
	Listener *wechatsim.Listener
	// Store is a connection of the rig's own to the daemon's database.
	Store *store.Store
	// DB is the same database for plain SQL.
	DB  *sql.DB
	URL string // of the API
	Key string

	dir      string
	dialect  sqldb.Dialect
	dsn      string
	name     string // of the database on Server
	stop     context.CancelFunc
	finished chan error
	options  Options
}

// The keys of a rig. They are marked, so that a test can look for them where
// they must not be.
const (
	APIKey   = "rig-api-key-SECRET-0123456789"
	TokenKey = "rig-token-key-SECRET-9876543210"
)

// New sets a rig up and starts its daemon.
func New(ctx context.Context, o Options) (*Rig, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Rig{options: o, Sim: o.Sim, Listener: o.Listener, Key: APIKey}
	if err := r.setUp(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Rig) setUp(ctx context.Context) (err error) {
	if r.dir, err = os.MkdirTemp("", "pushd-rig-"); err != nil {
		return err
	}
	if r.Sim == nil {
		r.Sim = wechatsim.New(wechatsim.Options{Seed: r.options.Seed, TokenKey: TokenKey})
	}
	if r.Listener == nil {
		if r.Listener, err = r.Sim.StartTLS(); err != nil {
			return err
		}
	}
	if err := r.database(ctx); err != nil {
		return err
	}
	return r.StartDaemon(ctx)
}

// database makes the tables.
func (r *Rig) database(ctx context.Context) (err error) {
	schema := sqlite.PlatformSchema
	r.dialect, r.dsn = sqlite.Dialect(nil), filepath.Join(r.dir, "pushd.db")
	if srv := r.options.Server; srv != nil {
		name, err := srv.CreateDatabase(ctx)
		if err != nil {
			return err
		}
		r.name, r.dialect, r.dsn, schema = name, store.MySQL(), srv.DSN(name), r.options.Schema
		if err := srv.Exec(ctx, name, schema); err != nil {
			return fmt.Errorf("load schema: %w", err)
		}
	}
	if r.DB, err = r.dialect.Open(r.dsn, nil, time.UTC, r.options.Log); err != nil {
		return err
	}
	if r.options.Server == nil {
		if _, err := r.DB.ExecContext(ctx, schema); err != nil {
			return fmt.Errorf("load schema: %w", err)
		}
	}
	if r.Store, err = store.Open(ctx, store.Options{DSN: r.dsn, Dialect: r.dialect, Logger: r.options.Log}); err != nil {
		return err
	}
	return r.Store.Migrate(ctx)
}

// Load runs SQL text of many statements.
func (r *Rig) Load(ctx context.Context, text string) error {
	if srv := r.options.Server; srv != nil {
		return srv.Exec(ctx, r.name, text)
	}
	_, err := r.DB.ExecContext(ctx, text)
	return err
}

// Quote writes a name that is a word of SQL.
func (r *Rig) Quote(name string) string {
	if r.options.Server != nil {
		return "`" + name + "`"
	}
	return `"` + name + `"`
}

// PDO is how PHP reaches the rig's database.
func (r *Rig) PDO() (dsn, user string) {
	if srv := r.options.Server; srv != nil {
		return "mysql:unix_socket=" + srv.Socket() + ";dbname=" + r.name + ";charset=utf8mb4", "root"
	}
	return "sqlite:" + r.dsn, ""
}

// Config is how the rig's daemon is set: the defaults of pushd serve, short
// waits where a test would wait.
func (r *Rig) Config() daemon.Config {
	shanghai := time.FixedZone("Asia/Shanghai", 8*60*60)
	c := daemon.Config{
		Store:  store.Options{DSN: r.dsn, Dialect: r.dialect, Logger: r.options.Log},
		WeChat: wechat.Options{BaseURL: r.Listener.URL, TLS: r.Listener.TLSConfig(), MaxConns: 4096, SendTimeout: 10 * time.Second},
		Tokens: tokenclient.Options{URL: r.TokenURL(), Key: TokenKey, Logger: r.options.Log, Transport: &http.Transport{TLSClientConfig: r.Listener.TLSConfig()}},
		Engine: fanout.Config{
			Owner: pushd.Owner{Instance: "rig"}, Concurrency: 1024, MaxJobs: 512, Lease: 15 * time.Second,
			SendTimeout: 10 * time.Second, DedupWindow: 9 * time.Minute, Ambiguous: fanout.Resend,
			Grace: 30 * time.Minute, Retention: 168 * time.Hour, JobRetention: 9600 * time.Hour, RefusalMemory: 720 * time.Hour, Location: shanghai, StatusFailed: 3,
		},
		Keys: []pushd.Key{{Name: "rig", Secret: APIKey}}, Console: true, Listen: "127.0.0.1:0", Drain: 15 * time.Second, Version: "rig", Log: r.options.Log,
	}
	if r.options.Change != nil {
		r.options.Change(&c)
	}
	return c
}

// TokenURL is where the simulated PHP gives tokens out.
func (r *Rig) TokenURL() string { return r.Listener.URL + "/php/token" }

// StartDaemon starts the daemon, for the first time or after StopDaemon.
func (r *Rig) StartDaemon(ctx context.Context) error {
	d, err := daemon.New(ctx, r.Config())
	if err != nil {
		return err
	}
	r.URL = "http://" + d.Addr().String()
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	finished := make(chan error, 1)
	go func() { finished <- d.Run(run) }()
	r.stop, r.finished = stop, finished
	return nil
}

// StopDaemon stops the daemon as SIGTERM does, and waits for it.
func (r *Rig) StopDaemon() error {
	if r.stop == nil {
		return nil
	}
	r.stop()
	r.stop = nil
	return <-r.finished
}

// Close stops everything and removes what was made.
func (r *Rig) Close() error {
	err := r.StopDaemon()
	// The server has closed what was idle for long; to close that is an error.
	if r.Store != nil {
		r.Store.Close()
	}
	if r.DB != nil {
		r.DB.Close()
	}
	if r.Sim != nil && r.options.Sim == nil {
		r.Sim.Close()
	}
	if r.dir != "" {
		err = errors.Join(err, os.RemoveAll(r.dir))
	}
	return err
}

// Channel is a channel of the platform with its owner's account.
type Channel struct {
	ActID      int64
	AppID      string
	TemplateID string // default: the simulator's listed live template
	Title      string
	Start      time.Time
	Minutes    int
	URL        string
}

// AddChannel writes a channel into the platform's tables, with the reminder
// on, and its owner: whoever has the account already, else a new one.
func (r *Rig) AddChannel(ctx context.Context, c Channel) error {
	if c.TemplateID == "" {
		c.TemplateID = wechatsim.TemplateID(c.AppID, 1)
	}
	if c.Title == "" {
		c.Title = "Go 语言直播课"
	}
	if c.URL == "" {
		c.URL = fmt.Sprintf("https://live.example.com/watch/%d", c.ActID)
	}
	if c.Start.IsZero() {
		c.Start = time.Now().Add(time.Hour)
	}
	owner, err := r.owner(ctx, c)
	if err != nil {
		return fmt.Errorf("add channel: %w", err)
	}
	return r.write(ctx, []statement{
		{"INSERT INTO activity (id, uin, title, start_time, watch_url) VALUES (?, ?, ?, ?, ?)", []any{c.ActID, owner, c.Title, c.Start.Unix(), c.URL}},
		{"INSERT INTO activity_detail (act_id, live_notify, live_notify_time) VALUES (?, 1, ?)", []any{c.ActID, max(c.Minutes, 30)}},
	})
}

// owner is the owner of a channel's account. An account belongs to one; where
// it has none yet, the channel's number names a new one.
func (r *Rig) owner(ctx context.Context, c Channel) (uin int64, err error) {
	err = r.DB.QueryRowContext(ctx, "SELECT uin FROM user_wx_account WHERE appid = ?", c.AppID).Scan(&uin)
	if !errors.Is(err, sql.ErrNoRows) {
		return uin, err
	}
	return c.ActID, r.write(ctx, []statement{
		{"INSERT INTO user_wx_account (uin, appid) VALUES (?, ?)", []any{c.ActID, c.AppID}},
		{"INSERT INTO user_wx_config (uin, act_live_template_id, status) VALUES (?, ?, 1)", []any{c.ActID, c.TemplateID}},
	})
}

// statement is a piece of SQL with its arguments.
type statement struct {
	text string
	args []any
}

func (r *Rig) write(ctx context.Context, all []statement) error {
	for _, q := range all {
		if _, err := r.DB.ExecContext(ctx, q.text, q.args...); err != nil {
			return err
		}
	}
	return nil
}

// Status reads live_notify_status.
func (r *Rig) Status(ctx context.Context, actID int64) (status int, err error) {
	err = r.DB.QueryRowContext(ctx, "SELECT live_notify_status FROM activity_detail WHERE act_id = ?", actID).Scan(&status)
	return status, err
}

// API is the client of the rig's API.
func (r *Rig) API() client.Client { return client.Client{URL: r.URL, Key: r.Key} }

// Post posts the four fields of a job, as PHP's cron does.
func (r *Rig) Post(ctx context.Context, c Channel) (client.Job, error) {
	token, _ := r.Sim.Find(c.AppID).StableToken(false)
	job, err := r.API().Post(ctx, client.Order{
		ActID: c.ActID, AppID: c.AppID, Secret: "app-SECRET-" + c.AppID, AccessToken: token,
	})
	if err != nil {
		err = fmt.Errorf("post job: %w", err)
	}
	return job, err
}

// Await asks for the job until done says so.
func (r *Rig) Await(ctx context.Context, id string, done func(client.Job) bool) (client.Job, error) {
	for {
		job, err := r.API().Job(ctx, id)
		if err == nil && done(job) {
			return job, nil
		}
		select {
		case <-ctx.Done():
			return job, fmt.Errorf("await job %s (now %s, %s): %w", id, job.State, job.Detail, context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
}
