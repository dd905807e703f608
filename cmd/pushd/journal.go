package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
)

// journal is a handler that begins each line with its priority, as the journal
// reads it: journalctl -p warning then finds the warnings. It has a handler for
// each priority.
type journal struct{ at map[string]slog.Handler }

// newJournal makes the handlers by handler.
func newJournal(w io.Writer, handler func(io.Writer) slog.Handler) journal {
	j := journal{map[string]slog.Handler{}}
	for _, p := range []string{"<3>", "<4>", "<6>", "<7>"} {
		j.at[p] = handler(prefixed{w, p})
	}
	return j
}

// priority is that of syslog, as the journal has it.
func priority(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "<3>"
	case l >= slog.LevelWarn:
		return "<4>"
	case l >= slog.LevelInfo:
		return "<6>"
	}
	return "<7>"
}

func (j journal) each(f func(slog.Handler) slog.Handler) journal {
	next := journal{map[string]slog.Handler{}}
	for p, h := range j.at {
		next.at[p] = f(h)
	}
	return next
}

// Enabled implements slog.Handler, as do the others.
func (j journal) Enabled(ctx context.Context, l slog.Level) bool {
	return j.at[priority(l)].Enabled(ctx, l)
}

// Handle writes a line.
func (j journal) Handle(ctx context.Context, r slog.Record) error {
	return j.at[priority(r.Level)].Handle(ctx, r)
}

// WithAttrs adds to every line.
func (j journal) WithAttrs(attrs []slog.Attr) slog.Handler {
	return j.each(func(h slog.Handler) slog.Handler { return h.WithAttrs(attrs) })
}

// WithGroup names what is added from here on.
func (j journal) WithGroup(name string) slog.Handler {
	return j.each(func(h slog.Handler) slog.Handler { return h.WithGroup(name) })
}

// prefixed writes each line, which comes whole, behind a prefix and in one call.
type prefixed struct {
	w      io.Writer
	prefix string
}

func (p prefixed) Write(b []byte) (int, error) {
	var line bytes.Buffer
	line.WriteString(p.prefix)
	line.Write(b)
	if _, err := p.w.Write(line.Bytes()); err != nil {
		return 0, err
	}
	return len(b), nil
}
