package store

import (
	"context"
	"errors"
)

// Migrate brings pushd's tables to this program's version. It takes two
// connections. See migrate.Schema.
func (s *Store) Migrate(ctx context.Context) error {
	if s.opt.MaxConns < 2 {
		return errors.New("migrate: it takes two connections")
	}
	return s.d.Migrate(ctx, s.db.DB, s.execRetry, s.opt.Logger, func(ctx context.Context) error {
		// Every copy of the tables has the salt, also one that was made before the
		// first job.
		_, err := s.drawSalt(ctx)
		return wrap(err, "migrate: draw the installation's salt")
	})
}

// Migrated says whether this program can work on the tables. See migrate.Schema.
func (s *Store) Migrated(ctx context.Context) (bool, error) { return s.d.Migrated(ctx, s.db.DB) }
