package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pushd"
)

func TestStateFile(t *testing.T) {
	dir := t.TempDir()
	s, err := OpenState(dir)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.Load(); err != nil || c != (pushd.Counter{}) {
		t.Errorf("before the first save: %+v, %v", c, err)
	}
	for n := range int64(3) {
		want := pushd.Counter{Installation: "0123456789abcdef", Value: n + 1, At: pushd.Time(1_900_000_000_123_456 + n)}
		if err := s.Save(want); err != nil {
			t.Fatal(err)
		}
		if c, err := s.Load(); err != nil || c != want {
			t.Errorf("saved %+v, loaded %+v, %v", want, c, err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != "ledger" {
		t.Errorf("%v in the directory, %v", files, err)
	}
}

// Whoever reads while others write finds a whole counter.
func TestStateFile_IsReplacedWhole(t *testing.T) {
	s := &StateFile{t.TempDir()}
	var writers sync.WaitGroup
	for n := range int64(4) {
		writers.Go(func() {
			for range 25 {
				if err := s.Save(pushd.Counter{Installation: strings.Repeat("x", int(10*n)+1), Value: n + 1, At: 1}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 200 {
		if c, err := s.Load(); err != nil || c.Value != 0 && len(c.Installation) != int(10*(c.Value-1))+1 {
			t.Errorf("loaded %+v, %v", c, err)
		}
	}
	writers.Wait()
}

func TestStateFile_Corrupt(t *testing.T) {
	for _, text := range []string{
		"", "{", "\x00\x00\x00", `{"installation":"a","counter":3}`, `{"counter":3,"raisedAt":"2026-03-01T12:00:00Z"}`,
		`{"installation":"a","counter":0,"raisedAt":"2026-03-01T12:00:00Z"}`, `{"installation":"a","counter":-3,"raisedAt":"2026-03-01T12:00:00Z"}`,
		`{"installation":"a","counter":3,"raisedAt":"yesterday"}`, strings.Repeat(" ", stateMax) + "{}",
	} {
		s := &StateFile{t.TempDir()}
		if err := os.WriteFile(s.Name(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := s.Load(); err == nil || c != (pushd.Counter{}) || !strings.Contains(err.Error(), s.Name()) {
			t.Errorf("%.60q: %+v, %v", text, c, err)
		}
	}
}

// A counter that can't be written leaves the old one.
func TestStateFile_CantBeWritten(t *testing.T) {
	dir := t.TempDir()
	s := &StateFile{dir}
	if err := os.Mkdir(s.Name(), 0o700); err != nil { // nothing can take its place
		t.Fatal(err)
	}
	if err := s.Save(pushd.Counter{Installation: "a", Value: 1, At: 1}); err == nil {
		t.Error("saved")
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("%v in the directory", files)
	}
	if _, err := OpenState(filepath.Join(dir, "none")); err == nil {
		t.Error("a directory that is not there was opened")
	}
}
