package php_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"pushd/deploy/php/phptest"
	"pushd/internal/mariadb"
)

// On a Galera cluster, machines that each speak to a node of their own migrate at
// once, and a lock of one keeps the others out: GET_LOCK would be one node's alone.
func TestCluster_MigrationsAndLocks(t *testing.T) {
	c, err := mariadb.StartCluster(t.Context(), 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Stop() })
	name, err := c.Nodes[0].CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var machines []*phptest.Host
	for _, node := range c.Nodes {
		if err := node.AwaitSynced(t.Context()); err != nil {
			t.Fatal(err)
		}
		machines = append(machines, phptest.New(t, phptest.Settings{
			"db_dsn": fmt.Sprintf("mysql:unix_socket=%s;dbname=%s;charset=utf8mb4", node.Socket(), name), "db_user": "root",
		}))
	}
	applied := map[string]int{}
	for i, run := range atOnce(machines, func(h *phptest.Host) phptest.Run { return migrate(t, h, withHost) }) {
		if run.Code != 0 || !strings.Contains(run.Stdout, "the tables are up to date") {
			t.Errorf("node %d: %+v", i, run)
		}
		for _, m := range regexp.MustCompile(`(?m)^(\S+): applied`).FindAllStringSubmatch(run.Stdout, -1) {
			applied[m[1]]++
		}
	}
	for name, n := range applied {
		if n != 1 {
			t.Errorf("%s was applied by %d", name, n)
		}
	}
	if len(applied) < 9 {
		t.Errorf("applied: %v", applied)
	}

	w := newWeChat(t)
	if err := c.Nodes[0].Exec(t.Context(), name, "CREATE TABLE user_wx_account (uin INT PRIMARY KEY, appid VARCHAR(64), app_secret VARCHAR(64)); INSERT INTO user_wx_account VALUES (1, 'wx1', 's')"); err != nil {
		t.Fatal(err)
	}
	var crowd sync.WaitGroup
	for i, h := range machines {
		if err := c.Nodes[i].AwaitSynced(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			url := h.With(phptest.Settings{"wechat_url": w.URL, "token_key": tokenKey, "lock_wait": "8"}).Serve(t)
			crowd.Go(func() {
				if a := askAt(t, url, "appid=wx1"); a.Status != 200 {
					t.Errorf("node %d: %d %s", i, a.Status, a.Text)
				}
			})
		}
	}
	crowd.Wait()
	if n := len(w.asked()); n != 1 {
		t.Errorf("WeChat was asked %d times", n)
	}

	file := filepath.Join(t.TempDir(), "count")
	write(t, file, "0")
	const times = 10
	for i, run := range atOnce(machines, func(h *phptest.Host) phptest.Run {
		return h.Script(t.Context(), t, "testdata/lock.php", "crowd", "60", fmt.Sprint(times), file)
	}) {
		if run.Stdout != "taken" {
			t.Errorf("node %d: %+v", i, run)
		}
	}
	if count, err := os.ReadFile(file); err != nil || string(count) != fmt.Sprint(times*len(machines)) {
		t.Errorf("counted to %s: %v", count, err)
	}
}

// atOnce runs the same on all machines.
func atOnce(machines []*phptest.Host, run func(*phptest.Host) phptest.Run) []phptest.Run {
	runs := make([]phptest.Run, len(machines))
	var all sync.WaitGroup
	for i, h := range machines {
		all.Go(func() { runs[i] = run(h) })
	}
	all.Wait()
	return runs
}
