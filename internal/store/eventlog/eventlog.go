// Package eventlog writes down what happens to jobs and accounts, in the table
// pushd_event, and reads it again.
package eventlog

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"pushd"
	"pushd/internal/sqldb"
)

// Log is the table. Its methods may be called from many goroutines.
type Log struct {
	db  *sqldb.DB
	log *slog.Logger
	// unwritable says that an event could not be written, and that it was logged.
	unwritable atomic.Bool
}

// New makes it of a database. What is written down is also logged.
func New(db *sqldb.DB, log *slog.Logger) *Log { return &Log{db: db, log: log} }

// row is a row of pushd_event.
type row struct {
	ID      int64           `db:"id"`
	At      pushd.Time      `db:"happened_at"`
	Last    pushd.Time      `db:"last_at"`
	Times   int             `db:"times"`
	Job     pushd.JobID     `db:"job_id"`
	AppID   pushd.AppID     `db:"appid"`
	Kind    pushd.EventKind `db:"kind"`
	By      pushd.Actor     `db:"by_whom"`
	State   pushd.State     `db:"state"`
	Reason  pushd.Reason    `db:"reason"`
	Detail  string          `db:"detail"`
	Figures []byte          `db:"figures"`
}

func (r *row) event() pushd.Event {
	e := pushd.Event{ID: r.ID, At: r.At, Last: r.Last, Times: r.Times, Job: r.Job, AppID: r.AppID, Kind: r.Kind,
		By: r.By, State: r.State, Reason: r.Reason, Detail: r.Detail}
	_ = json.Unmarshal(r.Figures, &e.Figures) // an event without its figures is better than none
	return e
}

// Write writes down what has happened, in the transaction that has made it
// happen. It comes last there. What can't be written, because the right to the
// table is missing, say, is no reason to keep a job from changing.
func (l *Log) Write(ctx context.Context, tx *sqlx.Tx, e pushd.Event) error {
	err := l.write(ctx, tx, e)
	if err == nil || ctx.Err() != nil || l.db.Dialect.Transient(err) || l.db.Dialect.Down(err) {
		return err
	}
	if l.unwritable.CompareAndSwap(false, true) {
		l.log.Error("what happens can't be written down (pushd_event)", "err", err)
	}
	return nil
}

func (l *Log) write(ctx context.Context, tx *sqlx.Tx, e pushd.Event) error {
	figures, err := json.Marshal(e.Figures)
	if err != nil {
		return err
	}
	by, detail := cmp.Or(e.By, pushd.ActorOf(ctx)), pushd.ClipDetail(e.Detail)
	var alike struct {
		N    int   `db:"n"`
		Last int64 `db:"last"`
	}
	if err := tx.GetContext(ctx, &alike, l.db.WithClock(`
SELECT COUNT(*) AS n, COALESCE(MAX(id), 0) AS last
FROM pushd_event
WHERE job_id = ?
  AND kind = ?
  AND reason = ?
  AND (job_id <> '' OR appid = ? AND happened_at > {now} - ?)`),
		e.Job, e.Kind, e.Reason, e.AppID, time.Hour.Microseconds()); err != nil {
		return err
	}
	if alike.N >= pushd.EventsOfAKind {
		_, err := l.db.Exec(ctx, tx, `
UPDATE pushd_event SET
  times = times + 1,
  last_at = {now},
  by_whom = ?,
  detail = ?,
  figures = ?
WHERE id = ?`, by, detail, string(figures), alike.Last)
		return err
	}
	appID := any(e.AppID)
	account := `?`
	if e.AppID == "" && e.Job != "" {
		account, appID = `COALESCE((SELECT appid FROM pushd_job WHERE id = ?), '')`, e.Job
	}
	_, err = l.db.Exec(ctx, tx, `
INSERT INTO pushd_event (happened_at, last_at, times, job_id, appid, kind, by_whom, state, reason, detail, figures)
VALUES ({now}, {now}, 1, ?, `+account+`, ?, ?, ?, ?, ?, ?)`, e.Job, appID, e.Kind, by, e.State, e.Reason, detail, string(figures))
	return err
}

