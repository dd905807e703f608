package store_test

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"

	"pushd"
	"pushd/internal/ledgertest"
	"pushd/internal/mariadb"
	"pushd/internal/store"
)

// However wrong a DSN is, its password is not shown.
func TestOpen_NeverShowsThePassword(t *testing.T) {
	const secret = "s3cr3t"
	for _, dsn := range []string{
		"", "nonsense", "root:" + secret, "root:" + secret + "@tcp(127.0.0.1:1)", "root:" + secret + "@tcp(127.0.0.1:1/db",
		"root:a@" + secret + "/b@x/db", "root:" + secret + "@" + secret + "/db", "root:" + secret + "@tcp(127.0.0.1:1)/",
		"root:" + secret + "@tcp(127.0.0.1:1)/db?parseTime=" + secret, "root:" + secret + "@tcp(127.0.0.1:1)/db?tls=" + secret,
		"root:" + secret + "@tcp(127.0.0.1:1)/db?timeout=" + secret, "root:" + secret + "@tcp(127.0.0.1:1)/db",
		"root:" + secret + "@unix(/nowhere)/db", "root:" + secret + "@tcp(no.such.host.invalid:1)/db",
	} {
		s, err := store.Open(t.Context(), store.Options{DSN: dsn, Logger: quiet})
		if err == nil {
			_, err = s.Now(t.Context())
			s.Close()
		}
		if err == nil {
			t.Errorf("no error for %q", dsn)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%q: error %q shows the password", dsn, err)
		}
	}
}

// What the ledger rests on is set whatever the DSN asks for.
func TestOpen_SettingsOfTheDSNDoNotMatter(t *testing.T) {
	f := onMariaDB(t)
	for _, params := range []string{
		"?clientFoundRows=false&interpolateParams=false&parseTime=true&charset=latin1&collation=latin1_swedish_ci",
		"?sql_mode=''&autocommit=1", "?tx_isolation='SERIALIZABLE'", "?tx_isolation='READ-UNCOMMITTED'&time_zone='%2B08:00'",
	} {
		f.set(`DELETE FROM pushd_job`)
		f.set(`DELETE FROM pushd_page`)
		f.set(`DELETE FROM pushd_progress`)
		opt := f.opt
		opt.DSN += params
		s, err := store.Open(f.ctx, opt)
		f.ok(err)
		g := &fixture{Store: s, raw: f.raw, t: t, ctx: f.ctx, dsn: opt.DSN, opt: opt}
		before, err := f.Now(f.ctx)
		f.ok(err)
		j := g.walked(openids("oé🙂", "oB"))
		if d := j.CreatedAt.Sub(before); d < 0 || d > grace {
			t.Errorf("%s: created %v after now", params, d)
		}
		for range 2 { // unchanged rows count as well
			g.record(j.Lease(), 1, sent, failed)
		}
		if p, err := s.Recipient(f.ctx, j.ID, "oé🙂"); err != nil || p.Person != sent {
			t.Errorf("%s: %+v %v", params, p, err)
		}
		if c, err := s.Channel(f.ctx, actID); err != nil || c.Title != "第一课" {
			t.Errorf("%s: title %q %v", params, c.Title, err)
		}
		if _, err := s.Create(f.ctx, pushd.Job{ActID: 9, AppID: pushd.AppID(strings.Repeat("x", 65)), Deadline: future}); err == nil {
			t.Errorf("%s: an appid was cut in silence", params)
		}
		f.ok(s.Close())
	}
}

// The races of this suite, on the isolation levels that a server may default
// to. MariaDB 11 has snapshot isolation on.
func TestStore_RacesOnEveryIsolationLevel(t *testing.T) {
	levels := []string{"?tx_isolation='SERIALIZABLE'", "?tx_isolation='READ-COMMITTED'"}
	if !server.MySQL() {
		levels = append(levels, "?innodb_snapshot_isolation=ON")
	}
	for _, level := range levels {
		t.Run(level, func(t *testing.T) {
			f := onMariaDB(t)
			f.opt.DSN += level
			f.Store = f.again()
			for round := range 25 {
				act := pushd.ActID(1000 + round)
				f.channel(act, appID)
				var made, taken atomic.Int64
				var id atomic.Value
				atOnce(8, func(int) {
					j, err := f.Create(f.ctx, pushd.Job{ActID: act, AppID: appID, StartTime: start, Deadline: future})
					if err == nil {
						made.Add(1)
						id.Store(j.ID)
					} else if err != pushd.ErrExists {
						t.Error(err)
					}
				})
				atOnce(8, func(int) {
					j, err := f.Claim(f.ctx, alice, id.Load().(pushd.JobID), term)
					if err == nil {
						taken.Add(1)
						err = f.Finish(f.ctx, j.Lease(), pushd.Ending{State: pushd.Canceled})
					}
					if err != nil && err != pushd.ErrLost {
						t.Error(err)
					}
				})
				if made.Load() != 1 || taken.Load() != 1 {
					t.Fatalf("round %d: %d made, %d taken", round, made.Load(), taken.Load())
				}
			}
		})
	}
}

