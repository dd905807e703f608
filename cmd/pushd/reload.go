package main

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"strings"

	"pushd/internal/daemon"
	"pushd/internal/settings"
)

// reread reads the settings as at the start: by the same flags and variables, and
// from the files as they are now. What is wrong with the secrets is the error.
func (a *app) reread() (settings.Settings, error) {
	var c commands
	again := &app{ctx: a.ctx, stdin: a.stdin, stdout: io.Discard, stderr: io.Discard, problems: &settings.Problems{}}
	again.env = settings.NewEnvironment(a.environ, again.problems)
	again.env.Again = true
	parser, err := newParser(again, &c, func(int) {})
	if err != nil {
		return settings.Settings{}, err
	}
	if _, err := parser.Parse(a.args); err != nil {
		return settings.Settings{}, err
	}
	return c.Serve.Settings, again.settled(c.Serve.ValidateSecrets)
}

// secrets are those of the settings that can change while pushd runs. instance is
// the name by which it was started.
func secrets(s settings.Settings, instance string) daemon.Secrets {
	return daemon.Secrets{
		DSN: string(s.MySQLDSN), Keys: s.Keys(), TokenURL: string(s.TokenURL), TokenKey: string(s.TokenKey), Hook: s.Hook(instance),
		Callback: string(s.CallbackSecret),
	}
}

// reload reads the secrets again, and returns a line that says what came of it.
func (a *app) reload(ctx context.Context, d *daemon.Daemon, instance string, log *slog.Logger) string {
	const kept = "secrets not read again: what was in use stays in use"
	s, err := a.reread()
	if err != nil {
		log.Error(kept, "err", err)
		return kept + "; see the log"
	}
	changed, err := d.Reload(ctx, secrets(s, instance))
	switch {
	case err != nil:
		log.Error("secrets read again, but not all can be used: the others stay as they were", "changed", changed, "err", err)
		return "secrets read again, but not all can be used; see the log"
	case len(changed) == 0:
		log.Info("secrets read again: nothing has changed"+a.copies(), "changed", changed)
		return "secrets read again: nothing has changed"
	}
	log.Info("secrets read again", "changed", changed)
	return "secrets read again; changed: " + strings.Join(changed, ", ")
}

// copies explains why nothing has changed where systemd has handed the secrets
// over: those are copies, which it makes when it starts the unit.
func (a *app) copies() string {
	dir := ""
	for _, pair := range a.environ {
		if name, value, _ := strings.Cut(pair, "="); name == "CREDENTIALS_DIRECTORY" {
			dir = filepath.Clean(value)
		}
	}
	for _, pair := range a.environ {
		name, value, _ := strings.Cut(pair, "=")
		if dir != "" && strings.HasPrefix(name, "PUSHD_") && filepath.Dir(value) == dir {
			return "; those of LoadCredential= are copies that systemd made at the start: restart, or see \"Change a secret\" in docs/operations.md"
		}
	}
	return ""
}
