package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
// The error says so as well if the database's user lacks rights to those that are
// there: an upgrade has made some, and the rights are still to be given.
func (s *Store) Migrated(ctx context.Context) (bool, error) {
	ok, err := s.d.Migrated(ctx, s.db.DB)
	if err != nil || !ok {
		return ok, err
	}
	if missing := s.lacking(ctx, vital(), func(verb string) bool { return verb != "DELETE" }); len(missing) > 0 {
		return false, fmt.Errorf("%w it lacks %s", ErrDenied, strings.Join(missing, ", "))
	}
	return true, nil
}

// ErrDenied says that the tables are this program's, and that the database does not let
// it work on them.
var ErrDenied = errors.New("pushd's tables can't be worked on, was its user given the rights of docs/operations.md?")
