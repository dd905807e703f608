// Package platform reads and writes the platform's own tables, by queries that an
// operator may replace: a channel, whatever types its columns have; its
// live_notify_status, together with the change of the ledger that it goes with; and
// which reminders are due, and how many are overdue.
package platform

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// DefaultChannelQuery reads a channel from the tables of deploy/schema.sql. A
// query of one's own (PUSHD_CHANNEL_QUERY) has one ?, the channel's id, and
// the same columns, of any type, NULL where unknown. See cell.go for what can
// be read; start_time is in unix seconds, or a DATETIME in the zone given to New.
// The column audience may be left out. Here it is that of activity_detail where
// the table has one, else the name means that of fallback.
const DefaultChannelQuery = `
SELECT
  a.id AS act_id,
  a.uin AS uin,
  w.appid AS appid,
  a.title AS title,
  a.start_time AS start_time,
  a.watch_url AS watch_url,
  c.act_live_template_id AS template_id,
  c.status AS config_enabled,
  d.live_notify AS live_notify,
  d.live_notify_time AS live_notify_time,
  d.live_notify_status AS live_notify_status,
  (SELECT audience FROM activity_detail own WHERE own.id = d.id) AS audience
FROM activity a
CROSS JOIN (SELECT 'followers' AS audience) fallback
LEFT JOIN activity_detail d ON d.act_id = a.id
LEFT JOIN user_wx_account w ON w.uin = a.uin
LEFT JOIN user_wx_config c ON c.uin = a.uin
WHERE a.id = ?`

// DefaultStatusUpdate writes a channel's live_notify_status. An update of
// one's own (PUSHD_STATUS_UPDATE) has two ?: the status, the channel's id.
const DefaultStatusUpdate = `
UPDATE activity_detail SET
  live_notify_status = ?
WHERE act_id = ?`

// Queries are what is asked of the platform's tables.
type Queries struct {
	// ChannelQuery reads a channel; DefaultChannelQuery if empty.
	ChannelQuery string
	// StatusUpdate writes live_notify_status; DefaultStatusUpdate if empty.
	StatusUpdate string
	// AudienceQuery lists those who asked for a channel's stream; "" where the
	// platform keeps none. It has three ?: the channel's id, the openid behind
	// which to go on, and how many rows to give.
	AudienceQuery string
	// CallbackQuery reads which token of an account's callback is current, 0 for
	// the first; "" where nothing is to be asked. Its ? is the appid.
	CallbackQuery string
	// DueQuery counts the reminders that were due at a time and have not been
	// posted; "" if it is unknown. Each of its DueMarks question marks is that
	// time in unix seconds.
	DueQuery string
	DueMarks int
	// DueList lists the reminders that are to be posted between two times and have
	// not been; "" if it is unknown. Its DueListMarks question marks are these times in
	// unix seconds, by turns.
	DueList      string
	DueListMarks int
}

// Database is the database that holds the tables beside the ledger.
type Database interface {
	// Tx runs f in a transaction, and again if it met another one.
	Tx(ctx context.Context, f func(tx *sqlx.Tx) error) error
	// Locks are the statements between which nothing waits for a lock for
	// longer than a second; "" where there is no such thing.
	Locks() (brief, usual string)
	// Down: the database cannot be reached or does not accept writes.
	Down(err error) bool
	// Transient: a transaction may succeed if it is tried again.
	Transient(err error) bool
	// LockTimeout: a statement waited too long for a lock.
	LockTimeout(err error) bool
}

// Tables are the platform's tables. Their methods may be called from many goroutines.
type Tables struct {
	q    Queries
	db   Database
	zone *time.Location
	log  *slog.Logger
	// brief and usual set for how long statements wait for locks.
	brief, usual string
	// waiting holds those who wait for the tables, see column.go.
	waiting chan struct{}
}

// New makes the tables of a database. zone is that of the platform's dates and
// times (PUSHD_TIMEZONE).
func New(q Queries, db Database, zone *time.Location, log *slog.Logger) *Tables {
	if q.ChannelQuery == "" {
		q.ChannelQuery = DefaultChannelQuery
	}
	if q.StatusUpdate == "" {
		q.StatusUpdate = DefaultStatusUpdate
	}
	t := &Tables{q: q, db: db, zone: zone, log: log, waiting: make(chan struct{}, columnWaiters)}
	t.brief, t.usual = db.Locks()
	return t
}

// CallbackVersion reads which token of an account's callback is current, by
// PUSHD_CALLBACK_QUERY. An account without a row has its first.
func (t *Tables) CallbackVersion(ctx context.Context, on sqlx.QueryerContext, app pushd.AppID) (version int, err error) {
	err = sqlx.GetContext(ctx, on, &version, t.q.CallbackQuery, string(app))
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return version, err
}

// Overdue counts the reminders that were due at a time and have not been posted,
// by PUSHD_DUE_QUERY.
func (t *Tables) Overdue(ctx context.Context, on sqlx.QueryerContext, at pushd.Time) (n int64, err error) {
	args := make([]any, t.q.DueMarks)
	for i := range args {
		args[i] = at.Std().Unix()
	}
	err = sqlx.GetContext(ctx, on, &n, t.q.DueQuery, args...)
	return n, err
}
