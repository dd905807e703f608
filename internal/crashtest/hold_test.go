package crashtest

import (
	"context"
	"strings"
	"time"

	"pushd"
	"pushd/api/client"
)

func holdScenarios() []scenario {
	return []scenario{
		{name: "everything held over two pushd, both killed, lifted", run: heldAndKilled},
		{name: "everything held after the leader was killed, lifted", run: killedAndHeld},
	}
}

// hold sets or lifts the hold of everything.
func (w *World) hold(p *Process, set func(client.Client, context.Context) (client.Hold, error)) client.Hold {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), callTimeout)
	defer cancel()
	h, err := set(p.API(), ctx)
	w.must(err)
	return h
}

func holdAll(c client.Client, ctx context.Context) (client.Hold, error) {
	return c.SetHold(ctx, "", "a drill")
}

func liftAll(c client.Client, ctx context.Context) (client.Hold, error) { return c.LiftHold(ctx, "") }

func lookAtAll(c client.Client, ctx context.Context) (client.Hold, error) { return c.Hold(ctx, "") }

// sends is how many sends WeChat has seen for these jobs.
func sends(jobs ...*Job) (n int64) {
	for _, j := range jobs {
		n += j.Account.Stats().Sends
	}
	return n
}

// awaitHeld waits until the health of p tells of the hold.
func (w *World) awaitHoldHealth(p *Process) {
	w.Helper()
	w.Until("the health tells of the hold", 20*time.Second, func() bool {
		ctx, cancel := context.WithTimeout(w.Context(), callTimeout)
		defer cancel()
		h, err := p.API().Health(ctx)
		return err == nil && h.Status == pushd.Degraded && strings.Contains(h.Parts["hold"].Text, "by key1: a drill")
	})
}

// heldAndKilled holds two processes that send. Once the answer says that all have
// let go, WeChat sees not one send more, whatever is killed, started and posted,
// until the hold is lifted; and nobody is in doubt.
func heldAndKilled(w *World) {
	w.Set("PUSHD_LEASE", lease.String())
	w.Set("PUSHD_MAX_JOBS", "1") // so that each process has one of them
	people := size(4000, 20_000)
	first, second := w.NewChannel(people, nil), w.NewChannel(people, nil)
	a := w.Start("a")
	w.must(w.Post(a, first))
	w.AwaitSends(first, 100)
	b := w.Start("b")
	w.must(w.Post(b, second))
	w.AwaitSends(second, 100)

	h := w.hold(b, holdAll)
	if !h.Held || h.Existing || h.Stopped != 2 || h.By != "key1" || h.Reason != "a drill" || h.LastSentAt == nil {
		w.Errorf("answer %+v", h)
	}
	since := *h.Since
	if h.Stopping > 0 { // nothing is asserted on how long that takes
		w.Until("all have let go", 20*time.Second, func() bool { return w.hold(a, lookAtAll).Stopping == 0 })
	}
	held := sends(first, second)

	third := w.NewChannel(300, nil)
	w.must(w.Post(a, third))
	for _, j := range []*Job{first, second, third} {
		ctx, cancel := context.WithTimeout(w.Context(), callTimeout)
		job, err := b.API().Job(ctx, j.ID)
		cancel()
		w.must(err)
		if job.State != pushd.Queued || job.Reason != pushd.OnHold || !strings.Contains(job.Detail, "a drill") {
			w.Errorf("while everything is held a job is %s: %s", job.Standing(), job.Detail)
		}
	}
	if again := w.hold(a, holdAll); !again.Existing || !again.Since.Equal(since) || again.Stopped != 2 || again.Waiting != 3 {
		w.Errorf("held again: %+v", again)
	}
	for _, p := range []*Process{a, b} {
		w.awaitHoldHealth(p)
		p.Kill()
		w.Row.Kills++
	}
	a, b = w.Start("a"), w.Start("b")
	w.awaitHoldHealth(a)
	w.awaitHoldHealth(b)
	w.Pass(2 * time.Second) // claims are tried every second
	if n := sends(first, second, third) - held; n > 0 {
		w.Errorf("%d sends while everything is held", n)
	}
	if lifted := w.hold(b, liftAll); lifted.Held {
		w.Errorf("lifted: %+v", lifted)
	}
	for _, j := range []*Job{first, second, third} {
		w.Finish(a, j, Verdict{})
	}
	w.Row.Note = "not one send while held"
}

// killedAndHeld holds a job whose process was killed: nobody takes it over.
func killedAndHeld(w *World) {
	all, j := crew(w, 2, 4000)
	who, others := leader(w, all)
	who.Kill()
	w.Row.Kills++
	w.Until("WeChat has seen what was under way", 10*time.Second, func() bool { return j.Account.Stats().InFlight == 0 })
	p, before := others[0], sends(j)
	if h := w.hold(p, holdAll); h.Stopped != 1 || h.Stopping != 1 {
		w.Errorf("answer %+v", h)
	}
	w.Until("the lease lapses", lease+30*time.Second, func() bool { return w.hold(p, lookAtAll).Stopping == 0 })
	w.Pass(2 * time.Second) // claims are tried every second
	if n := sends(j) - before; n > 0 {
		w.Errorf("%d sends while everything is held", n)
	}
	w.hold(p, liftAll)
	w.Finish(p, j, Verdict{Kills: 1})
}
