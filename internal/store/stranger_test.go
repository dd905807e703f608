package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pushd"
	"pushd/internal/mariadb"
	"pushd/internal/platform"
	"pushd/internal/store"
)

// strangers are the ways in which the platform's tables can be out of reach
// while the database is well. Each returns what ends it.
var strangers = map[string]func(f *fixture) func(){
	"a transaction holds the rows": func(f *fixture) func() {
		return f.holding(`BEGIN`, `SELECT * FROM activity_detail FOR UPDATE`)
	},
	"a backup holds the table": func(f *fixture) func() {
		return f.holding(`LOCK TABLES activity_detail WRITE`)
	},
	"a backup holds all of the platform's tables": func(f *fixture) func() {
		return f.holding(`LOCK TABLES activity_detail WRITE, activity WRITE, user_wx_account WRITE, user_wx_config WRITE`)
	},
	noRight: func(f *fixture) func() {
		f.revoke()
		return func() {}
	},
	"a CHECK forbids the value": func(f *fixture) func() {
		f.set(`ALTER TABLE activity_detail ADD CONSTRAINT known CHECK (live_notify_status IN (0, 1))`)
		return func() { f.set(`ALTER TABLE activity_detail DROP CONSTRAINT known`) }
	},
	computed: func(f *fixture) func() {
		f.set(`ALTER TABLE activity_detail DROP live_notify_status, ADD live_notify_status TINYINT AS (1) VIRTUAL`)
		return func() {}
	},
	"a trigger refuses": func(f *fixture) func() {
		f.set(`CREATE TRIGGER guard BEFORE UPDATE ON activity_detail FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'`)
		return func() { f.set(`DROP TRIGGER guard`) }
	},
	"a trigger hangs": func(f *fixture) func() {
		f.set(`CREATE TRIGGER guard BEFORE UPDATE ON activity_detail FOR EACH ROW DO SLEEP(8)`)
		return func() { f.set(`DROP TRIGGER guard`) }
	},
	"the table is gone": func(f *fixture) func() {
		f.set(`RENAME TABLE activity_detail TO elsewhere`)
		return func() { f.set(`RENAME TABLE elsewhere TO activity_detail`) }
	},
}

// Those that stay.
const noRight, computed = "the right is missing", "the column is computed"

// holding runs statements on a connection of its own, and ends it when told.
func (f *fixture) holding(statements ...string) (end func()) {
	f.t.Helper()
	conn, err := f.raw.Conn(f.ctx)
	f.ok(err)
	for _, q := range statements {
		_, err := conn.ExecContext(f.ctx, q)
		f.ok(err)
	}
	return func() {
		for _, q := range []string{`ROLLBACK`, `UNLOCK TABLES`} {
			_, err := conn.ExecContext(f.ctx, q)
			f.ok(err)
		}
		f.ok(conn.Close())
	}
}

// revoke makes the store work as a user who may not write the platform's tables.
func (f *fixture) revoke() {
	f.t.Helper()
	var db string
	f.ok(f.raw.QueryRowContext(f.ctx, `SELECT DATABASE()`).Scan(&db))
	f.set(`CREATE USER pushd@localhost`)
	f.set(`GRANT SELECT ON ` + db + `.* TO pushd@localhost`)
	for _, table := range []string{"job", "page", "progress", "message", "install", "account"} {
		f.set(`GRANT INSERT, UPDATE, DELETE ON ` + db + `.pushd_` + table + ` TO pushd@localhost`)
	}
	opt := f.opt
	opt.DSN = strings.Replace(opt.DSN, "root", "pushd", 1)
	s, err := store.Open(f.ctx, opt)
	f.ok(err)
	f.t.Cleanup(func() { s.Close() })
	f.Store = s
}

