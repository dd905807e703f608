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

// Migrate brings pushd's tables to this program's version. Several processes may
// do so at once, on several nodes of the database. Tables of a newer program are
// left alone, and are an error if this program can't work on them. It takes two
// connections: one shows that the migration is alive.
func (s *Store) Migrate(ctx context.Context) error {
	if s.opt.MaxConns < 2 {
		return errors.New("migrate: it takes two connections")
	}
	v, err := s.versions(ctx)
	if err != nil || v.have > v.want {
		return err
	}
	held, unlock, err := s.d.Lock(ctx, s.db.DB)
	if err != nil {
		return fmt.Errorf("migrate: wait for the turn: %w", err)
	}
	defer unlock()
	p, err := s.d.provider(s.db.DB)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	done, err := p.Up(held)
	if err != nil {
		return fmt.Errorf("migrate: %w", errors.Join(err, context.Cause(held)))
	}
	for _, m := range done {
		s.opt.Logger.Info("migrated", "version", m.Source.Version, "seconds", m.Duration.Seconds())
	}
	if err := s.saveOldest(ctx); err != nil {
		return err
	}
	// Every copy of the tables has the salt, also one that was made before the
	// first job.
	_, err = s.drawSalt(ctx)
	return wrap(err, "migrate: draw the installation's salt")
}

// ErrNewer says that a newer program has made or changed the tables.
var ErrNewer = errors.New("it is too old")

// Migrated says whether this program can work on the tables: they are there in
// its version, or in one of a newer program that lets this one go on. It is an
// error if a newer program has made them and does not.
func (s *Store) Migrated(ctx context.Context) (bool, error) {
	v, err := s.versions(ctx)
	return err == nil && v.have >= v.want, err
}

// versions are the version of the tables and of this program.
type versions struct{ have, want int64 }

// versions reads the version of the tables, and says whether they are a newer
// program's that does not let this one work on them.
func (s *Store) versions(ctx context.Context) (v versions, err error) {
	if v.want, err = s.d.version(); err != nil {
		return v, err
	}
	var have sql.NullInt64
	err = s.db.GetContext(ctx, &have, `SELECT MAX(version_id) FROM `+schemaTable)
	switch {
	case err != nil && s.d.NoTable(err):
		return v, nil
	case err != nil:
		return v, fmt.Errorf("read the version of the tables: %w", err)
	}
	if v.have = have.Int64; v.have <= v.want {
		return v, nil
	}
	if oldest, err := s.oldest(ctx, v.have); err != nil || oldest == 0 || oldest > v.want {
		return v, fmt.Errorf("the tables have version %d, this program knows %d: %w", v.have, v.want, ErrNewer)
	}
	return v, nil
}

// oldest is the version from which on programs may work on tables of a version; 0
// is not known.
func (s *Store) oldest(ctx context.Context, version int64) (oldest int64, err error) {
	if s.d.StateTable == "" {
		return 0, nil
	}
	err = s.db.GetContext(ctx, &oldest, `SELECT oldest FROM pushd_schema_state WHERE id = 1 AND version = ?`, version)
	return oldest, err
}

// saveOldest tells older programs whether they may work on the tables.
func (s *Store) saveOldest(ctx context.Context) error {
	if s.d.StateTable == "" {
		return nil
	}
	version, err := s.d.version()
	if err != nil {
		return err
	}
	oldest, err := s.d.oldest()
	if err != nil {
		return err
	}
	_, err = s.execRetry(ctx, `UPDATE pushd_schema_state SET version = ?, oldest = ? WHERE id = 1`, version, oldest)
	return wrap(err, "migrate: say which programs may work on the tables")
}

// breaks is what a migration says, on a line of its own, that older programs can't
// work with: one that does more than add.
const breaks = "-- breaks older programs"

// oldest is the version of the oldest program that can work on this program's
// tables: the one before, so that processes can be replaced one by one, unless the
// newest migration breaks it.
func (d Dialect) oldest() (oldest int64, err error) {
	newest, err := d.version()
	if err != nil {
		return 0, err
	}
	files, err := fs.Glob(d.Migrations, "*.sql")
	if err != nil {
		return 0, err
	}
	oldest = max(newest-1, 1)
	for _, name := range files {
		b, err := fs.ReadFile(d.Migrations, name)
		if err != nil {
			return 0, err
		}
		if v, err := goose.NumericComponent(name); err == nil && strings.Contains("\n"+string(b), "\n"+breaks+"\n") {
			oldest = max(oldest, v)
		}
	}
	return oldest, nil
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
	fmt.Fprintf(w, "INSERT INTO %s (version_id, is_applied) VALUES %s;\n", schemaTable, versions)
	if d.StateTable == "" {
		return nil
	}
	version, err := d.version()
	if err != nil {
		return err
	}
	oldest, err := d.oldest()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "\n%s\n\nINSERT INTO pushd_schema_state (id, version, oldest) VALUES (1, %d, %d);\n", d.StateTable, version, oldest)
	return err
}
