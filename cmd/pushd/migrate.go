package main

import (
	"fmt"

	"pushd/internal/settings"
	"pushd/internal/store"
)

// migrateCmd makes or updates pushd's tables. It is the only command that
// needs a database user who may create tables.
type migrateCmd struct {
	settings.Logging         `embed:""`
	settings.MigrateDatabase `embed:""`
	Print                    bool `help:"Print the SQL, for a DBA to run, and do nothing."`
}

// Run implements the command.
func (c *migrateCmd) Run(a *app) error {
	if c.Print {
		if err := store.MySQL().Print(a.stdout); err != nil {
			return fmt.Errorf("print the migrations: %w", err)
		}
		return nil
	}
	if err := a.settled(c.Logging.Validate, c.MigrateDatabase.Validate); err != nil {
		return err
	}
	log := newLogger(a.stderr, c.Logging)
	a.env.Warn(log)
	s, err := store.Open(a.ctx, store.Options{DSN: string(c.DSN()), MaxConns: 2, Logger: log})
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Migrate(a.ctx); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, "The tables are up to date.")
	return nil
}
