package main

import (
	"context"
	"errors"
	"log/slog"
)

// serveCmd runs the daemon.
type serveCmd struct {
	Settings `embed:""`
}

// Run implements the command.
func (c *serveCmd) Run(a *app) error {
	if err := a.settled(c.Settings.validate); err != nil {
		return err
	}
	if c.Instance == "" {
		c.Instance = defaultInstance(hostname(), c.Listen)
	}
	log := newLogger(a.stderr, c.Logging)
	a.env.warn(log)
	return serve(a.ctx, c.Settings, log)
}

// serve runs the daemon until ctx is done.
func serve(ctx context.Context, s Settings, log *slog.Logger) error {
	return errors.New("serve: not wired")
}