// A deadlock's victim is tried again and the caller does not notice.
func TestStore_TriesAgainAfterADeadlock(t *testing.T) {
	f := onMariaDB(t)
	j := f.walked(openids("oA"))
	f.record(j.Lease(), 1, sent)
	for range 5 {
		// The meddler locks the job first and the channel second; Finish the
		// other way round. The meddler has written more, so it survives.
		tx, err := f.raw.BeginTx(f.ctx, nil)
		f.ok(err)
		defer tx.Rollback() // for a test that fails half way
		_, err = tx.Exec(`INSERT INTO activity (uin) VALUES (1), (2), (3), (4), (5), (6), (7), (8)`)
		f.ok(err)
		_, err = tx.Exec(`UPDATE pushd_job SET rate = rate + 1 WHERE id = ?`, j.ID)
		f.ok(err)
		done := make(chan error, 1)
		go func() { done <- f.Finish(f.ctx, j.Lease(), succeeded) }()
		for f.number(`SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'INNODB_ROW_LOCK_CURRENT_WAITS'`) == 0 {
			select {
			case err := <-done:
				t.Fatalf("Finish did not wait for the job: %v", err)
			default:
			}
		}
		_, err = tx.Exec(`UPDATE activity_detail SET live_notify_status = 1 WHERE act_id = ?`, actID)
		f.ok(err)
		f.ok(tx.Commit())
		f.ok(<-done)
		if got := f.job(j.ID); got.State != pushd.Succeeded || f.status(actID) != 2 {
			t.Fatalf("state %s, status %d", got.State, f.status(actID))
		}
		_, err = f.Command(f.ctx, j.ID, pushd.Command{From: pushd.EndedStates, To: pushd.Queued})
		f.ok(err)
		j, err = f.Claim(f.ctx, alice, j.ID, term)
		f.ok(err)
	}
	if f.number(`SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'INNODB_DEADLOCKS'`) == 0 {
		t.Error("there was no deadlock to be tried again")
	}
}

// A server that is killed is down, and nothing more; when it is back, the
// store goes on with what was committed.
func TestStore_OutlivesItsServer(t *testing.T) {
	srv, err := mariadb.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Stop()
	if err := srv.Exec(t.Context(), "", "CREATE DATABASE live"); err != nil {
		t.Fatal(err)
	}
	if err := srv.Exec(t.Context(), "live", schema(t)); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Options{DSN: srv.DSN("live"), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := &fixture{Store: s, t: t, ctx: t.Context()}
	f.ok(s.Migrate(f.ctx))
	j := f.walked(openids("oA", "oB"))
	f.record(j.Lease(), 1, sent)

	srv.Kill()
	for name, call := range map[string]func() error{
		"Now": func() error { _, err := s.Now(f.ctx); return err },
		"Record": func() error {
			return s.Record(f.ctx, j.Lease(), []pushd.Progress{ledgertest.ProgressOf(1, sent, sent)})
		},
		"Finish": func() error { return s.Finish(f.ctx, j.Lease(), succeeded) },
		"Claim":  func() error { _, err := s.Claim(f.ctx, bob, j.ID, term); return err },
	} {
		if err := call(); err == nil || !s.Down(err) {
			t.Errorf("%s on a killed server: %v", name, err)
		}
	}
	f.ok(srv.Restart(f.ctx))
	if got := f.job(j.ID); got.Counts.Sent != 1 || got.Epoch != 1 || got.State != pushd.Running {
		t.Errorf("after the restart: %+v", got)
	}
	f.record(j.Lease(), 1, sent, sent)
	f.ok(s.Finish(f.ctx, j.Lease(), succeeded))
}

func TestStore_Down(t *testing.T) {
	f := onMariaDB(t)
	for err, want := range map[error]bool{
		nil: false, pushd.ErrLost: false, sql.ErrNoRows: false, io.ErrUnexpectedEOF: true, context.DeadlineExceeded: true,
		errors.New("syntax"): false, &mysql.MySQLError{Number: 1064}: false, &mysql.MySQLError{Number: 1054}: false, &mysql.MySQLError{Number: 1142}: false,
		&mysql.MySQLError{Number: 1040}: true, &mysql.MySQLError{Number: 1047}: true, &mysql.MySQLError{Number: 1969}: true, &mysql.MySQLError{Number: 9002}: true,
		&pushd.ChannelError{}: false,
	} {
		if got := f.Down(err); got != want {
			t.Errorf("Down(%v) = %v", err, got)
		}
	}
}
