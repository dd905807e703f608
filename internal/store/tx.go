package store

import (
	"context"

	"github.com/jmoiron/sqlx"

	"pushd/internal/sqldb"
)

// How statements are run is in internal/sqldb; these are its calls by short names.

func (s *Store) retry(ctx context.Context, f func() error) error { return s.sql.Retry(ctx, f) }

func (s *Store) tx(ctx context.Context, f func(tx *sqlx.Tx) error) error { return s.sql.Tx(ctx, f) }

func (s *Store) exec(ctx context.Context, on sqldb.Execer, query string, args ...any) (int64, error) {
	return s.sql.Exec(ctx, on, query, args...)
}

func (s *Store) execRetry(ctx context.Context, query string, args ...any) (int64, error) {
	return s.sql.ExecRetry(ctx, query, args...)
}

func (s *Store) withClock(query string) string { return s.sql.WithClock(query) }
