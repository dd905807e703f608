package crashtest

import (
	"fmt"
	"strings"
	"syscall"
	"time"
)

func takeoverScenarios() []scenario {
	return []scenario{
		{name: "two pushd, the leader killed", run: func(w *World) { leaderKilled(w, 1) }},
		{name: "three pushd, the leader killed twice", long: true, run: func(w *World) { leaderKilled(w, 2) }},
		{name: "two pushd, the leader frozen and woken while the other sends", run: zombieWhileSending},
		{name: "two pushd, the leader frozen and woken when all is done", long: true, run: zombieAfterEnd},
	}
}

// lease is PUSHD_LEASE in these scenarios.
const lease = 5 * time.Second

// crew starts so many pushd under names of their own and a job, and finds the
// one who works on it.
func crew(w *World, size, people int) ([]*Process, *Job) {
	w.Set("PUSHD_LEASE", lease.String())
	j := w.NewChannel(people, nil)
	var all []*Process
	for i := range size {
		all = append(all, w.Start(fmt.Sprintf("crew-%d", i)))
	}
	w.must(w.Post(all[0], j))
	w.AwaitSends(j, 200)
	return all, j
}

// leader is who has sent; the others have not.
func leader(w *World, all []*Process) (who *Process, others []*Process) {
	w.Helper()
	most := int64(-1)
	for _, p := range all {
		if n := p.Listener.Sends(); n > most {
			most, who = n, p
		}
	}
	for _, p := range all {
		if p != who {
			others = append(others, p)
		}
	}
	return who, others
}

// takeover waits until one of the others sends, and notes how long it took.
func takeover(w *World, others []*Process, since time.Time) {
	w.Helper()
	before := make([]int64, len(others))
	for i, p := range others {
		before[i] = p.Listener.Sends()
	}
	w.Until("another takes over", lease+30*time.Second, func() bool {
		for i, p := range others {
			if p.Listener.Sends() > before[i] {
				return true
			}
		}
		return false
	})
	took := time.Since(since)
	w.Row.resumed(took)
	if took > lease+5*time.Second {
		w.Logf("takeover took %s, the target is lease + 5 s = %s", took, lease+5*time.Second)
	}
}

func leaderKilled(w *World, times int) {
	all, j := crew(w, times+1, 6000)
	for range times {
		who, others := leader(w, all)
		who.Kill()
		w.Row.Kills++
		takeover(w, others, time.Now())
		all = others
	}
	w.Finish(all[0], j, Verdict{Kills: int64(times)})
	w.Row.Note = fmt.Sprintf("takeover with a lease of %s", lease)
}

// zombieWhileSending freezes the leader until another has taken over, and
// wakes it in the middle of the other's work.
func zombieWhileSending(w *World) {
	all, j := crew(w, 2, 12_000)
	zombie, others := leader(w, all)
	zombie.Signal(syscall.SIGSTOP)
	frozen := time.Now()
	w.Until("WeChat has seen what was under way", 10*time.Second, func() bool { return j.Account.Stats().InFlight == 0 })
	before := zombie.Listener.Sends()
	takeover(w, others, frozen)
	zombie.Signal(syscall.SIGCONT)
	w.Finish(others[0], j, Verdict{Kills: 1})
	w.Until("the zombie hears of it", 20*time.Second, func() bool { return strings.Contains(zombie.Said(), "lease lost") })
	w.judgeZombie(zombie.Listener.Sends() - before)
}

// zombieAfterEnd wakes the leader when the job has ended: it may write
// nothing at all any more.
func zombieAfterEnd(w *World) {
	all, j := crew(w, 2, 3000)
	zombie, others := leader(w, all)
	zombie.Signal(syscall.SIGSTOP)
	frozen := time.Now()
	takeover(w, others, frozen)
	w.Finish(others[0], j, Verdict{Kills: 1})
	_, _, err := others[0].Terminate(20 * time.Second)
	w.must(err)
	before, sends := w.dump(), zombie.Listener.Sends()
	zombie.Signal(syscall.SIGCONT)
	w.Until("the zombie hears of it", 20*time.Second, func() bool { return strings.Contains(zombie.Said(), "lease lost") })
	w.Pass(time.Second)
	if w.dump() != before {
		w.Error("the zombie has written after it woke")
	}
	w.judgeZombie(zombie.Listener.Sends() - sends)
}

// judgeZombie demands that what a zombie sends after it woke had been begun
// before it was frozen: the look at the lease and the first byte of a request
// are two steps, and it can be frozen between them.
func (w *World) judgeZombie(sent int64) {
	w.Helper()
	if sent > Concurrency {
		w.Errorf("the zombie sent %d messages after it woke", sent)
	}
	w.Row.Note = fmt.Sprintf("takeover with a lease of %s; after it woke the zombie sent %d that it had begun", lease, sent)
}

// dump is everything in the database, as text.
func (w *World) dump() string {
	w.Helper()
	var b strings.Builder
	tables, err := w.DB.Query("SHOW TABLES")
	w.must(err)
	var names []string
	for tables.Next() {
		var name string
		w.must(tables.Scan(&name))
		if name != "pushd_install" { // every process raises its counter, whatever it has lost
			names = append(names, name)
		}
	}
	w.must(tables.Close())
	for _, name := range names {
		rows, err := w.DB.Query("SELECT * FROM `" + name + "`")
		w.must(err)
		columns, err := rows.Columns()
		w.must(err)
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new([]byte)
			}
			w.must(rows.Scan(values...))
			fmt.Fprintf(&b, "%s:", name)
			for _, v := range values {
				fmt.Fprintf(&b, " %s", *v.(*[]byte))
			}
			b.WriteByte('\n')
		}
		w.must(rows.Close())
	}
	return b.String()
}
