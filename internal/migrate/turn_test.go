package migrate

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pushd/internal/mariadb"
	"pushd/internal/mysqlconn"
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
	db, err := mysqlconn.Open(srv.DSN(name), nil, VersionTable, time.UTC, nil)
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
