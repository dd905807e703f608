package fanout

import (
	"context"
	"flag"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
)

var (
	simSeed   = flag.Uint64("sim.seed", 0, "replay this seed of the simulation and print its trace")
	simRuns   = flag.Int("sim.runs", 0, "how many seeds to simulate; also PUSHD_SIM_RUNS")
	simFaults = flag.Uint64("sim.faults", 0, "with sim.seed: the faults, as a failure prints them")
	simFrom   = flag.Uint64("sim.from", 1, "the first seed")
)

// TestSimulation runs jobs in worlds that go wrong in ways drawn from a seed,
// and judges by what the world's WeChat saw and the ledger holds.
//
// A seed draws the same world each time; only the order in which the
// scheduler runs goroutines of one moment is left to chance, so a rare
// failure may want -count.
func TestSimulation(t *testing.T) {
	if *simSeed != 0 {
		faults := fault(*simFaults)
		if faults == 0 {
			faults = faultsOf(*simSeed)
		}
		wrong, lines := simulate(t, *simSeed, faults, true)
		t.Logf("seed %d, faults %d: %s\n%s", *simSeed, faults, faults, strings.Join(lines, "\n"))
		for _, text := range wrong {
			t.Error(text)
		}
		return
	}
	runs := *simRuns
	if n, err := strconv.Atoi(os.Getenv("PUSHD_SIM_RUNS")); runs == 0 && err == nil {
		runs = n
	}
	if runs == 0 {
		runs = 300
	}
	for seed := *simFrom; seed < *simFrom+uint64(runs); seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			faults := faultsOf(seed)
			if wrong, _ := simulate(t, seed, faults, false); len(wrong) > 0 {
				report(t, seed, faults, wrong)
			}
		})
	}
}

// faultsOf draws the faults of a seed: from none to about ten of them.
func faultsOf(seed uint64) (f fault) {
	d := rand.New(rand.NewPCG(seed, 1))
	rarely := 3 + d.IntN(12)
	for i := range bits.Len(allFaults) {
		if d.IntN(rarely) == 0 {
			f |= 1 << i
		}
	}
	return f
}

// report takes faults away one by one as long as the seed fails, and shows
// what is left.
func report(t *testing.T, seed uint64, faults fault, wrong []string) {
	var lines []string
	for i := range bits.Len(allFaults) {
		less := faults &^ (1 << i)
		if less == faults {
			continue
		}
		if still, _ := simulate(t, seed, less, false); len(still) > 0 {
			faults, wrong = less, still
		}
	}
	for range 3 { // the order of goroutines may spare it once
		if still, trace := simulate(t, seed, faults, true); len(still) > 0 {
			wrong, lines = still, trace
			break
		}
	}
	at := slices.IndexFunc(lines, func(line string) bool { return strings.Contains(line, "VIOLATED") })
	lines = lines[max(0, at-70):min(len(lines), max(at, 0)+10)]
	t.Errorf("%s\nwith the faults: %s\nreplay: go test ./internal/fanout -run TestSimulation -sim.seed=%d -sim.faults=%d -v\nthe trace around the first:\n%s",
		strings.Join(wrong, "\n"), faults, seed, uint64(faults), strings.Join(lines, "\n"))
}

// simulate runs one world to its end and returns the promises it broke.
func simulate(t *testing.T, seed uint64, faults fault, tracing bool) (wrong, lines []string) {
	synctest.Test(t, func(t *testing.T) {
		w := newSim(seed, faults, tracing)
		w.run()
		wrong, lines = w.wrong, w.lines
	})
	return wrong, lines
}

// run is the life of a world: jobs are posted, things go wrong for a minute,
// then all is well again, and everything has to come to its end.
func (w *sim) run() {
	d := w.dice("run")
	w.boot(0)
	if w.faults&twoProcesses != 0 {
		w.boot(1)
	}
	if w.faults&points != 0 {
		w.pointAt = 1 + d.IntN(200)
	}
	w.post(1, pushd.Request{Rate: []int{0, 3, 6, 12}[d.IntN(4)]})
	if w.faults&twoJobs != 0 {
		w.post(2, pushd.Request{})
	}
	for w.untilCalm() > 10*time.Second {
		time.Sleep(time.Duration(200+d.IntN(8000)) * time.Millisecond)
		w.happen(d)
	}
	time.Sleep(w.untilCalm())
	w.heal()
	w.settle()
	for _, p := range w.processes {
		p.stop()
	}
	w.all.Wait()
	w.late.Wait()
	w.judge()
}

func (w *sim) controller() *Controller {
	return NewController(w.ledger, w.processes[0].engine)
}

func (w *sim) post(id pushd.ActID, req pushd.Request) {
	req.ActID, req.AppID = id, "wx1"
	out, err := w.controller().Post(context.Background(), req)
	w.trace("POST channel %d continue %v restart %v: %s %v", id, req.Continue, req.Restart, out.Job.State, err)
}

