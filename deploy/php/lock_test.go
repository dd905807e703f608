package php_test

import (
	"crypto/md5"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A lock is one process's, whatever its name; it is free when it is given back,
// when its holder has died, and where a clock was ahead.
func TestLock(t *testing.T) {
	bothKinds(t, func(t *testing.T, kind string) {
		h := database(t, kind)
		migrated(t, h)
		long := strings.Repeat("账号/", 100)
		take := func(name, wait, want string) {
			t.Helper()
			if run := h.Script(t.Context(), t, "testdata/lock.php", name, wait); run.Stdout != want || run.Stderr != "" {
				t.Errorf("want %q: %+v", want, run)
			}
		}
		held := func(until string) {
			t.Helper()
			now := map[string]string{"mariadb": "UNIX_TIMESTAMP()", "sqlite": "strftime('%s', 'now')"}[kind]
			file := filepath.Join(t.TempDir(), "held.sql")
			write(t, file, fmt.Sprintf("REPLACE INTO pushd_php_lock (name, busy_until, busy_by) VALUES ('%x', %s %s, 'another');", md5.Sum([]byte(long)), now, until))
			load(t, h, file)
		}
		take(long, "0", "taken")
		take(long, "0", "taken")
		held("+ 20")
		take(long, "0", "busy")
		take("of another name", "0", "taken")
		held("+ 1000")
		take(long, "0", "taken")
		held("+ 1")
		take(long, "5", "taken")
	})
}

// Whoever holds a lock is alone.
func TestLock_Excludes(t *testing.T) {
	bothKinds(t, func(t *testing.T, kind string) {
		h := database(t, kind)
		migrated(t, h)
		file := filepath.Join(t.TempDir(), "count")
		write(t, file, "0")
		const processes, times = 4, 15
		var crowd sync.WaitGroup
		for range processes {
			crowd.Go(func() {
				if run := h.Script(t.Context(), t, "testdata/lock.php", "crowd", "60", fmt.Sprint(times), file); run.Stdout != "taken" {
					t.Errorf("%+v", run)
				}
			})
		}
		crowd.Wait()
		if count, err := os.ReadFile(file); err != nil || string(count) != fmt.Sprint(processes*times) {
			t.Errorf("counted to %s, want %d: %v", count, processes*times, err)
		}
	})
}
