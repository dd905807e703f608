package clustertest

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"pushd"
	"pushd/api/client"
	"pushd/internal/store"
)

// askScenarios are about what the API and the commands answer.
func askScenarios() []scenario {
	return []scenario{
		{name: "812 equal POSTs to three processes at once", run: manyPosts},
		{name: "posted, looked at, paused, resumed and canceled, each by another process, while nodes lag", run: func(w *world) { eachByAnother(w, true) }},
		{name: "the same with `wsrep_sync_wait=0` in the DSN, which pushd would not set", run: func(w *world) { eachByAnother(w, false) }},
		{name: "the only host of the DSN is cut off, then read-only", run: onlyHost},
		{name: "`pushd migrate` on three nodes at once, ten times", run: migrateAtOnce},
		{name: "what waiting for other nodes' writes costs", run: costOfSync},
	}
}

func manyPosts(w *world) {
	w.startAll()
	j := w.post(w.procs[0], 3000)
	var first, again atomic.Int64
	var all sync.WaitGroup
	ids := make([]string, 812)
	for i := range ids {
		all.Go(func() {
			token, _ := j.account.StableToken(false)
			made, err := w.procs[i%size].API().Post(w.Context(), client.Order{ActID: j.channel.ActID, AppID: j.channel.AppID, AccessToken: token})
			switch {
			case err != nil:
				w.Errorf("post %d: %v", i, err)
			case made.Existing:
				again.Add(1)
			default:
				first.Add(1)
			}
			ids[i] = made.ID
		})
	}
	all.Wait()
	slices.Sort(ids)
	if n := len(slices.Compact(ids)); n != 1 || first.Load() != 0 {
		w.Errorf("%d jobs, %d made anew", n, first.Load())
	}
	if n := w.number("SELECT COUNT(*) FROM pushd_job"); n != 1 {
		w.Errorf("%d rows of jobs", n)
	}
	w.row.note = fmt.Sprintf("1 job, %d answered 200", again.Load())
	w.finish()
}

// eachByAnother goes through the commands with a process for each, while node 1
// gets large transactions that make the others lag. With sync, which is pushd's
// own, no answer may be older than the last command; without it is counted how
// many are.
func eachByAnother(w *world, sync bool) {
	for i := range size {
		dsn := w.base.cluster.DSN("pushd", "pushd", w.name, i)
		if !sync {
			dsn += "?wsrep_sync_wait=0"
		}
		w.startOn(i, dsn)
	}
	w.lags = !sync
	stop := w.load()
	defer stop()
	var asked, old, none int
	judge := func(err error, stale bool) {
		switch asked++; {
		case client.Status(err) == http.StatusNotFound:
			none++
		case !sync && client.Status(err) == http.StatusConflict:
			old++ // what the command was about is not there yet
		case err != nil:
			w.Errorf("%v", err)
		case stale:
			old++
		}
	}
	for n := range 20 {
		j := w.post(w.procs[n%size], 20_000)
		j.pulse.stop()
		apis := []client.Client{w.procs[n%size].API(), w.procs[(n+1)%size].API(), w.procs[(n+2)%size].API()}
		for _, api := range apis {
			_, err := api.Job(w.Context(), j.id)
			judge(err, false)
		}
		for i, step := range []struct {
			name   client.Command
			paused bool
			ended  bool
		}{{client.Pause, true, false}, {client.Resume, false, false}, {client.Cancel, false, true}} {
			_, err := apis[(i+2)%size].Command(w.Context(), j.id, step.name)
			judge(err, false)
			for _, api := range apis {
				got, err := api.Job(w.Context(), j.id)
				judge(err, (got.State == pushd.Paused) != step.paused || got.State.Ended() != step.ended)
			}
		}
	}
	if sync && old+none > 0 {
		w.Errorf("of %d answers %d were older than the last command, and %d found no job", asked, old, none)
	}
	w.row.note = fmt.Sprintf("of %d answers %d were older than the last command, and %d found no job", asked, old, none)
}

