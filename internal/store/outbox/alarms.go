// Package outbox keeps alarms in the database until a webhook has taken them:
// whichever process finds one, and whichever sends it.
package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"pushd"
	"pushd/internal/sqldb"
)

// forgetBatch bounds one call of ForgetAlarms.
const forgetBatch = 500

// Alarms is the table pushd_alarm. Its methods may be called from many goroutines.
type Alarms struct{ db *sqldb.DB }

// NewAlarms makes it of a database.
func NewAlarms(db *sqldb.DB) *Alarms { return &Alarms{db} }

// RaiseAlarms stores alarms. See pushd.Alarms. The primary key decides which of
// several processes was the first.
func (o *Alarms) RaiseAlarms(ctx context.Context, alarms []pushd.Alarm) (added int, err error) {
	there, err := o.there(ctx, alarms)
	if err != nil {
		return 0, wrap(err, "raise alarms")
	}
	for _, a := range alarms {
		if there[a.Key] {
			continue
		}
		text, err := json.Marshal(a)
		if err != nil {
			return added, wrap(err, "raise alarms")
		}
		_, err = o.db.ExecRetry(ctx, `
INSERT INTO pushd_alarm (alarm_key, alarm, raised_at, due_at)
VALUES (?, ?, {now}, {now})`, a.Key, string(text))
		if err != nil && !o.db.Dialect.Duplicate(err) {
			return added, wrap(err, "raise alarms")
		}
		if err == nil {
			added++
		}
		there[a.Key] = true
	}
	return added, nil
}

// there says which of the alarms are stored already.
func (o *Alarms) there(ctx context.Context, alarms []pushd.Alarm) (map[string]bool, error) {
	there := map[string]bool{}
	if len(alarms) == 0 {
		return there, nil
	}
	query, args, err := sqlx.In(`SELECT alarm_key FROM pushd_alarm WHERE alarm_key IN (?)`, keysOf(alarms))
	if err != nil {
		return nil, err
	}
	var keys []string
	err = o.db.Retry(ctx, func() error {
		keys = nil
		return o.db.Pool.SelectContext(ctx, &keys, query, args...)
	})
	for _, k := range keys {
		there[k] = true
	}
	return there, err
}

func keysOf(alarms []pushd.Alarm) []string {
	keys := make([]string, len(alarms))
	for i, a := range alarms {
		keys[i] = a.Key
	}
	return keys
}

// TakeAlarms takes alarms that are due. See pushd.Alarms. For each the UPDATE
// decides: it moves what it was found by.
func (o *Alarms) TakeAlarms(ctx context.Context, limit int, term time.Duration) (taken []pushd.Alarm, err error) {
	var rows []struct {
		Key    string     `db:"alarm_key"`
		Alarm  string     `db:"alarm"`
		Raised pushd.Time `db:"raised_at"`
		Due    pushd.Time `db:"due_at"`
		Tries  int        `db:"tries"`
	}
	err = o.db.Retry(ctx, func() error {
		rows = nil
		return o.db.Pool.SelectContext(ctx, &rows, o.db.WithClock(`
SELECT alarm_key, alarm, raised_at, due_at, tries
FROM pushd_alarm
WHERE sent_at = 0
  AND due_at <= {now}
ORDER BY due_at, alarm_key
LIMIT ?`), limit)
	})
	for _, r := range rows {
		n, err := o.db.ExecRetry(ctx, `
UPDATE pushd_alarm SET
  due_at = {now} + ?,
  tries = tries + 1
WHERE alarm_key = ?
  AND due_at = ?
  AND sent_at = 0`, term.Microseconds(), r.Key, r.Due)
		if err != nil {
			return taken, wrap(err, "take alarms")
		}
		if n == 0 {
			continue // another was faster
		}
		a := pushd.Alarm{}
		if err := json.Unmarshal([]byte(r.Alarm), &a); err != nil { // damaged by hand: the key says what it was about
			a.Text = "an alarm that can't be read"
		}
		a.Key, a.At, a.Tries = r.Key, r.Raised, r.Tries+1
		taken = append(taken, a)
	}
	return taken, wrap(err, "take alarms")
}

// AlarmsSent notes that alarms were sent. See pushd.Alarms.
func (o *Alarms) AlarmsSent(ctx context.Context, alarms []pushd.Alarm) error {
	return o.set(ctx, alarms, `sent_at = {now}`)
}

// PutOffAlarms makes alarms due again after a while. See pushd.Alarms.
func (o *Alarms) PutOffAlarms(ctx context.Context, alarms []pushd.Alarm, after time.Duration) error {
	return o.set(ctx, alarms, `due_at = {now} + ?`, after.Microseconds())
}

func (o *Alarms) set(ctx context.Context, alarms []pushd.Alarm, set string, args ...any) error {
	if len(alarms) == 0 {
		return nil
	}
	query, all, err := sqlx.In(`UPDATE pushd_alarm SET `+set+` WHERE alarm_key IN (?) AND sent_at = 0`, append(args, keysOf(alarms))...)
	if err == nil {
		_, err = o.db.ExecRetry(ctx, query, all...)
	}
	return wrap(err, "settle alarms")
}

// ForgetAlarms removes old alarms. See pushd.Alarms.
func (o *Alarms) ForgetAlarms(ctx context.Context, keep time.Duration) (unsent int, err error) {
	var old []struct {
		Key  string     `db:"alarm_key"`
		Sent pushd.Time `db:"sent_at"`
	}
	err = o.db.Retry(ctx, func() error {
		old = nil
		return o.db.Pool.SelectContext(ctx, &old, o.db.WithClock(`
SELECT alarm_key, sent_at
FROM pushd_alarm
WHERE raised_at < {now} - ?
ORDER BY raised_at
LIMIT ?`), keep.Microseconds(), forgetBatch)
	})
	for _, r := range old {
		n, err := o.db.ExecRetry(ctx, `DELETE FROM pushd_alarm WHERE alarm_key = ?`, r.Key)
		if err != nil {
			return unsent, wrap(err, "delete old alarms")
		}
		if n > 0 && r.Sent == 0 {
			unsent++
		}
	}
	return unsent, wrap(err, "delete old alarms")
}

// wrap names what was tried.
func wrap(err error, what string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
