package migrate

import (
	"testing"
	"testing/fstest"
)

// TestSchema_Oldest: the version before the newest may go on, unless a migration
// says that it breaks it.
func TestSchema_Oldest(t *testing.T) {
	for text, want := range map[string]int64{
		"ALTER TABLE pushd_job ADD COLUMN x INT NOT NULL DEFAULT 0;":   998,
		breaks + "\n\nALTER TABLE pushd_job CHANGE COLUMN rate y INT;": 999,
	} {
		s := Schema{Migrations: fstest.MapFS{
			"00001_first.sql": {Data: []byte("-- +goose Up\n" + breaks + "\n\nCREATE TABLE pushd_job (rate INT);")},
			"00999_later.sql": {Data: []byte("-- +goose Up\n" + text)},
		}}
		if got, err := s.oldest(); err != nil || got != want {
			t.Errorf("%s: %d %v, want %d", text, got, err, want)
		}
	}
}
