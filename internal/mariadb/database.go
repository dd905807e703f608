package mariadb

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/go-sql-driver/mysql"
)

// CreateDatabase makes an empty database that nobody else has and returns its
// name; see DSN.
func (s *Server) CreateDatabase(ctx context.Context) (string, error) {
	name := fmt.Sprintf("db%d", s.databases.Add(1))
	if err := s.Exec(ctx, "", "CREATE DATABASE "+name); err != nil {
		return "", fmt.Errorf("create database: %w", err)
	}
	return name, nil
}

// Exec runs SQL text of one or many statements as root, for example a file of
// tables. db may be empty.
func (s *Server) Exec(ctx context.Context, db, text string) error {
	return s.with(db, func(d *sql.DB) error {
		_, err := d.ExecContext(ctx, text)
		return err
	})
}

func (s *Server) ping(ctx context.Context) error {
	return s.with("", func(d *sql.DB) error { return d.PingContext(ctx) })
}

// with runs f on a short-lived connection whose driver is silent: while the
// server starts, refused connections are no news.
func (s *Server) with(db string, f func(*sql.DB) error) error {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr, cfg.DBName = "root", "unix", s.Socket(), db
	cfg.MultiStatements = true
	cfg.Logger = &mysql.NopLogger{}
	conn, err := mysql.NewConnector(cfg)
	if err != nil {
		return err
	}
	d := sql.OpenDB(conn)
	defer d.Close()
	return f(d)
}
