package clustertest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pushd/internal/mariadb"
)

// clocks runs three jobs on clusters on which the clock of one node is wrong.
// What is measured is that nobody takes another's job: by another node's clock
// its lease is long over, or lasts for ever.
func clocks(t *testing.T) (rows []*row) {
	t.Helper()
	libs, err := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1")
	if err != nil || len(libs) == 0 {
		t.Fatalf("libfaketime is not installed (Debian and Ubuntu: apt-get install faketime): %v", err)
	}
	for _, c := range []struct{ name, offset string }{
		{"the clock of a node is 60 s ahead", "+60s"},
		{"the clock of a node is 60 s behind", "-60s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBase(t, func(node int) []mariadb.Option {
				if node != 1 {
					return nil
				}
				return []mariadb.Option{mariadb.WithEnv("LD_PRELOAD="+libs[0], "FAKETIME="+c.offset, "FAKETIME_DONT_FAKE_MONOTONIC=1", "FAKETIME_CACHE_DURATION=1", "TZ="+os.Getenv("TZ"))}
			})
			rows = append(rows, b.run(t, []scenario{{name: c.name, run: func(w *world) {
				w.startAll()
				for i := range size {
					w.post(w.procs[i], people)
				}
				w.finish()
				if w.row.claims != size {
					w.Errorf("%d claims of %d jobs", w.row.claims, size)
				}
				if out := w.checked(); !strings.Contains(out, "warn  clock: those of ") {
					w.Errorf("pushd check says nothing of the clock: %s", out)
				}
			}}})...)
		})
	}
	return rows
}