// Say logs an event that was written down. What a worker does is logged where
// it does it.
func (l *Log) Say(ctx context.Context, err error, e pushd.Event) {
	if err != nil {
		return
	}
	args := []any{"by", cmp.Or(e.By, pushd.ActorOf(ctx))}
	for _, a := range []struct{ name, value string }{
		{"job_id", string(e.Job)}, {"appid", string(e.AppID)}, {"state", string(e.State)}, {"reason", string(e.Reason)}, {"detail", e.Detail},
	} {
		if a.value != "" {
			args = append(args, a.name, a.value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Figures)) {
		args = append(args, name, e.Figures[name])
	}
	what := "job "
	if e.Job == "" {
		what = "account "
	}
	l.log.Info(what+string(e.Kind), args...)
}

// Note writes an event down. See pushd.Events.
func (l *Log) Note(ctx context.Context, e pushd.Event) error {
	err := l.db.Tx(ctx, func(tx *sqlx.Tx) error { return l.write(ctx, tx, e) })
	l.Say(ctx, err, e)
	return wrap(err, "note an event")
}

// List lists events. See pushd.Events. The order is that of the time and not of
// the id: nodes of a cluster give out ids of their own.
func (l *Log) List(ctx context.Context, f pushd.EventFilter) (events []pushd.Event, next string, err error) {
	where, args := []string{"1 = 1"}, []any{}
	add := func(cond string, arg ...any) { where, args = append(where, cond), append(args, arg...) }
	if f.Job != "" {
		add(`job_id = ?`, f.Job)
	}
	if f.AppID != "" {
		add(`appid = ?`, f.AppID)
	}
	if f.Since != 0 {
		add(`happened_at >= ?`, f.Since)
	}
	if f.Settled {
		add(`happened_at < {now} - ?`, time.Second.Microseconds())
	}
	if f.Cursor != "" {
		at, id, err := parseCursor(f.Cursor)
		if err != nil {
			return nil, "", wrap(err, "list events")
		}
		add(`(happened_at > ? OR happened_at = ? AND id > ?)`, at, at, id)
	}
	var rows []row
	err = l.db.Retry(ctx, func() error {
		rows = nil
		return l.db.Pool.SelectContext(ctx, &rows, l.db.WithClock(`
SELECT id, happened_at, last_at, times, job_id, appid, kind, by_whom, state, reason, detail, figures
FROM pushd_event
WHERE `+strings.Join(where, "\n  AND ")+`
ORDER BY happened_at, id
LIMIT ?`), append(args, f.Limit)...)
	})
	next = f.Cursor
	for i := range rows {
		events = append(events, rows[i].event())
		next = base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %d", rows[i].At, rows[i].ID))
	}
	return events, next, wrap(err, "list events")
}

func parseCursor(text string) (at pushd.Time, id int64, err error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return 0, 0, pushd.ErrCursor
	}
	if n, err := fmt.Sscanf(string(b), "%d %d", &at, &id); n != 2 || err != nil {
		return 0, 0, pushd.ErrCursor
	}
	return at, id, nil
}

// removeAtOnce bounds one statement that removes events.
const removeAtOnce = 1000

// Remove removes events from before t, and says whether there is more.
func (l *Log) Remove(ctx context.Context, t pushd.Time) (more bool, err error) {
	var old []int64
	err = l.db.Retry(ctx, func() error {
		old = nil
		return l.db.Pool.SelectContext(ctx, &old, `SELECT id FROM pushd_event WHERE happened_at < ? ORDER BY happened_at, id LIMIT ?`, t, removeAtOnce)
	})
	if err != nil || len(old) == 0 {
		return false, err
	}
	query, args, err := sqlx.In(`DELETE FROM pushd_event WHERE id IN (?)`, old)
	if err == nil {
		_, err = l.db.ExecRetry(ctx, query, args...)
	}
	return err == nil && len(old) == removeAtOnce, err
}

// wrap names what was tried.
func wrap(err error, what string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
