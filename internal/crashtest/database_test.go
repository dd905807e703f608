package crashtest

import (
	"bytes"
	"sync"
	"sync/atomic"
	"time"

	"pushd/internal/wechatsim"
)

func databaseScenarios() []scenario {
	return []scenario{
		{name: "database killed and restarted", run: func(w *World) { databaseDown(w, 0) }},
		{name: "database down 5 s", long: true, run: func(w *World) { databaseDown(w, 5*time.Second) }},
		{name: "database down 60 s, beyond the lease", long: true, run: func(w *World) { databaseDown(w, time.Minute) }},
		{name: "database frozen 6 s", long: true, run: databaseFrozen},
		{name: "database read-only for 3 s", long: true, run: databaseReadOnly},
		{name: "all connections cut, again and again", long: true, run: connectionsCut},
		{name: "1 s for each statement", long: true, run: slowStatements},
		{name: "every tenth statement meets a deadlock", run: deadlocks},
		{name: "database full (1114) for 3 s", long: true, run: databaseFull},
		{name: "every fifth write done, its answer lost", run: answersLost},
		{name: "kill -9 while the database is down", long: true, run: killedWhileDown},
	}
}

// Nothing of this may cost a needless request: what came of the sends stays
// in memory until the database has it.
func databaseDown(w *World, d time.Duration) {
	p, j := w.Begin(3000, nil)
	w.AwaitSends(j, 500)
	w.MySQL.Kill()
	w.Pass(d)
	w.must(w.MySQL.Restart(w.Context()))
	w.Finish(p, j, Verdict{})
}

func databaseFrozen(w *World) {
	p, j := w.Begin(3000, nil)
	w.AwaitSends(j, 500)
	w.must(w.MySQL.Freeze())
	w.Pass(6 * time.Second)
	w.must(w.MySQL.Thaw())
	w.Finish(p, j, Verdict{})
}

func databaseReadOnly(w *World) {
	p, j := w.Begin(3000, nil)
	w.AwaitSends(j, 500)
	w.must(w.MySQL.Exec(w.Context(), "", "SET GLOBAL read_only = ON"))
	w.Pass(3 * time.Second)
	w.must(w.MySQL.Exec(w.Context(), "", "SET GLOBAL read_only = OFF"))
	w.Finish(p, j, Verdict{})
}

func connectionsCut(w *World) {
	p, j := w.Begin(size(4000, 10_000), nil)
	for !w.ended(j) {
		w.Pass(w.Between(20*time.Millisecond, 200*time.Millisecond))
		w.Proxy.Cut()
	}
	w.Finish(p, j, Verdict{})
}

func slowStatements(w *World) {
	p, j := w.Begin(600, nil)
	w.AwaitSends(j, 50)
	w.Proxy.Rule(func([]byte) Fate { return Fate{Delay: time.Second} })
	w.Finish(p, j, Verdict{})
}

// every makes a rule that gives each n-th statement that which picks a fate.
func every(n int64, which func([]byte) bool, fate Fate) func([]byte) Fate {
	var seen atomic.Int64
	return func(s []byte) Fate {
		if which(s) && seen.Add(1)%n == 0 {
			return fate
		}
		return Fate{}
	}
}

// oneOf makes a rule that gives one of n statements in a row that which picks a
// fate, drawn by the seed: each n-th would meet the same write of a transaction
// of n again and again.
func (w *World) oneOf(n int64, which func([]byte) bool, fate Fate) func([]byte) Fate {
	var mu sync.Mutex
	var seen, at int64
	return func(s []byte) Fate {
		if !which(s) {
			return Fate{}
		}
		mu.Lock()
		defer mu.Unlock()
		if seen%n == 0 {
			at = seen + w.Rand.Int64N(n)
		}
		seen++
		if seen-1 == at {
			return fate
		}
		return Fate{}
	}
}

func deadlocks(w *World) {
	w.Proxy.Rule(every(10, func(s []byte) bool {
		return writes(s) && !bytes.HasPrefix(s, []byte("COMMIT"))
	}, Fate{Error: 1213}))
	p, j := w.Begin(3000, func(b *wechatsim.Behaviour) { b.Walk.PageSize = 300 })
	w.Finish(p, j, Verdict{})
}

func databaseFull(w *World) {
	p, j := w.Begin(3000, func(b *wechatsim.Behaviour) { b.Walk.PageSize = 300 })
	w.AwaitSends(j, 500)
	w.Proxy.Rule(every(1, writes, Fate{Error: 1114}))
	w.Pass(3 * time.Second)
	w.Proxy.Rule(nil)
	w.Finish(p, j, Verdict{})
}

func answersLost(w *World) {
	p := w.Start("a")
	j := w.NewChannel(3000, func(b *wechatsim.Behaviour) { b.Walk.PageSize = 300 })
	w.Proxy.Rule(w.oneOf(5, writes, Fate{LoseAnswer: true}))
	w.Until("the post is answered", 30*time.Second, func() bool { return w.Post(p, j) == nil })
	w.Finish(p, j, Verdict{})
}

// killedWhileDown loses what was in memory: at most 2 × concurrency people
// are asked again.
func killedWhileDown(w *World) {
	p, j := w.Begin(3000, nil)
	w.AwaitSends(j, 500)
	w.MySQL.Kill()
	w.Pass(time.Second)
	p.Kill()
	w.Row.Kills++
	p = w.Start("a")
	w.Pass(time.Second)
	w.must(w.MySQL.Restart(w.Context()))
	r := w.Finish(p, j, Verdict{Kills: 1})
	w.Row.WorstOne = needless(r, Verdict{})
}
