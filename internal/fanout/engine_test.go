package fanout

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
	"pushd/internal/control"
	"pushd/internal/fanout/deferral"
	"pushd/internal/fanout/outage"
	"pushd/internal/fanout/pagebuffer"
	"pushd/internal/fanout/sendtoken"
)

// inWorld runs f in a world in which nothing goes wrong but what f does. The
// first process has just got a job to tell n followers, perSecond at most.
func inWorld(t *testing.T, n, perSecond int, f func(w *sim)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, true)
		w.wechat.followers = ids(0, n)
		w.boot(0)
		w.post(1, pushd.Request{Rate: perSecond})
		f(w)
		w.end()
		w.judge()
		for _, text := range w.wrong {
			t.Error(text)
		}
		if t.Failed() {
			for _, line := range w.lines {
				t.Log(line)
			}
		}
	})
}

// job is the world's first job as it is now.
func (w *sim) job() pushd.Job {
	job, err := w.ledger.Pick(func(j *fakeJob) bool { return j.ActID == 1 })
	if err != nil {
		w.violated("there is no job: %v", err)
	}
	return job
}

// within waits until the job has ended and complains if that takes longer.
func (w *sim) within(d time.Duration) {
	for end := time.Now().Add(d); w.job().State.Active(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			w.violated("the job is %s (%s) after %s: %+v", w.job().State, w.job().Reason, d, w.job().Counts)
			return
		}
	}
}

// A few people whose sends are always answered -1 neither hold the job up nor
// pass for a WeChat that is down, nor keep it down as the only probe.
func TestEngine_Poison(t *testing.T) {
	for name, down := range map[string]time.Duration{"alone": 0, "with an outage": 20 * time.Second} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 100, 20, func(w *sim) {
				w.wechat.mu.Lock()
				for _, i := range []int{3, 40, 99} {
					w.wechat.codes[w.wechat.followers[i]] = fakePerson{code: -1}
				}
				w.wechat.mu.Unlock()
				time.Sleep(time.Second)
				w.wechat.mu.Lock()
				w.wechat.outage = time.Now().Add(down)
				w.wechat.mu.Unlock()
				w.within(down + outage.Patience + time.Minute)
				if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 97 || job.Counts.Unknown != 3 {
					w.violated("%s with %+v", job.State, job.Counts)
				}
			})
		})
	}
}

// One such person is not the end of a job either when a send in between could
// not even leave the house.
func TestEngine_PoisonBehindABrokenLine(t *testing.T) {
	inWorld(t, 60, 20, func(w *sim) {
		w.wechat.mu.Lock()
		w.wechat.codes[w.wechat.followers[59]] = fakePerson{code: -1}
		w.wechat.cut = time.Now().Add(5 * time.Second)
		w.wechat.until = time.Now().Add(15 * time.Second)
		w.wechat.mu.Unlock()
		w.within(outage.Patience + time.Minute)
		if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 59 || job.Counts.Unknown != 1 {
			w.violated("%s with %+v", job.State, job.Counts)
		}
	})
}

// The last few people of a job outlast an outage: there is nobody else by
// whom to tell that WeChat is down.
func TestEngine_OutageAtTheEnd(t *testing.T) {
	inWorld(t, 3, 1, func(w *sim) {
		for w.job().Walk.Pages == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		w.wechat.mu.Lock()
		w.wechat.outage = time.Now().Add(time.Minute)
		w.wechat.mu.Unlock()
		w.within(3 * time.Minute)
		if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 3 {
			w.violated("%s with %+v", job.State, job.Counts)
		}
	})
}

