package crashtest

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"pushd/internal/store"
)

// backup is a copy of what the database held at one moment, as mysqldump
// --single-transaction makes it: pushd's tables and the status column's.
type backup struct{ tables []backupTable }

type backupTable struct {
	name    string
	columns []string
	rows    [][]any
}

// copied are the tables of a backup, by a LIKE pattern each.
var copied = []string{`pushd\_%`, `activity\_detail`}

// Backup copies the database.
func (w *World) Backup() backup {
	w.Helper()
	var b backup
	w.must(w.inOne("START TRANSACTION WITH CONSISTENT SNAPSHOT", func(c *sql.Conn) error {
		names, err := tableNames(w.Context(), c)
		for _, name := range names {
			var t backupTable
			if err == nil {
				t, err = copyTable(w.Context(), c, name)
			}
			b.tables = append(b.tables, t)
		}
		return err
	}))
	return b
}

// Restore makes the database what it was, in one transaction.
func (w *World) Restore(b backup) {
	w.Helper()
	w.must(w.inOne("START TRANSACTION", func(c *sql.Conn) error {
		for _, t := range b.tables {
			if _, err := c.ExecContext(w.Context(), "DELETE FROM "+t.name); err != nil {
				return err
			}
			marks := strings.TrimSuffix(strings.Repeat("?,", len(t.columns)), ",")
			insert := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", t.name, strings.Join(t.columns, ","), marks)
			for _, row := range t.rows {
				if _, err := c.ExecContext(w.Context(), insert, row...); err != nil {
					return fmt.Errorf("restore %s: %w", t.name, err)
				}
			}
		}
		return nil
	}))
}

// inOne runs f in a transaction, again if it met another one.
func (w *World) inOne(begin string, f func(*sql.Conn) error) (err error) {
	c, err := w.DB.Conn(w.Context())
	if err != nil {
		return err
	}
	defer c.Close()
	for range 50 {
		for _, step := range []func() error{
			func() error { _, err := c.ExecContext(w.Context(), begin); return err },
			func() error { return f(c) },
			func() error { _, err := c.ExecContext(w.Context(), "COMMIT"); return err },
		} {
			if err = step(); err != nil {
				break
			}
		}
		if err == nil || !store.MySQL().Transient(err) {
			return err
		}
		c.ExecContext(w.Context(), "ROLLBACK")
	}
	return err
}

func tableNames(ctx context.Context, c *sql.Conn) (names []string, err error) {
	for _, like := range copied {
		rows, err := c.QueryContext(ctx, "SHOW TABLES LIKE '"+like+"'")
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				return nil, err
			}
			names = append(names, name)
		}
		if err := rows.Close(); err != nil {
			return nil, err
		}
	}
	return names, nil
}

func copyTable(ctx context.Context, c *sql.Conn, name string) (backupTable, error) {
	t := backupTable{name: name}
	rows, err := c.QueryContext(ctx, "SELECT * FROM "+name)
	if err != nil {
		return t, err
	}
	defer rows.Close()
	if t.columns, err = rows.Columns(); err != nil {
		return t, err
	}
	for rows.Next() {
		row := make([]any, len(t.columns))
		into := make([]any, len(row))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return t, err
		}
		t.rows = append(t.rows, row)
	}
	return t, rows.Err()
}
