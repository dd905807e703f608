package fanout

import (
	"cmp"
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
)

var (
	simSeed   = flag.Uint64("sim.seed", 0, "replay this seed of the simulation and print its trace")
	simPlan   = flag.String("sim.plan", "", "with sim.seed: the part of its plan that a failure prints")
	simFixed  = flag.Int("sim.fixed", 300, "how many seeds to simulate that are always the same")
	simFresh  = flag.Int("sim.fresh", 500, "how many seeds to simulate that are drawn anew")
	simFrom   = flag.Uint64("sim.from", 0, "the first of them, 0 to draw it")
	simShrink = flag.Duration("sim.shrink", 20*time.Second, "how long to look for the smallest plan with which a seed still fails")
	simFor    = flag.Duration("sim.for", 0, "go on with fresh seeds for so long")
)

// TestSimulation runs jobs in worlds in which many things go wrong together, as
// drawn from a seed, and judges by what the world's WeChat accepted and what the
// API says at the end.
//
// A seed draws the same world each time; only the order in which the
// scheduler runs goroutines of one moment is left to chance, so a rare
// failure may want -count.
func TestSimulation(t *testing.T) {
	if *simSeed != 0 {
		replay(t)
		return
	}
	simulateAll(t, 1, *simFixed)
}

// TestSimulation_Fresh is TestSimulation on seeds that nobody has seen before.
func TestSimulation_Fresh(t *testing.T) {
	if *simSeed != 0 {
		t.Skip("a seed is replayed")
	}
	from := *simFrom
	for from == 0 {
		var b [8]byte
		_, _ = crand.Read(b[:])
		from = binary.NativeEndian.Uint64(b[:]) >> 1
	}
	began, n := time.Now(), 0
	for n == 0 || *simFresh > 0 && time.Since(began) < *simFor && !t.Failed() {
		t.Run(fmt.Sprintf("from=%d", from+uint64(n)), func(t *testing.T) { simulateAll(t, from+uint64(n), *simFresh) })
		n += *simFresh
		if *simFor > 0 {
			fmt.Printf("%s %d seeds from %d\n", time.Since(began).Round(time.Second), n, from)
		}
	}
	t.Logf("%d seeds from %d; -sim.from=%d has them again", n, from, from)
}

// simLimit bounds the simulation of a usual test run, on a machine that is busy
// with other things.
const simLimit = 4 * time.Minute

var (
	simBegan  = time.Now()
	simFailed atomic.Int32 // seeds
)

// simulateAll simulates n seeds.
func simulateAll(t *testing.T, from uint64, n int) {
	for seed := from; seed < from+uint64(n); seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			if time.Since(simBegan) > simLimit && *simFor == 0 {
				t.Skip("the machine is too slow for all of them")
			}
			if wrong, _ := simulate(t, planOf(seed), false); len(wrong) > 0 {
				report(t, planOf(seed), wrong)
			}
		})
	}
}

func replay(t *testing.T) {
	p := planOf(*simSeed)
	if *simPlan != "" {
		var err error
		if p, err = p.only(*simPlan); err != nil {
			t.Fatal(err)
		}
	}
	wrong, lines := simulate(t, p, true)
	t.Logf("seed %d, plan %s\n%s\n%s", p.seed, p.code(), p, strings.Join(lines, "\n"))
	for _, text := range wrong {
		t.Error(text)
	}
}

// report shows the smallest part of a plan that still fails. Of many seeds that
// fail, the first few do.
func report(t *testing.T, p plan, wrong []string) {
	var lines []string
	whole, until := p.size(), time.Now().Add(*simShrink)
	if simFailed.Add(1) > 3 {
		until = time.Now()
	}
	p = shrink(p, func(less plan) bool {
		for range 2 { // the order of goroutines may spare it once
			if still, trace := simulate(t, less, true); len(still) > 0 {
				wrong, lines = still, trace
				return true
			}
		}
		return false
	}, until)
	at := slices.IndexFunc(lines, func(line string) bool { return strings.Contains(line, "VIOLATED") })
	lines = lines[max(0, at-70):min(len(lines), max(at, 0)+10)]
	t.Errorf("%s\nof %d things that went wrong these %d are left:\n%s\nreplay: go test ./internal/fanout -run TestSimulation -sim.seed=%d -sim.plan=%s -v\nthe trace around the first:\n%s",
		strings.Join(wrong, "\n"), whole, p.size(), p, p.seed, p.code(), strings.Join(lines, "\n"))
}