// A token that was renewed by age is used within about a second, without
// anybody being refused for the old one.
func TestEngine_TokenRenewedByAge(t *testing.T) {
	inWorld(t, 300, 30, func(w *sim) {
		time.Sleep(3 * time.Second)
		w.wechat.mu.Lock()
		old := w.wechat.valid
		w.wechat.older = old
		w.php.renew()
		w.processes[0].tokens.token = w.php.token
		w.wechat.mu.Unlock()
		changed := time.Now()
		w.within(time.Minute)
		w.wechat.mu.Lock()
		late := w.wechat.used[old].Sub(changed)
		w.wechat.mu.Unlock()
		if late > sendtoken.PollEvery+300*time.Millisecond {
			w.violated("the old token was used for %s more", late)
		}
		if n := w.job().Counts.Errors[40001]; n != 0 {
			w.violated("%d people were refused for the old token", n)
		}
	})
}

// Nothing starts one second after a pause or a cancel was answered.
func TestEngine_CommandsStopSends(t *testing.T) {
	for name, command := range map[string]func(*control.Controller) func(context.Context, pushd.JobID) (pushd.Job, error){
		"pause":  func(c *control.Controller) func(context.Context, pushd.JobID) (pushd.Job, error) { return c.Pause },
		"cancel": func(c *control.Controller) func(context.Context, pushd.JobID) (pushd.Job, error) { return c.Cancel },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 300, 30, func(w *sim) {
				time.Sleep(2 * time.Second)
				if _, err := command(w.controller())(context.Background(), w.job().ID); err != nil {
					w.violated("%v", err)
				}
				answered := time.Now()
				time.Sleep(20 * time.Second)
				w.wechat.mu.Lock()
				late := w.wechat.last.Sub(answered)
				w.wechat.mu.Unlock()
				if late > time.Second {
					w.violated("sends arrive %s after the answer", late)
				}
				if n := w.ledger.Doubtful(w.job().ID); n != 0 {
					w.violated("%d people are left in doubt", n)
				}
				if owner, _ := w.ledger.Holder(w.job().ID); owner != (pushd.Owner{}) {
					w.violated("%s still holds the job", owner.Boot)
				}
			})
		})
	}
}

// A process that is told to stop while the database is down leaves in time,
// and the next one tells the rest.
func TestEngine_DrainsWithoutDatabase(t *testing.T) {
	inWorld(t, 300, 30, func(w *sim) {
		time.Sleep(3 * time.Second)
		w.mu.Lock()
		w.downUntil = time.Now().Add(time.Minute)
		w.mu.Unlock()
		time.Sleep(2 * time.Second)
		told := time.Now()
		w.processes[0].stop()
		<-w.processes[0].ended
		if took := time.Since(told); took > 16*time.Second {
			w.violated("it took %s to stop", took)
		}
		w.boot(0)
		w.within(3 * time.Minute)
		if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 300 {
			w.violated("%s with %+v", job.State, job.Counts)
		}
	})
}

// A start that moves while WeChat is down is prepared for; the probing goes
// on, and the slot that the parked job gave back is not given back twice.
func TestEngine_StartMovesWhileHeld(t *testing.T) {
	inWorld(t, 300, 30, func(w *sim) {
		time.Sleep(3 * time.Second)
		w.wechat.mu.Lock()
		w.wechat.outage = time.Now().Add(90 * time.Second)
		w.wechat.mu.Unlock()
		time.Sleep(10 * time.Second)
		if job := w.job(); job.State != pushd.Parked || job.Reason != pushd.WeChatDown {
			w.violated("the job is %s %s while WeChat is down", job.State, job.Reason)
		}
		w.ledger.Lock()
		w.ledger.Channels[1].StartTime += 600
		start := w.ledger.Channels[1].StartTime
		w.ledger.Unlock()
		w.within(4 * time.Minute)
		if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 300 || job.StartTime != start {
			w.violated("%s with %+v for the start %d, want %d", job.State, job.Counts, job.StartTime, start)
		}
		time.Sleep(time.Second)
		if e := w.processes[0].engine; e.slots.Free() != w.cfg.MaxJobs {
			w.violated("%d of %d slots are free", e.slots.Free(), w.cfg.MaxJobs)
		}
	})
}

