package main

import "errors"

// migrateCmd makes or updates pushd's tables.
type migrateCmd struct {
	Logging         `embed:""`
	MigrateDatabase `embed:""`
	Print           bool `help:"Print the SQL and do nothing."`
}

// Run implements the command.
func (c *migrateCmd) Run(a *app) error { return errors.New("not wired") }