// load writes large transactions on a node until it is told to stop.
func (w *world) load() (stop func()) {
	w.Helper()
	db, err := sql.Open("mysql", fmt.Sprintf("admin:admin@tcp(%s)/%s", w.base.cluster.Nodes[0].Addr, w.name))
	w.must(err)
	_, err = db.ExecContext(w.Context(), "CREATE TABLE load_test (id INT PRIMARY KEY, t LONGTEXT) ENGINE=InnoDB")
	w.must(err)
	ctx, cancel := context.WithCancel(w.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer db.Close()
		for ctx.Err() == nil {
			if _, err := db.ExecContext(ctx, "REPLACE INTO load_test SELECT seq, REPEAT('x', 4000) FROM seq_1_to_2500"); err != nil && ctx.Err() == nil {
				w.Errorf("load: %v", err)
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}

// onlyHost looks at the health of a process that knows one node only.
func onlyHost(w *world) {
	n := w.base.cluster.Nodes[0]
	p := w.startOn(0, "pushd:pushd@tcp("+n.Addr+")/"+w.name)
	health := func(path string) int {
		req, err := http.NewRequestWithContext(w.Context(), http.MethodGet, p.URL+path, nil)
		w.must(err)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	is := func(want int) func() bool {
		return func() bool { return health("/healthz") == want && health("/readyz") == want }
	}
	w.until("it is well", time.Minute, is(200))
	w.must(n.Isolate(w.Context()))
	cut := w.until("its node is cut off", time.Minute, is(503))
	w.must(n.Heal(w.Context()))
	healed := w.until("its node is healed", time.Minute, is(200))
	w.must(n.Exec(w.Context(), "", "SET GLOBAL read_only = 1"))
	readOnly := w.until("its node is read-only", time.Minute, is(503))
	w.must(n.Exec(w.Context(), "", "SET GLOBAL read_only = 0"))
	w.until("its node takes writes", time.Minute, is(200))
	w.row.note = fmt.Sprintf("`/healthz` and `/readyz` are 503 after %.0f s and %.0f s, and 200 %.0f s after it is healed", cut.Seconds(), readOnly.Seconds(), healed.Seconds())
}

// migrateAtOnce makes the tables of an empty database from three nodes at once.
func migrateAtOnce(w *world) {
	for try := range 10 {
		name := fmt.Sprintf("%sm%d", w.name, try)
		w.must(w.base.cluster.Nodes[0].Exec(w.Context(), "", "CREATE DATABASE "+name))
		for _, n := range w.base.cluster.Nodes {
			w.until("each node has the database", time.Minute, func() bool { return n.Exec(w.Context(), name, "SELECT 1") == nil })
		}
		var all sync.WaitGroup
		for i := range size {
			all.Go(func() {
				cmd := exec.CommandContext(w.Context(), w.base.bin, "migrate")
				cmd.Env = []string{"PUSHD_MYSQL_DSN=pushd:pushd@tcp(" + w.base.cluster.Nodes[i].Addr + ")/" + name}
				if out, err := cmd.CombinedOutput(); err != nil {
					w.Errorf("migrate on node %d: %v: %s", i, err, out)
				}
			})
		}
		all.Wait()
		if n := w.number("SELECT COUNT(*) - COUNT(DISTINCT version_id) FROM " + name + ".pushd_schema"); n != 0 {
			w.Errorf("%d versions are there twice", n)
		}
		w.must(w.base.cluster.Nodes[0].Exec(w.Context(), "", "DROP DATABASE "+name))
	}
	w.row.note = "all ended with 0, each version once"
	w.check()
}

// check holds what "pushd check" says of the three nodes against what they are.
func (w *world) check() {
	w.Helper()
	out := w.checked()
	for _, want := range []string{"ok    nodes: 3 of one cluster", "ok    nodes: each sees at once what another wrote"} {
		if !strings.Contains(out, want) {
			w.Errorf("pushd check does not say %q: %s", want, out)
		}
	}
	if bad := regexp.MustCompile(`(?m)^(fail|warn) +(nodes|clock|session|database|read back):.*`).FindString(out); bad != "" {
		w.Errorf("pushd check: %s", bad)
	}
}

// checked is what "pushd check" says.
func (w *world) checked() string {
	cmd := exec.CommandContext(w.Context(), w.base.bin, "check")
	cmd.Env = []string{"PUSHD_MYSQL_DSN=" + w.base.cluster.DSN("pushd", "pushd", w.name, 0), "PUSHD_TOKEN_URL=" + w.Listener.URL + "/php/token"}
	out, _ := cmd.CombinedOutput() // its exit code is about the token, too
	return string(out)
}

// costOfSync measures reads and writes with and without wsrep_sync_wait, in turn.
func costOfSync(w *world) {
	const times = 1000
	var dbs []*sql.DB
	for _, sync := range []string{"0", "7"} {
		db, err := store.MySQL().Open("pushd:pushd@tcp("+w.base.cluster.Nodes[1].Addr+")/"+w.name+"?wsrep_sync_wait="+sync, nil, time.UTC, slog.New(slog.DiscardHandler))
		w.must(err)
		defer db.Close()
		dbs = append(dbs, db)
	}
	statements := []string{"SELECT salt FROM pushd_install WHERE id = 1", "UPDATE pushd_install SET counter = counter + 1 WHERE id = 1"}
	var figures [4][]time.Duration
	for range times {
		for i, statement := range statements {
			for k, db := range dbs {
				began := time.Now()
				_, err := db.ExecContext(w.Context(), statement)
				w.must(err)
				figures[2*i+k] = append(figures[2*i+k], time.Since(began))
			}
		}
	}
	var medians []any
	for _, all := range figures {
		slices.Sort(all)
		medians = append(medians, fmt.Sprintf("%.1f ms", all[times/2].Seconds()*1000))
	}
	w.row.note = fmt.Sprintf("a read takes %s without and %s with it, a write %s and %s (medians)", medians...)
}