// While a job waits for WeChat it gives way: another of its account may
// run; both come to their end.
func TestEngine_JobThatWaitsForWeChatGivesWay(t *testing.T) {
	inWorld(t, 200, 30, func(w *sim) {
		time.Sleep(3 * time.Second)
		w.wechat.mu.Lock()
		w.wechat.outage = time.Now().Add(40 * time.Second)
		w.wechat.mu.Unlock()
		time.Sleep(10 * time.Second)
		w.post(2, pushd.Request{})
		w.settle()
		for _, j := range w.ledger.ByID {
			if j.State != pushd.Succeeded {
				w.violated("the job of channel %d is %s %s", j.ActID, j.State, j.Reason)
			}
		}
	})
}

// While WeChat is down the job gives its place in the process away, comes back
// to probe less and less often, and goes on soon after WeChat does.
func TestEngine_ProbesBackOff(t *testing.T) {
	inWorld(t, 300, 0, func(w *sim) {
		for w.job().Counts.Sent == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		down := time.Now().Add(5 * time.Minute)
		w.wechat.mu.Lock()
		w.wechat.outage = down
		w.wechat.mu.Unlock()
		time.Sleep(time.Until(down))
		if claims := w.job().Epoch; claims > 25 {
			w.violated("%d claims in five minutes", claims)
		}
		time.Sleep(20 * time.Second)
		if sent := w.job().Counts.Sent; sent < 250 { // the others have had it while WeChat was down
			w.violated("%d were delivered 20 s after WeChat is back", sent)
		}
		w.within(2 * time.Minute)
		if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 300 {
			w.violated("%s with %+v", job.State, job.Counts)
		}
		time.Sleep(time.Second)
		if e := w.processes[0].engine; e.slots.Free() != w.cfg.MaxJobs {
			w.violated("%d of %d slots are free", e.slots.Free(), w.cfg.MaxJobs)
		}
	})
}

func TestRun_Orders(t *testing.T) {
	for state, goesOn := range map[pushd.State]bool{pushd.Running: true, pushd.Parked: false, pushd.Queued: false, pushd.Paused: false, pushd.Canceled: false, pushd.Failed: false} {
		synctest.Test(t, func(t *testing.T) {
			r := claimed(t, newFakeLedger(), nil, pushd.Walk{})
			r.order(pushd.Order{Lease: pushd.Lease{Job: r.job.ID, Epoch: r.job.Epoch - 1}, State: pushd.Canceled})
			if r.soft.Err() != nil {
				t.Error("an order of an earlier claim stopped the work")
			}
			r.order(pushd.Order{Lease: r.job.Lease(), State: state, Deadline: 77})
			if (r.soft.Err() == nil) != goesOn {
				t.Errorf("%s: stopped is %v", state, r.soft.Err() != nil)
			}
			if goesOn && r.deadline() != 77 {
				t.Errorf("%s: the deadline is %d", state, r.deadline())
			}
		})
	}
}

// A feeder that is stopped says why, so that a job whose deadline passes in
// that moment ends expired.
func TestFeeder_SaysWhyItStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := claimed(t, newFakeLedger(), nil, pushd.Walk{})
		for _, pages := range []int{0, 1} { // waits for the walk, or for the sender
			if pages == 1 {
				if err := r.e.cfg.Ledger.StorePage(t.Context(), r.job.Lease(), pushd.Page{No: 1, OpenIDs: ids(0, 10)}, pushd.Walk{Pages: 1, Walked: 10}); err != nil {
					t.Fatal(err)
				}
				r.frontier.Set(pushd.Walk{Pages: 1, Walked: 10})
			}
			ctx, stop := context.WithCancelCause(t.Context())
			f := &feeder{pages: r.pages, again: pagebuffer.NewReopening(pushd.AgainNobody), frontier: r.frontier, due: func(pushd.Person) deferral.Turn { return deferral.Now }, out: make(chan batch)}
			got := make(chan error, 1)
			go func() { got <- f.run(ctx) }()
			synctest.Wait()
			stop(errMoved)
			if err := <-got; !errors.Is(err, errMoved) {
				t.Errorf("with %d pages: %v", pages, err)
			}
		}
	})
}

