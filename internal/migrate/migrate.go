// Package migrate makes pushd's tables and brings them to a program's version, one
// process at a time, and says which programs may work on them.
package migrate

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

// VersionTable is where the versions of the tables are kept.
const VersionTable = "pushd_schema"

// Schema is the tables of a program, as its migrations make them one after another.
type Schema struct {
	// Migrations holds the .sql files of the tables.
	Migrations fs.FS
	// Goose is the name of the dialect for the migrations.
	Goose goose.Dialect
	// Versions creates VersionTable; it is for Print alone.
	Versions string
	// Shared says that several processes may work on the tables: pushd_schema_state
	// then has which, and who migrates.
	Shared bool
	// NoTable: the table does not exist.
	NoTable func(error) bool
	// Made: what the statement makes is there already. nil: statements are carried out
	// together with the note of their version, or not at all.
	Made func(error) bool
}

// Exec runs one statement, again if it met another transaction.
type Exec func(ctx context.Context, query string, args ...any) (rows int64, err error)

// Migrate brings the tables to this program's version. Several processes may do
// so at once, on several nodes of the database. Tables of a newer program are left
// alone, and are an error if this program can't work on them. It takes two
// connections: one shows that the migration is alive. last runs before another
// process may migrate.
func (s Schema) Migrate(ctx context.Context, db *sql.DB, exec Exec, log *slog.Logger, last func(context.Context) error) error {
	v, err := s.versions(ctx, db)
	if err != nil || v.have > v.want {
		return err
	}
	held, unlock, err := s.lock(ctx, db)
	if err != nil {
		return fmt.Errorf("migrate: wait for the turn: %w", err)
	}
	defer unlock()
	p, err := s.provider(db)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	done, err := p.Up(held)
	if err != nil {
		return fmt.Errorf("migrate: %w", errors.Join(err, context.Cause(held)))
	}
	for _, m := range done {
		log.Info("migrated", "version", m.Source.Version, "seconds", m.Duration.Seconds())
	}
	if err := s.saveOldest(ctx, exec); err != nil {
		return fmt.Errorf("migrate: say which programs may work on the tables: %w", err)
	}
	return last(ctx)
}

// lock keeps other processes from migrating until unlock is called. It waits for
// them. held ends when the lock is lost.
func (s Schema) lock(ctx context.Context, db *sql.DB) (held context.Context, unlock func(), err error) {
	if !s.Shared {
		return ctx, func() {}, nil
	}
	return newTurn().take(ctx, db)
}

// ErrNewer says that a newer program has made or changed the tables.
var ErrNewer = errors.New("it is too old")

// Migrated says whether this program can work on the tables: they are there in
// its version, or in one of a newer program that lets this one go on. It is an
// error if a newer program has made them and does not.
func (s Schema) Migrated(ctx context.Context, db *sql.DB) (bool, error) {
	v, err := s.versions(ctx, db)
	return err == nil && v.have >= v.want, err
}

// versions are the version of the tables and of this program.
type versions struct{ have, want int64 }

// versions reads the version of the tables, and says whether they are a newer
// program's that does not let this one work on them.
func (s Schema) versions(ctx context.Context, db *sql.DB) (v versions, err error) {
	if v.want, err = s.version(); err != nil {
		return v, err
	}
	var have sql.NullInt64
	err = db.QueryRowContext(ctx, `SELECT MAX(version_id) FROM `+VersionTable).Scan(&have)
	switch {
	case err != nil && s.NoTable(err):
		return v, nil
	case err != nil:
		return v, fmt.Errorf("read the version of the tables: %w", err)
	}
	if v.have = have.Int64; v.have <= v.want {
		return v, nil
	}
	if oldest, err := s.oldestOf(ctx, db, v.have); err != nil || oldest == 0 || oldest > v.want {
		return v, fmt.Errorf("the tables have version %d, this program knows %d: %w", v.have, v.want, ErrNewer)
	}
	return v, nil
}

// oldestOf is the version from which on programs may work on tables of a version; 0
// is not known.
func (s Schema) oldestOf(ctx context.Context, db *sql.DB, version int64) (oldest int64, err error) {
	if !s.Shared {
		return 0, nil
	}
	err = db.QueryRowContext(ctx, `SELECT oldest FROM pushd_schema_state WHERE id = 1 AND version = ?`, version).Scan(&oldest)
	return oldest, err
}

// saveOldest tells older programs whether they may work on the tables.
func (s Schema) saveOldest(ctx context.Context, exec Exec) error {
	if !s.Shared {
		return nil
	}
	version, oldest, err := s.programs()
	if err != nil {
		return err
	}
	_, err = exec(ctx, `UPDATE pushd_schema_state SET version = ?, oldest = ? WHERE id = 1`, version, oldest)
	return err
}

// programs are the version of the tables and that of the oldest program that can
// work on them.
func (s Schema) programs() (version, oldest int64, err error) {
	if version, err = s.version(); err != nil {
		return 0, 0, err
	}
	oldest, err = s.oldest()
	return version, oldest, err
}

// breaks is what a migration says, on a line of its own, that older programs can't
// work with: one that does more than add.
const breaks = "-- breaks older programs"

// oldest is the version of the oldest program that can work on this program's
// tables: the one before, so that processes can be replaced one by one, unless the
// newest migration breaks it.
func (s Schema) oldest() (oldest int64, err error) {
	newest, err := s.version()
	if err != nil {
		return 0, err
	}
	files, err := fs.Glob(s.Migrations, "*.sql")
	if err != nil {
		return 0, err
	}
	oldest = max(newest-1, 1)
	for _, name := range files {
		b, err := fs.ReadFile(s.Migrations, name)
		if err != nil {
			return 0, err
		}
		if v, err := goose.NumericComponent(name); err == nil && strings.Contains("\n"+string(b), "\n"+breaks+"\n") {
			oldest = max(oldest, v)
		}
	}
	return oldest, nil
}

func (s Schema) provider(db *sql.DB) (*goose.Provider, error) {
	options := []goose.ProviderOption{goose.WithTableName(VersionTable), goose.WithDisableGlobalRegistry(true), goose.WithSlog(slog.New(slog.DiscardHandler))}
	if s.Made == nil {
		return goose.NewProvider(s.Goose, db, s.Migrations, options...)
	}
	all, err := s.repeatable()
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(s.Goose, db, nil, append(options, goose.WithGoMigrations(all...))...)
}

// version is the number of the newest migration.
func (s Schema) version() (version int64, err error) {
	files, err := fs.Glob(s.Migrations, "*.sql")
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
func (s Schema) Print(w io.Writer) error {
	files, err := fs.Glob(s.Migrations, "*.sql") // sorted
	if err != nil {
		return err
	}
	versions := "(0, 1)"
	fmt.Fprintf(w, "%s\n\n", s.Versions)
	for _, name := range files {
		b, err := fs.ReadFile(s.Migrations, name)
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
	fmt.Fprintf(w, "INSERT INTO %s (version_id, is_applied) VALUES %s;\n", VersionTable, versions)
	if !s.Shared {
		return nil
	}
	version, oldest, err := s.programs()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "\n%s\n\nINSERT INTO pushd_schema_state (id, version, oldest) VALUES (1, %d, %d);\n", stateTable, version, oldest)
	return err
}