// Whatever is the matter with the platform's tables: jobs are accepted, obey
// commands, finish and expire, each in time, and nothing of pushd's stays locked
// behind them. When the tables are back, the column can be corrected.
func TestStore_PlatformTablesOutOfReach(t *testing.T) {
	srv, err := mariadb.Start(t.Context(), mariadb.WithGrants())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Stop() }) // after the parallel tests
	for name, stranger := range strangers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := onServer(t, srv)
			done := f.walked(openids("oA"))
			f.record(done.Lease(), 1, sent)
			var queued []pushd.Job
			for act := actID + 1; act < actID+8; act++ {
				queued = append(queued, f.create(act, pushd.AppID(fmt.Sprint("wx", act))))
			}
			f.channel(60, "wx60")
			held, err := f.Claim(f.ctx, bob, queued[6].ID, term)
			f.ok(err)
			f.set(`UPDATE pushd_job SET deadline = 1 WHERE id IN (?, ?)`, queued[4].ID, queued[5].ID)
			_, err = f.Salt(f.ctx)
			f.ok(err)
			end := stranger(f)

			f.within("command", 500*time.Millisecond, func() error {
				_, err := f.Command(f.ctx, queued[0].ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Canceled})
				return err
			})
			f.within("finish", 6*time.Second, func() error { return f.Finish(f.ctx, done.Lease(), succeeded) })
			f.within("create", 6*time.Second, func() error {
				_, err := f.Create(f.ctx, pushd.Job{ActID: 60, AppID: "wx60", StartTime: start, Deadline: future})
				return err
			})
			f.within("expire", 500*time.Millisecond, func() error {
				ids, err := f.Expire(f.ctx, 10)
				if err == nil && len(ids) != 2 {
					t.Errorf("%d jobs expired, want 2", len(ids))
				}
				return err
			})
			f.within("renew", 500*time.Millisecond, func() error {
				_, err := f.Renew(f.ctx, bob, term, []pushd.Held{{Lease: held.Lease()}})
				return err
			})
			corrected, failed := f.CorrectStatus(f.ctx, f.job(done.ID), start, 2)
			f.within("renew behind a status that can't be written", 500*time.Millisecond, func() error {
				_, err := f.Renew(f.ctx, bob, term, []pushd.Held{{Lease: held.Lease()}})
				return err
			})
			if corrected || failed == nil {
				t.Errorf("the status was written: %v %v", corrected, failed)
			}
			end()
			for id, want := range map[pushd.JobID]pushd.State{queued[0].ID: pushd.Canceled, done.ID: pushd.Succeeded, queued[4].ID: pushd.Expired} {
				if got := f.job(id).State; got != want {
					t.Errorf("the job is %s, want %s", got, want)
				}
			}
			if j, err := f.Active(f.ctx, 60); err != nil || j.State != pushd.Queued {
				t.Errorf("created: %+v %v", j, err)
			}
			if name == noRight || name == computed {
				return
			}
			if corrected, err := f.CorrectStatus(f.ctx, f.job(done.ID), start, 2); err != nil || !corrected || f.status(actID) != 2 {
				t.Errorf("corrected later: %v %v, status %d", corrected, err, f.status(actID))
			}
		})
	}
}

// within fails if a call takes longer than it may.
func (f *fixture) within(what string, most time.Duration, call func() error) {
	f.t.Helper()
	began := time.Now()
	if err := call(); err != nil {
		f.t.Errorf("%s: %v", what, err)
	}
	if took := time.Since(began); took > most+time.Second { // the machine is shared
		f.t.Errorf("%s took %s", what, took)
	}
}

// A connection that had to wait for the platform's row goes back to the pool
// with the waits for locks that it had before.
func TestStore_ConnectionsGoBackAsTheyWere(t *testing.T) {
	for params, want := range map[string]string{"": "5 20", "?innodb_lock_wait_timeout=3&lock_wait_timeout=7": "3 7"} {
		f := onMariaDB(t)
		j := f.walked(openids("oA"))
		f.record(j.Lease(), 1, sent)
		opt := f.opt
		opt.DSN, opt.MaxConns = opt.DSN+params, 1
		opt.ChannelQuery = strings.Replace(platform.DefaultChannelQuery, "a.title", "CONCAT(@@innodb_lock_wait_timeout, ' ', @@lock_wait_timeout)", 1)
		s, err := store.Open(f.ctx, opt)
		f.ok(err)
		t.Cleanup(func() { s.Close() })
		waits := func() string {
			ch, err := s.Channel(f.ctx, actID)
			f.ok(err)
			return ch.Title
		}
		end := f.holding(`BEGIN`, `SELECT * FROM activity_detail FOR UPDATE`)
		f.ok(s.Finish(f.ctx, j.Lease(), succeeded))
		if got := waits(); got != want {
			t.Errorf("%q: after a wait in vain: %s, want %s", params, got, want)
		}
		end()
		if done, err := s.CorrectStatus(f.ctx, f.job(j.ID), start, 2); err != nil || !done {
			t.Errorf("corrected: %v %v", done, err)
		}
		if got := waits(); got != want {
			t.Errorf("%q: after a write: %s, want %s", params, got, want)
		}
	}
}

// Many jobs that end while somebody holds the platform's table leave
// connections for everything else.
func TestStore_PlatformTablesLeaveConnections(t *testing.T) {
	f := onMariaDB(t)
	opt := f.opt
	opt.MaxConns = 8
	s, err := store.Open(f.ctx, opt)
	f.ok(err)
	t.Cleanup(func() { s.Close() })
	f.Store = s
	var jobs []pushd.Job
	for i := range 20 {
		act := actID + 1 + pushd.ActID(i)
		j, err := f.Claim(f.ctx, alice, f.create(act, pushd.AppID(fmt.Sprint("wx", act))).ID, term)
		f.ok(err)
		f.ok(f.SaveWalk(f.ctx, j.Lease(), pushd.Walk{Pass: 1, Complete: true}))
		jobs = append(jobs, j)
	}
	defer f.holding(`LOCK TABLES activity_detail WRITE`)()
	finished := make(chan error, len(jobs))
	for _, j := range jobs[1:] {
		go func() { finished <- f.Finish(f.ctx, j.Lease(), succeeded) }()
	}
	var slowest time.Duration
	for left := len(jobs) - 1; left > 0; {
		began := time.Now()
		_, err := f.Renew(f.ctx, alice, term, []pushd.Held{{Lease: jobs[0].Lease()}})
		f.ok(err)
		slowest = max(slowest, time.Since(began))
		select {
		case err := <-finished:
			f.ok(err)
			left--
		case <-time.After(20 * time.Millisecond):
		}
	}
	if slowest > 900*time.Millisecond {
		t.Errorf("a renewal took %s", slowest)
	}
}
