package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"pushd/internal/mariadb"
)

func turnDB(t *testing.T) *sql.DB {
	t.Helper()
	srv, err := mariadb.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Stop() })
	name, err := srv.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	db, err := MySQL().Open(srv.DSN(name), time.UTC, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestTurn_OneAfterTheOther(t *testing.T) {
	db := turnDB(t)
	// A look takes less than a beat, and no test lasts for a thousand of them.
	quick := turn{every: 5 * time.Millisecond, looks: 1000, wait: time.Minute}
	var has, most atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			held, end, err := quick.take(t.Context(), db)
			if err != nil {
				t.Error(err)
				return
			}
			most.Store(max(most.Load(), has.Add(1)))
			time.Sleep(20 * time.Millisecond)
			if held.Err() != nil {
				t.Error(context.Cause(held))
			}
			has.Add(-1)
			end()
		})
	}
	all.Wait()
	if most.Load() != 1 {
		t.Errorf("%d had the turn at once", most.Load())
	}
}

// Whoever died with the turn keeps it for a while, and whoever was only frozen
// hears that it is another's.
func TestTurn_OfTheDead(t *testing.T) {
	db := turnDB(t)
	frozen := turn{every: time.Hour, looks: 1000, wait: time.Minute}
	_, _, err := frozen.take(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	alive := turn{every: 10 * time.Millisecond, looks: 20, wait: time.Minute}
	held, end, err := alive.take(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	impatient := turn{every: 10 * time.Millisecond, looks: 1000, wait: 500 * time.Millisecond}
	if _, _, err := impatient.take(t.Context(), db); err == nil {
		t.Error("the turn of somebody who is alive was taken")
	}
	if held.Err() != nil {
		t.Fatal("the turn ended by itself")
	}
	if _, err := db.ExecContext(t.Context(), "UPDATE pushd_schema_state SET holder = 'other'"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-held.Done():
	case <-time.After(time.Minute):
	}
	if !errors.Is(context.Cause(held), errTurnLost) {
		t.Errorf("the turn is another's: %v", context.Cause(held))
	}
}

// later is the dialect of a program to come, with one migration more.
func later(t *testing.T, text string) Dialect {
	t.Helper()
	d := MySQL()
	files := fstest.MapFS{}
	entries, err := migrations.ReadDir("migrations")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := migrations.ReadFile("migrations/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = &fstest.MapFile{Data: b}
	}
	files["00999_later.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + text)}
	d.Migrations = files
	return d
}

// TestDialect_Oldest: the version before the newest may go on, unless a migration
// says that it breaks it.
func TestDialect_Oldest(t *testing.T) {
	for text, want := range map[string]int64{
		"ALTER TABLE pushd_job ADD COLUMN x INT NOT NULL DEFAULT 0;":   998,
		breaks + "\n\nALTER TABLE pushd_job CHANGE COLUMN rate y INT;": 999,
	} {
		if got, err := later(t, text).oldest(); err != nil || got != want {
			t.Errorf("%s: %d %v, want %d", text, got, err, want)
		}
	}
}
