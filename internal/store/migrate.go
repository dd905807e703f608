package store

import (
	"context"
	"errors"
	"fmt"
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
// The error says so as well if the database's user has no right to read those that
// are there: an upgrade has made some, and the rights are still to be given.
func (s *Store) Migrated(ctx context.Context) (bool, error) {
	ok, err := s.d.Migrated(ctx, s.db.DB)
	if err != nil || !ok {
		return ok, err
	}
	if _, err := s.db.ExecContext(ctx, vital); err != nil {
		return false, fmt.Errorf("%w %w", ErrUnreadable, err)
	}
	return true, nil
}

// ErrUnreadable says that the tables are this program's, and that the database
// does not let it read them.
var ErrUnreadable = errors.New("pushd's tables can't be read, was its user given the rights of docs/operations.md?")

// vital reads no row of the tables without which no job is taken or sent.
const vital = `
SELECT 1 FROM pushd_job WHERE 1 = 0
UNION ALL SELECT 1 FROM pushd_page WHERE 1 = 0
UNION ALL SELECT 1 FROM pushd_progress WHERE 1 = 0
UNION ALL SELECT 1 FROM pushd_message WHERE 1 = 0
UNION ALL SELECT 1 FROM pushd_install WHERE 1 = 0
UNION ALL SELECT 1 FROM pushd_hold WHERE 1 = 0
UNION ALL SELECT 1 FROM pushd_account WHERE 1 = 0
UNION ALL SELECT 1 FROM pushd_refusal WHERE 1 = 0
UNION ALL SELECT 1 FROM pushd_event WHERE 1 = 0`