// simulate runs one world to its end and returns the promises it broke.
func simulate(t *testing.T, p plan, tracing bool) (wrong, lines []string) {
	synctest.Test(t, func(t *testing.T) {
		w := planned(p, tracing)
		w.run()
		wrong, lines = w.wrong, w.lines
	})
	return wrong, lines
}

// run is the life of a world: jobs are posted, things go wrong for a minute,
// then all is well again, and everything has to come to its end.
func (w *sim) run() {
	d := w.dice("run")
	for i := range 1 + min(2, boolean(w.faults&twoProcesses)+2*boolean(w.faults&threeProcesses)) {
		w.boot(i)
	}
	w.restarts = make([]bool, len(w.processes))
	channels := []pushd.ActID{1, 2}[:1+boolean(w.faults&twoJobs)]
	rate := []int{0, 3, 6, 12}[d.IntN(4)]
	w.doing.Go(func() { w.cron(rate, channels...) })
	if w.faults&(staleReads|forgets) != 0 {
		w.doing.Go(w.remember)
	}
	for _, e := range w.events {
		time.Sleep(e.at - time.Since(w.start))
		w.happen(e)
	}
	time.Sleep(w.untilCalm())
	w.doing.Wait()
	w.heal()
	w.finish(channels)
	w.end()
	w.judge()
}

// end stops every process, and waits until nothing of theirs is under way.
func (w *sim) end() {
	for _, p := range w.processes {
		p.stop()
	}
	w.all.Wait()
	w.late.Wait()
}

func boolean[T ~uint64](set T) int {
	if set != 0 {
		return 1
	}
	return 0
}

// heal makes all well again.
func (w *sim) heal() {
	w.trace("all is well again")
	w.wechat.mu.Lock()
	w.wechat.quota, w.wechat.outage, w.wechat.refusing = -1, time.Time{}, time.Time{}
	w.php.down, w.php.stolen = time.Time{}, time.Time{}
	w.wechat.mu.Unlock()
	w.mu.Lock()
	w.downUntil, w.away, w.pointAt, w.past = time.Time{}, time.Time{}, 0, nil
	w.mu.Unlock()
	for i := range w.processes {
		if w.process(i).crashed() {
			w.boot(i)
		}
	}
}

// finish waits until every job has come to its end, and the status column had
// its turn. What has stopped is continued: a job that is not hindered any more
// has to succeed.
func (w *sim) finish(channels []pushd.ActID) {
	for try := range 4 {
		for _, id := range channels {
			if _, err := w.ledger.Active(context.Background(), id); err != nil {
				last, _ := w.ledger.Last(context.Background(), id)
				lost := last.Reason == pushd.TooManyFailures && last.Counts.Sent == 0 && last.Counts.Unknown > 0
				w.post(id, pushd.Request{Continue: !lost, Restart: lost, Force: true})
			}
		}
		w.settle()
		var open string
		for _, id := range channels {
			open = cmp.Or(open, w.unfinished(id))
		}
		switch {
		case open == "" || len(w.wrong) > 0:
			return
		case try == 3:
			w.violated("%s", open)
		}
		time.Sleep(4 * time.Minute) // a person takes their time
	}
}

// settle waits until every job has ended and the status column had its turn.
func (w *sim) settle() {
	began := time.Now()
	for {
		job, err := w.ledger.Pick(func(j *fakeJob) bool { return j.State.Active() })
		if err != nil {
			break
		}
		if job.State == pushd.Paused { // by a person, or held because the database went back
			_, _ = w.controller().Resume(context.Background(), job.ID)
		}
		if job.Reason == pushd.OnHold { // a lift that failed, or a hold that the database has remembered
			for _, held := range []pushd.AppID{"", job.AppID} {
				_, _ = w.controller().Lift(context.Background(), held)
			}
		}
		if job.Reason == pushd.AccountMismatch && time.Since(began) > 30*time.Minute { // as its detail asks for
			_, _ = w.controller().Cancel(context.Background(), job.ID)
			w.post(job.ActID, pushd.Request{Restart: true, Force: true})
		}
		if time.Since(began) > 90*time.Minute {
			w.violated("job is still %s (%s) after 90 minutes of peace: walked %d, %+v", job.State, job.Reason, job.Walk.Walked, job.Counts)
			break
		}
		time.Sleep(time.Second)
	}
	time.Sleep(2*reconcileEvery + time.Second)
}
