package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"

	"github.com/pressly/goose/v3"
)

// schemaTable is where the versions of the tables are kept.
const schemaTable = "pushd_schema"

// Migrate brings pushd's tables to this program's version. Two processes may
// do so at once. Tables of a newer program are an error. It takes two
// connections: one holds the lock.
func (s *Store) Migrate(ctx context.Context) error {
	if s.opt.MaxConns < 2 {
		return errors.New("migrate: it takes two connections")
	}
	if _, err := s.Migrated(ctx); err != nil {
		return err
	}
	unlock, err := s.d.Lock(ctx, s.db.DB)
	if err != nil {
		return fmt.Errorf("migrate: lock: %w", err)
	}
	defer unlock()
	p, err := s.d.provider(s.db.DB)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	done, err := p.Up(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	for _, m := range done {
		s.opt.Logger.Info("migrated", "version", m.Source.Version, "seconds", m.Duration.Seconds())
	}
	// Every copy of the tables has the salt, also one that was made before the
	// first job.
	_, err = s.drawSalt(ctx)
	return wrap(err, "migrate: draw the installation's salt")
}

// ErrNewer says that a newer program has made or changed the tables.
var ErrNewer = errors.New("it is too old")

// Migrated says whether the tables are there in this program's version. It is
// an error if a newer program made them.
func (s *Store) Migrated(ctx context.Context) (bool, error) {
	want, err := s.d.version()
	if err != nil {
		return false, err
	}
	var have sql.NullInt64
	err = s.db.GetContext(ctx, &have, `SELECT MAX(version_id) FROM `+schemaTable)
	switch {
	case err != nil && s.d.NoTable(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read the version of the tables: %w", err)
	case have.Int64 > want:
		return false, fmt.Errorf("the tables have version %d, this program knows %d: %w", have.Int64, want, ErrNewer)
	}
	return have.Int64 == want, nil
}

func (d Dialect) provider(db *sql.DB) (*goose.Provider, error) {
	return goose.NewProvider(d.Goose, db, d.Migrations,
		goose.WithTableName(schemaTable),
		goose.WithDisableGlobalRegistry(true),
		goose.WithSlog(slog.New(slog.DiscardHandler)))
}

// version is the number of the newest migration.
func (d Dialect) version() (version int64, err error) {
	files, err := fs.Glob(d.Migrations, "*.sql")
	if err != nil {
		return 0, err
	}
	for _, name := range files {
		v, err := goose.NumericComponent(name)
		if err != nil {
			return 0, fmt.Errorf("migration %s: %w", name, err)
		}
		version = max(version, v)
	}
	return version, nil
}

// Print writes the SQL that Migrate would run on an empty database, for those
// who may not let a program create tables. It can be pasted into a client;
// afterwards Migrated says yes.
func (d Dialect) Print(w io.Writer) error {
	files, err := fs.Glob(d.Migrations, "*.sql") // sorted
	if err != nil {
		return err
	}
	versions := "(0, 1)"
	fmt.Fprintf(w, "%s\n\n", d.SchemaTable)
	for _, name := range files {
		b, err := fs.ReadFile(d.Migrations, name)
		if err != nil {
			return err
		}
		text := strings.TrimSpace(strings.TrimPrefix(string(b), "-- +goose Up"))
		fmt.Fprintf(w, "-- %s\n\n%s\n\n", name, text)
		v, err := goose.NumericComponent(name)
		if err != nil {
			return err
		}
		versions += fmt.Sprintf(", (%d, 1)", v)
	}
	_, err = fmt.Fprintf(w, "INSERT INTO %s (version_id, is_applied) VALUES %s;\n", schemaTable, versions)
	return err
}
