package clustertest

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/http"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"pushd/api/client"
	"pushd/internal/store"
)

// askScenarios are about what the API and the commands answer.
func askScenarios() []scenario {
	return []scenario{
		{name: "812 equal POSTs to three processes at once", run: manyPosts},
		{name: "posted, looked at, paused, resumed and canceled, each by another process", run: eachByAnother},
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

// eachByAnother goes through commands with a process for each, while node 1 gets
// large transactions that make the others lag.
func eachByAnother(w *world) {
	for i := range size {
		w.start(i)
	}
	stop := w.load()
	for n := range 20 {
		j := w.post(w.procs[n%size], 20_000)
		b, c := w.procs[(n+1)%size].API(), w.procs[(n+2)%size].API()
		ctx := w.Context()
		if got, err := b.Job(ctx, j.id); err != nil {
			w.Errorf("a job that was just posted, asked elsewhere: %v", err)
		} else if got.ActID != j.channel.ActID {
			w.Errorf("another job: %+v", got)
		}
		step := func(on client.Client, name client.Command, want string) {
			if _, err := on.Command(ctx, j.id, name); err != nil {
				w.Errorf("%v: %v", name, err)
			}
			for _, api := range []client.Client{w.procs[n%size].API(), b, c} {
				if got, err := api.Job(ctx, j.id); err != nil || string(got.State) != want && (want != "" || string(got.State) == "paused") {
					w.Errorf("after %v elsewhere: %s %v", name, got.State, err)
				}
			}
		}
		step(c, "pause", "paused")
		step(b, "resume", "")
		step(c, "cancel", "canceled")
		j.pulse.stop()
	}
	stop()
	w.row.note = "20 times, with large transactions on one node; no answer was older than the last command"
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
}

// costOfSync measures reads and writes with and without wsrep_sync_wait, in turn.
func costOfSync(w *world) {
	const times = 1000
	var dbs []*sql.DB
	for _, sync := range []string{"0", "7"} {
		db, err := store.MySQL().Open("pushd:pushd@tcp("+w.base.cluster.Nodes[1].Addr+")/"+w.name+"?wsrep_sync_wait="+sync, time.UTC, slog.New(slog.DiscardHandler))
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