// What the ledger can't explain ends the job, instead of being taken up again
// every second.
func TestEngine_DamagedPage(t *testing.T) {
	inWorld(t, 100, 20, func(w *sim) {
		time.Sleep(time.Second)
		w.ledger.Lock()
		for _, j := range w.ledger.ByID {
			for i := range j.Blobs {
				j.Blobs[i] = j.Blobs[i][:12]
			}
		}
		w.ledger.Unlock()
		w.kill(w.processes[0])
		w.boot(0)
		w.within(time.Minute)
		if job := w.job(); job.State != pushd.Failed || job.Reason != pushd.LedgerMismatch {
			w.violated("%s %s: %s", job.State, job.Reason, job.Detail)
		}
		w.damaged = true
	})
}

// Two accounts that both want more than the process may have in flight get
// half of it each; when one has ended, the other is bound no more.
func TestEngine_Share(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, true)
		w.wechat.followers = ids(0, 400)
		w.cfg.InFlight, w.cfg.Concurrency, w.cfg.MaxJobs = 12, 64, 2
		w.ledger.Channels[2].AppID = "wx2"
		w.boot(0)
		w.post(1, pushd.Request{})
		if _, err := w.controller().Post(t.Context(), pushd.Request{ActID: 2, AppID: "wx2", Rate: 20}); err != nil {
			t.Fatal(err)
		}
		bounds := func() (all []int) {
			for _, r := range w.processes[0].engine.running() {
				if p := r.account.Pacer; p.Bounds() > 0 && p.Limit() > p.Bounds() {
					t.Errorf("limit %d, bound %d", p.Limit(), p.Bounds())
				}
				all = append(all, r.account.Pacer.Bounds())
			}
			return all
		}
		time.Sleep(2 * time.Second)
		if got := bounds(); !slices.Equal(got, []int{6, 6}) {
			t.Errorf("bounds %v of 12 in all", got)
		}
		w.within(time.Minute)
		time.Sleep(2 * shareEvery)
		if got := bounds(); !slices.Equal(got, []int{0}) {
			t.Errorf("bounds %v when one is left", got)
		}
		w.end()
	})
}

// What a send waits for its connection is not WeChat's slowness.
func TestEngine_WaitForConnections(t *testing.T) {
	inWorld(t, 60, 0, func(w *sim) {
		w.wechat.waits = 3 * time.Second
		w.within(5 * time.Minute)
		e := w.processes[0].engine
		if rtt := e.accounts.Of("wx1").Pacer.RoundTrip(); rtt > time.Second {
			t.Errorf("WeChat seems to take %v", rtt)
		}
	})
}

// An engine whose own loop stands still is not alive, and one whose database does
// not answer is.
func TestEngine_Alive(t *testing.T) {
	inWorld(t, 400, 20, func(w *sim) {
		e := w.processes[0].engine
		time.Sleep(time.Second)
		if !e.Alive() {
			t.Error("it is not alive while it works")
		}
		w.mu.Lock()
		w.downUntil = time.Now().Add(time.Minute)
		w.mu.Unlock()
		time.Sleep(30 * time.Second)
		if !e.Alive() {
			t.Error("it is not alive without a database")
		}
		w.within(10 * time.Minute)
		w.processes[0].stop() // with it its loop
		<-w.processes[0].ended
		time.Sleep(pulseFor + time.Second)
		if e.Alive() {
			t.Error("it is alive although its loop stands still")
		}
		e.share(t.Context())
		if !e.Alive() {
			t.Error("it is not alive when it goes on")
		}
	})
}
