package migrate

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"strings"

	"github.com/pressly/goose/v3"
)

// repeatable makes migrations of the files for a server that carries each statement
// out by itself: one that changes a table is there to stay, and a migration that was
// cut off behind it, before its version was noted, begins with it again. What is there
// already passes for made.
func (s Schema) repeatable() ([]*goose.Migration, error) {
	files, err := fs.Glob(s.Migrations, "*.sql")
	if err != nil {
		return nil, err
	}
	var all []*goose.Migration
	for _, name := range files {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", name, err)
		}
		text, err := fs.ReadFile(s.Migrations, name)
		if err != nil {
			return nil, err
		}
		all = append(all, goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			for _, statement := range statements(string(text)) {
				if _, err := tx.ExecContext(ctx, statement); err != nil && !s.Made(err) {
					return err
				}
			}
			return nil
		}}, nil))
	}
	return all, nil
}

// statements are those of a file: each ends with a semicolon at the end of a line.
// Lines of comments are left out.
func statements(text string) (all []string) {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "--") {
			continue
		}
		b.WriteString(line)
		if strings.HasSuffix(strings.TrimSpace(line), ";") {
			all = append(all, strings.TrimSpace(b.String()))
			b.Reset()
		}
	}
	if rest := strings.TrimSpace(b.String()); rest != "" {
		all = append(all, rest)
	}
	return all
}
