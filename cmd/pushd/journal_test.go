package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pushd/internal/settings"
)

// In the journal each line has its priority; elsewhere, and in what is kept for a
// bundle, none has.
func TestLogger_Journal(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	stream := fmt.Sprintf("%d:%d", st.Dev, st.Ino)
	for _, c := range []struct {
		stream, format string
		prefixes       []string
	}{
		{stream, "text", []string{"<7>time=", "<6>time=", "<4>time=", "<3>time="}},
		{stream, "json", []string{"<7>{", "<6>{", "<4>{", "<3>{"}},
		{"1:1", "text", []string{"time=", "time=", "time=", "time="}},
		{"", "text", []string{"time=", "time=", "time=", "time="}},
	} {
		t.Setenv("JOURNAL_STREAM", c.stream)
		if err := file.Truncate(0); err != nil {
			t.Fatal(err)
		}
		if _, err := file.Seek(0, 0); err != nil {
			t.Fatal(err)
		}
		var kept recent
		log := newLogger(file, settings.Logging{LogLevel: "debug", LogFormat: c.format}, &kept).With("a", 1).WithGroup("g")
		for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
			log.Log(t.Context(), level, "text", "b", 2)
		}
		b, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(b)), "\n")
		if len(lines) != len(c.prefixes) {
			t.Fatalf("%q: %d lines: %s", c.stream, len(lines), b)
		}
		for i, prefix := range c.prefixes {
			if !strings.HasPrefix(lines[i], prefix) || c.format == "text" && !strings.HasSuffix(lines[i], "a=1 g.b=2") {
				t.Errorf("%q: %s, want %s…", c.stream, lines[i], prefix)
			}
		}
		if text := string(kept.text()); strings.Contains(text, "<") || strings.Count(text, "\n") != len(lines) {
			t.Errorf("kept is %s", text)
		}
	}
}