// happen makes one of the world's faults happen.
func (w *sim) happen(d *rand.Rand) {
	now := time.Now()
	p := w.processes[d.IntN(len(w.processes))]
	var some []fault
	for i := range bits.Len(allFaults) {
		if f := fault(1) << i; w.faults&f&moments != 0 {
			some = append(some, f)
		}
	}
	if len(some) == 0 {
		return
	}
	which := some[d.IntN(len(some))]
	span := time.Duration(1+d.IntN(25)) * time.Second
	w.trace("it happens: %s for %s", which, span)
	switch which {
	case databaseDown:
		w.mu.Lock()
		w.downUntil = now.Add(span)
		w.mu.Unlock()
	case outages, tokensRevoked, tokensStolen, phpDown, quotas:
		w.wechat.mu.Lock()
		defer w.wechat.mu.Unlock()
		switch which {
		case outages:
			w.wechat.outage = now.Add(span)
		case tokensRevoked:
			w.wechat.valid = pushd.Token(fmt.Sprintf("somebody else's %d", d.IntN(1e9)))
		case tokensStolen:
			w.php.stolen = now.Add(span)
			w.wechat.valid = "revoked"
		case phpDown:
			w.php.down = now.Add(span)
		case quotas:
			w.wechat.quota = d.IntN(30)
		}
	case crashes, longDown, stops:
		w.restart(p, which, d)
	case freezes:
		w.freeze(p, span)
	case commands:
		w.command(d)
	case moves:
		w.ledger.mu.Lock()
		w.ledger.channels[1].StartTime += 600
		w.ledger.mu.Unlock()
	case switchedOff:
		off := false
		w.ledger.mu.Lock()
		w.ledger.channels[1].LiveNotify = &off
		w.ledger.mu.Unlock()
	case clockSteps:
		w.ledger.mu.Lock()
		w.ledger.step += time.Duration(d.IntN(100)-50) * time.Second
		w.ledger.mu.Unlock()
	case meddling:
		w.ledger.mu.Lock()
		w.ledger.setStatus(1, d.IntN(4), "meddled")
		w.ledger.mu.Unlock()
	}
}

// restart ends a process, one way or the other, and starts it again.
func (w *sim) restart(p *process, how fault, d *rand.Rand) {
	away := time.Duration(d.IntN(20)) * time.Second
	switch {
	case how == stops:
		w.trace("%s is stopped", p.owner.Boot)
		p.stop()
		<-p.ended
	case p.crashed():
	default:
		w.kill(p)
	}
	if how == longDown {
		away = w.cfg.DedupWindow + 3*time.Minute
		w.postpone(away)
	}
	time.Sleep(away)
	w.boot(slices.Index(w.processes, p))
}

func (w *sim) freeze(p *process, span time.Duration) {
	if p.crashed() {
		return
	}
	thaw := make(chan struct{})
	p.mu.Lock()
	p.thawed = thaw
	p.mu.Unlock()
	w.trace("%s is frozen for %s", p.owner.Boot, span)
	time.AfterFunc(span, func() {
		w.trace("%s is woken", p.owner.Boot)
		close(thaw)
	})
}

// command is something a person does.
func (w *sim) command(d *rand.Rand) {
	ctx, c := context.Background(), w.controller()
	job, err := w.ledger.pick(func(j *fakeJob) bool { return j.ActID == 1 })
	if err != nil {
		return
	}
	switch d.IntN(9) {
	case 0, 1:
		_, err = c.Pause(ctx, job.ID)
		w.trace("pause: %v", err)
		time.Sleep(time.Duration(d.IntN(3000)) * time.Millisecond)
		_, err = c.Resume(ctx, job.ID)
		w.trace("resume: %v", err)
	case 2:
		_, err = c.Resume(ctx, job.ID)
		w.trace("resume: %v", err)
	case 3:
		_, err = c.Cancel(ctx, job.ID)
		w.trace("cancel: %v", err)
		time.Sleep(time.Duration(d.IntN(3000)) * time.Millisecond)
		w.post(1, pushd.Request{Continue: true})
	case 4:
		w.post(1, pushd.Request{})
	case 5:
		_, err = c.Retry(ctx, job.ID, pushd.RetryRequest{AcceptDuplicates: d.IntN(2) == 0})
		w.trace("retry: %v", err)
	case 6:
		rate := d.IntN(50)
		_, err = c.Patch(ctx, job.ID, pushd.Patch{Rate: &rate})
		w.trace("patch: %v", err)
	case 7:
		w.post(1, pushd.Request{Restart: true})
	case 8:
		_, err = c.Pause(ctx, job.ID)
		w.trace("pause: %v", err)
	}
}

// heal makes all well again, and somebody continues what was stopped.
func (w *sim) heal() {
	w.trace("all is well again")
	w.wechat.mu.Lock()
	w.wechat.quota, w.wechat.outage, w.php.down, w.php.stolen = -1, time.Time{}, time.Time{}, time.Time{}
	w.wechat.mu.Unlock()
	w.mu.Lock()
	w.downUntil, w.pointAt = time.Time{}, 0
	w.mu.Unlock()
	for i, p := range w.processes {
		if p.crashed() {
			w.boot(i)
		}
	}
	for _, id := range []pushd.ActID{1, 2} {
		if job, err := w.ledger.Active(context.Background(), id); err == nil {
			if job.State == pushd.Paused {
				_, _ = w.controller().Resume(context.Background(), job.ID)
			}
		} else if _, err := w.ledger.pick(func(j *fakeJob) bool { return j.ActID == id }); err == nil {
			w.post(id, pushd.Request{Continue: true})
		}
	}
}

// settle waits until every job has ended and the status column had its turn.
func (w *sim) settle() {
	bound := time.Now().Add(2 * time.Hour)
	for {
		if _, err := w.ledger.pick(func(j *fakeJob) bool { return j.State.Active() }); err != nil {
			break
		}
		if time.Now().After(bound) {
			job, _ := w.ledger.pick(func(j *fakeJob) bool { return j.State.Active() })
			w.violated("job is still %s (%s) after two hours of peace: walked %d, %+v", job.State, job.Reason, job.Walk.Walked, job.Counts)
			break
		}
		time.Sleep(time.Second)
	}
	time.Sleep(2*reconcileEvery + time.Second)
}
