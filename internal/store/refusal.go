package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// How many refusals one statement is about.
const (
	refusalsAtOnce = 500
	purgeRefusals  = 1000
)

// Refuse remembers who has refused. See pushd.Refusals.
func (s *Store) Refuse(ctx context.Context, appID pushd.AppID, id pushd.TemplateID, who []pushd.OpenID) error {
	for some := range slices.Chunk(who, refusalsAtOnce) {
		var args []any
		for _, one := range some {
			args = append(args, appID, []byte(one), id)
		}
		rows := strings.Repeat(`, (?, ?, ?, {now})`, len(some))[2:]
		if _, err := s.execRetry(ctx, `REPLACE INTO pushd_refusal (appid, openid, template_id, refused_at) VALUES `+rows, args...); err != nil {
			return wrap(s.noRefusals(err), "remember refusals of account %s", appID)
		}
	}
	return nil
}

// Refused gives those who have refused. See pushd.Refusals.
func (s *Store) Refused(ctx context.Context, appID pushd.AppID, id pushd.TemplateID, within time.Duration, who []pushd.OpenID) (refused []pushd.OpenID, err error) {
	for some := range slices.Chunk(who, refusalsAtOnce) {
		keys := make([][]byte, len(some))
		for i, one := range some {
			keys[i] = []byte(one)
		}
		query, args, err := sqlx.In(`
SELECT openid
FROM pushd_refusal
WHERE appid = ?
  AND openid IN (?)
  AND template_id = ?
  AND refused_at > {now} - ?`, appID, keys, id, micros(within))
		if err != nil {
			return nil, wrap(err, "read refusals of account %s", appID)
		}
		var found []pushd.OpenID
		if err := s.retry(ctx, func() error {
			found = nil
			return s.db.SelectContext(ctx, &found, s.withClock(query), args...)
		}); err != nil {
			return nil, wrap(s.noRefusals(err), "read refusals of account %s", appID)
		}
		refused = append(refused, found...)
	}
	return refused, nil
}

// DropRefusal has a recipient asked again. See pushd.Refusals.
func (s *Store) DropRefusal(ctx context.Context, appID pushd.AppID, who pushd.OpenID) (bool, error) {
	n, err := s.execRetry(ctx, `DELETE FROM pushd_refusal WHERE appid = ? AND openid = ?`, appID, []byte(who))
	return n > 0, wrap(err, "drop a refusal of account %s", appID)
}

// PurgeRefusals removes old refusals. See pushd.Refusals. Those of one statement
// have one time, so that a few more than purgeRefusals may go at once.
func (s *Store) PurgeRefusals(ctx context.Context, t pushd.Time) (more bool, err error) {
	last := t - 1
	err = s.retry(ctx, func() error {
		return s.db.GetContext(ctx, &last, `
SELECT refused_at
FROM pushd_refusal
WHERE refused_at < ?
ORDER BY refused_at
LIMIT 1 OFFSET ?`, t, purgeRefusals-1)
	})
	if more = err == nil; errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	if err == nil {
		_, err = s.execRetry(ctx, `DELETE FROM pushd_refusal WHERE refused_at <= ?`, last)
	}
	return more && err == nil, wrap(err, "remove old refusals")
}

// noRefusals is an answer of the database that asking again does not change as
// pushd.ErrNoRefusals.
func (s *Store) noRefusals(err error) error {
	if s.d.Down(err) || s.d.Transient(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: %w", pushd.ErrNoRefusals, err)
}
