package migrate

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"time"

	"pushd/internal/mysqlconn"
)

// stateTable has one row: which programs may work on the tables, and who changes
// them now. It is no migration, for it is there before the first.
const stateTable = `CREATE TABLE IF NOT EXISTS pushd_schema_state (
  id      TINYINT     NOT NULL COMMENT 'always 1',
  version BIGINT      NOT NULL DEFAULT 0 COMMENT 'of the tables, for which oldest is said',
  oldest  BIGINT      NOT NULL DEFAULT 0 COMMENT 'programs of this version and later may work on the tables; 0 = not known',
  holder  VARCHAR(32) NOT NULL DEFAULT '' COMMENT 'who migrates, empty = no process',
  beat    BIGINT      NOT NULL DEFAULT 0 COMMENT 'rises as long as a process migrates',
  PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;`

// turn lets one process migrate at a time. GET_LOCK would be a lock of one node
// of a cluster, and some refuse it; who has the turn is decided by one UPDATE of
// a row, which all nodes judge alike.
type turn struct {
	every time.Duration // between two beats, and between two looks
	// looks is how many looks in a row must find the row unchanged until whoever
	// has the turn is taken for dead. A look that waits, as all do while a cluster
	// changes a table, counts once.
	looks int
	wait  time.Duration // at most, for the turn
}

func newTurn() turn {
	return turn{every: 2 * time.Second, looks: 30, wait: 10 * time.Minute}
}

// errTurnLost ends a migration whose turn another process has taken.
var errTurnLost = errors.New("another process migrates: this one did not answer for a minute")

// take waits for the turn. held ends when the turn is lost; end gives it back.
func (t turn) take(ctx context.Context, db *sql.DB) (held context.Context, end func(), err error) {
	wait, cancel := context.WithTimeoutCause(ctx, t.wait, errors.New("another process has been migrating for ten minutes"))
	defer cancel()
	if err := t.prepare(wait, db); err != nil {
		return nil, nil, err
	}
	me, unchanged := rand.Text()[:20], 0
	var was holding
	for {
		is, err := t.look(wait, db)
		if err == nil && (is.holder == "" || is == was && unchanged >= t.looks) {
			var got bool
			if got, err = t.change(wait, db, is, me); got {
				break
			}
			unchanged = 0
		}
		if err != nil && !mysqlconn.Passes(err) {
			return nil, nil, err
		}
		if unchanged++; is != was {
			unchanged = 0
		}
		was = is
		select {
		case <-wait.Done():
			return nil, nil, context.Cause(wait)
		case <-time.After(t.every):
		}
	}
	held, stop := context.WithCancelCause(ctx)
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		t.keep(held, db, me, stop)
	}()
	return held, func() {
		stop(nil)
		<-beating
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		// If this fails, the next one waits for a minute.
		_, _ = db.ExecContext(ctx, `UPDATE pushd_schema_state SET holder = '' WHERE id = 1 AND holder = ?`, me)
	}, nil
}

// prepare makes the table and its row.
func (t turn) prepare(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, stateTable); err != nil {
		return err
	}
	_, err := db.ExecContext(ctx, `INSERT INTO pushd_schema_state (id) VALUES (1)`)
	if mysqlconn.Duplicate(err) || mysqlconn.Passes(err) { // another process has just done it
		return nil
	}
	return err
}

// holding is what a look sees.
type holding struct {
	holder string
	beat   int64
}

func (t turn) look(ctx context.Context, db *sql.DB) (h holding, err error) {
	err = db.QueryRowContext(ctx, `SELECT holder, beat FROM pushd_schema_state WHERE id = 1`).Scan(&h.holder, &h.beat)
	return h, err
}

// change takes the turn from whom a look has seen, and says whether it was quick
// enough.
func (t turn) change(ctx context.Context, db *sql.DB, from holding, me string) (bool, error) {
	res, err := db.ExecContext(ctx, `
UPDATE pushd_schema_state SET
  holder = ?,
  beat = beat + 1
WHERE id = 1
  AND holder = ?
  AND beat = ?`, me, from.holder, from.beat)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// keep shows that the turn's holder is alive, until ctx ends or the turn is
// another's.
func (t turn) keep(ctx context.Context, db *sql.DB, me string, stop context.CancelCauseFunc) {
	tick := time.NewTicker(t.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		res, err := db.ExecContext(ctx, `UPDATE pushd_schema_state SET beat = beat + 1 WHERE id = 1 AND holder = ?`, me)
		if err != nil {
			continue // the next beat may succeed
		}
		if n, err := res.RowsAffected(); err == nil && n == 0 {
			stop(errTurnLost)
			return
		}
	}
}
