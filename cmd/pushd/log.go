package main

import (
	"io"
	"log/slog"
	"os"

	"pushd/internal/settings"
)

// newLogger makes the daemon's logger. Secrets keep themselves out of it:
// their types print as less than they are. Where w leads to systemd's journal,
// lines have their priority; what also wants the lines gets them without.
func newLogger(w io.Writer, l settings.Logging, also ...io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.LogLevel)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	handler := func(w io.Writer) slog.Handler {
		w = io.MultiWriter(append([]io.Writer{w}, also...)...)
		if l.LogFormat == "json" {
			return slog.NewJSONHandler(w, options)
		}
		return slog.NewTextHandler(w, options)
	}
	if f, ok := w.(*os.File); ok && toJournal(f, os.Getenv("JOURNAL_STREAM")) {
		return slog.New(newJournal(w, handler))
	}
	return slog.New(handler(w))
}
