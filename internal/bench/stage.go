package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/go-sql-driver/mysql"

	"pushd"
	"pushd/api/client"
	"pushd/internal/mariadb"
	"pushd/internal/program"
	"pushd/internal/wechatsim"
)

// stage is what all rows are played on: the built programs, the simulator and
// the database server.
type stage struct {
	out   io.Writer
	runs  int
	scale float64
	dir   string
	root  string // of the repository
	sim   *wechatsim.Child
	db    *mariadb.Server
	next  int // number of the next account and channel

	models []wechatsim.LimitModel // of the row limit
}

const (
	apiKey   = "bench-api-key-0123456789"
	tokenKey = "bench-token-key-0123456789"
)

func newStage(ctx context.Context, out io.Writer, runs int, scale float64) (*stage, error) {
	s := &stage{out: out, runs: runs, scale: scale}
	var err error
	if s.dir, err = os.MkdirTemp("", "pushd-bench-"); err != nil {
		return nil, err
	}
	if err := s.setUp(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *stage) setUp(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "pushd").Output()
	if err != nil {
		return fmt.Errorf("find the repository: %w", err)
	}
	s.root = string(bytes.TrimSpace(out))
	for name, dir := range map[string]string{
		"wechatsim": "internal/wechatsim/cmd/wechatsim",
		"loop":      "internal/bench/loop", "silenceper": "internal/bench/silenceper", "limiters": "internal/bench/limiters",
	} {
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", s.path(name), ".")
		build.Dir = filepath.Join(s.root, dir)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w: %s", name, err, out)
		}
	}
	if err := program.Build(ctx, s.path("pushd")); err != nil {
		return err
	}
	if s.sim, err = wechatsim.Launch(ctx, s.path("wechatsim"), "-tls", "-exact", "-cert", s.path("cert.pem"),
		"-token-key", tokenKey, "-appid", ""); err != nil {
		return err
	}
	s.db, err = mariadb.Start(ctx, mariadb.WithArgs("--innodb-buffer-pool-size=256M"))
	return err
}

func (s *stage) close() (err error) {
	if s.sim != nil {
		err = s.sim.Stop()
	}
	if s.db != nil {
		err = errors.Join(err, s.db.Stop())
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

func (s *stage) printf(format string, args ...any) { fmt.Fprintf(s.out, format, args...) }

// many scales a number of followers.
func (s *stage) many(n int) int { return max(100, int(float64(n)*s.scale)) }

// lasting scales a duration.
func (s *stage) lasting(d time.Duration) time.Duration { return time.Duration(float64(d) * s.scale) }

// play is one pushd with a database of its own.
type play struct {
	*stage
	*served
	dsn string
	sql *sql.DB
	env []string // of pushd
}

// play starts a pushd with settings ("PUSHD_CONCURRENCY=100") on an empty
// database.
func (s *stage) play(ctx context.Context, settings ...string) (*play, error) {
	return s.playWithFiles(ctx, 0, settings...)
}

// playWithFiles is play with a limit of open files, if it is not 0.
func (s *stage) playWithFiles(ctx context.Context, files int, settings ...string) (*play, error) {
	name, err := s.db.CreateDatabase(ctx)
	if err != nil {
		return nil, err
	}
	schema, err := os.ReadFile(filepath.Join(s.root, "deploy", "schema.sql"))
	if err != nil {
		return nil, err
	}
	if err := s.db.Exec(ctx, name, string(schema)); err != nil {
		return nil, fmt.Errorf("load schema: %w", err)
	}
	p := &play{stage: s, dsn: s.db.DSN(name)}
	env := append([]string{
		"PUSHD_MYSQL_DSN=" + p.dsn, "PUSHD_LISTEN=127.0.0.1:0", "PUSHD_API_KEY=" + apiKey, "PUSHD_INSTANCE=bench",
		"PUSHD_WECHAT_URL=" + s.sim.URLs[0], "PUSHD_TOKEN_URL=" + s.sim.TokenURL, "PUSHD_TOKEN_KEY=" + tokenKey,
		"SSL_CERT_FILE=" + s.sim.Cert,
	}, settings...)
	if _, err := once(ctx, env, s.path("pushd"), "migrate"); err != nil {
		return nil, err
	}
	conf, err := mysql.ParseDSN(p.dsn)
	if err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(conf)
	if err != nil {
		return nil, err
	}
	p.sql, p.env = sql.OpenDB(connector), env
	p.served, err = start(files, s.path("pushd"), env)
	return p, err
}

// database is the name of the play's database.
func (p *play) database() string {
	conf, err := mysql.ParseDSN(p.dsn)
	if err != nil {
		return "" // play has parsed it
	}
	return conf.DBName
}

func (p *play) close() error { return errors.Join(p.served.stop(), p.sql.Close()) }

// account is an Official Account with a channel that is about to start.
type account struct {
	wechatsim.RemoteAccount
	p     *play
	actID int
	appid string
	token string
}

// account makes an account and its channel.
func (p *play) account(ctx context.Context, followers int, b wechatsim.Behaviour) (*account, error) {
	p.next++
	a := &account{p: p, actID: p.next, appid: fmt.Sprintf("wxbench%d", p.next)}
	var err error
	if a.RemoteAccount, err = p.sim.AddAccount(ctx, a.appid, wechatsim.AccountOptions{Followers: followers, Behaviour: &b}); err != nil {
		return nil, err
	}
	if a.token, err = a.IssueToken(ctx); err != nil {
		return nil, err
	}
	for _, q := range []string{
		fmt.Sprintf("INSERT INTO activity (id, uin, title, start_time, watch_url) VALUES (%d, %d, 'Go 语言直播课', %d, 'https://live.example.com/%d')",
			a.actID, a.actID, time.Now().Add(2*time.Hour).Unix(), a.actID),
		fmt.Sprintf("INSERT INTO activity_detail (act_id, live_notify, live_notify_time) VALUES (%d, 1, 30)", a.actID),
		fmt.Sprintf("INSERT INTO user_wx_account (uin, appid) VALUES (%d, '%s')", a.actID, a.appid),
		fmt.Sprintf("INSERT INTO user_wx_config (uin, act_live_template_id, status) VALUES (%d, '%s', 1)", a.actID, wechatsim.TemplateID(a.appid, 1)),
	} {
		if _, err := p.sql.ExecContext(ctx, q); err != nil {
			return nil, fmt.Errorf("add channel: %w", err)
		}
	}
	return a, nil
}

// order is what a's reminder is asked for by.
func (a *account) order() client.Order {
	return client.Order{ActID: int64(a.actID), AppID: a.appid, Secret: "s", AccessToken: a.token, ExpiresIn: 7200}
}

// post asks for the reminder.
func (a *account) post(ctx context.Context) (client.Job, error) { return a.p.Post(ctx, a.order()) }

// await waits until the job has ended, and wants it to have succeeded. It looks
// seldom: looking costs CPU too.
func await(ctx context.Context, api client.Client, id string) (client.Job, error) {
	for {
		j, err := api.Job(ctx, id)
		switch {
		case err != nil:
			return j, err
		case j.State == pushd.Succeeded:
			return j, nil
		case j.Ended():
			return j, fmt.Errorf("job ended %s: %s", j.Standing(), j.Detail)
		}
		if err := pause(ctx, 500*time.Millisecond); err != nil {
			return j, err
		}
	}
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// median returns the middle of some values.
func median[T int64 | float64 | time.Duration](all []T) T {
	all = slices.Sorted(slices.Values(all))
	if len(all) == 0 {
		return 0
	}
	return all[len(all)/2]
}
