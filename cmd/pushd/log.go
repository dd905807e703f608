package main

import (
	"io"
	"log/slog"

	"pushd/internal/settings"
)

// newLogger makes the daemon's logger. Secrets keep themselves out of it:
// their types print as less than they are.
func newLogger(w io.Writer, l settings.Logging) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if l.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
