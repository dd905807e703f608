package fanout

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"pushd/internal/control"
	"pushd/internal/fanout/channelcheck"

	"pushd"
)

// happen makes an event happen. What takes time goes on beside the next.
func (w *sim) happen(e mishap) {
	d := w.dice("event", fmt.Sprint(e.no))
	w.trace("it happens: %d %s, process %d, %s", e.no, e.what, e.process, e.span)
	switch e.what {
	case outages, refuseAll, strangers, tokensRevoked, tokensStolen, phpDown, quotas:
		w.ofWeChat(e, d)
	case crashes, longDown, stops:
		w.doing.Go(func() { w.restart(e, d) })
	case points:
		w.mu.Lock()
		w.pointAt = 1 + d.IntN(200)
		w.mu.Unlock()
	case freezes, standstills:
		w.process(e.process).freeze(e.span, e.what == standstills)
	case processClocks:
		w.process(e.process).step(time.Duration(d.IntN(60)-30) * time.Second)
	case commands:
		w.doing.Go(func() { w.command(e, d) })
	default:
		w.ofDatabase(e, d)
	}
}

// ofWeChat are the events at WeChat, and at the owner of its tokens.
func (w *sim) ofWeChat(e mishap, d *rand.Rand) {
	w.wechat.mu.Lock()
	defer w.wechat.mu.Unlock()
	now, until := time.Now(), time.Now().Add(e.span)
	switch e.what {
	case outages:
		w.wechat.outage = until
	case refuseAll:
		w.wechat.refusing = until
		w.wechat.refused = []pushd.Answer{{Verdict: pushd.Other, Code: 40270}, {Verdict: pushd.Fatal, Code: 43116}, {Verdict: pushd.FatalIfRepeated, Code: 40037},
			{Verdict: pushd.Skip, Code: 43004}, {Verdict: pushd.Skip, Code: 40003}}[d.IntN(5)]
	case strangers:
		other := message{template: []pushd.TemplateID{"tpl", "another"}[d.IntN(2)], content: fmt.Sprint("not pushd's ", e.no), at: now, stranger: true}
		for _, to := range w.wechat.followers {
			if d.IntN(3) > 0 {
				w.wechat.latest[to] = append(w.wechat.latest[to], other)
			}
		}
	case tokensRevoked:
		w.wechat.older = ""
		w.wechat.valid = pushd.Token(fmt.Sprintf("somebody else's %d", d.IntN(1e9)))
	case tokensStolen:
		w.php.stolen = until
		w.wechat.valid = "revoked"
	case phpDown:
		w.php.down = until
	case quotas:
		w.wechat.quota = d.IntN(30)
	}
}

// ofDatabase are the events at the database, and at the platform's tables.
func (w *sim) ofDatabase(e mishap, d *rand.Rand) {
	now := time.Now()
	switch e.what {
	case databaseDown:
		w.mu.Lock()
		w.downUntil = now.Add(e.span)
		w.mu.Unlock()
		return
	case forgets:
		w.doing.Go(func() { w.forget(time.Duration(d.IntN(40)) * time.Second) })
		return
	case vanish:
		w.mu.Lock()
		w.away = now.Add(min(e.span, 2*channelcheck.GoneFor))
		w.mu.Unlock()
		return
	case clockSteps:
		step := time.Duration(d.IntN(100)-50) * time.Second
		w.outside.clock(step)
		w.ledger.Lock()
		defer w.ledger.Unlock()
		w.ledger.Step += step
		return
	}
	w.ledger.Lock()
	defer w.ledger.Unlock()
	ch := w.ledger.Channels[1]
	switch e.what {
	case moves:
		w.moveLocked(ch, 600, *ch.Status)
	case asksAgain:
		w.moveLocked(ch, []int64{86400, 600, -600}[d.IntN(3)], pushd.StatusNotNotified)
	case staleSave:
		saved := *ch
		w.doing.Go(func() {
			time.Sleep(e.span)
			w.ledger.Lock()
			defer w.ledger.Unlock()
			ch := w.ledger.Channels[1]
			w.moveLocked(ch, saved.StartTime-ch.StartTime, *saved.Status)
		})
	case switchedOff:
		off := false
		w.outside.note(func(f *outside) { f.off = true })
		ch.LiveNotify = &off
	case meddling:
		w.ledger.SetStatus(1, d.IntN(4))
	}
}

// moveLocked is the platform saving a channel with another start and status.
func (w *sim) moveLocked(ch *pushd.Channel, by int64, status int) {
	w.trace("the platform saves channel %d: start %+d s, status %d", ch.ActID, by, status)
	if by != 0 {
		w.outside.note(func(f *outside) { f.moved[ch.ActID]++ })
	}
	ch.StartTime += by
	ch.Status = &status
}

// forget lets the database come back as it was, after a short time without one.
func (w *sim) forget(back time.Duration) {
	away := time.Now().Add(time.Duration(2) * time.Second)
	w.mu.Lock()
	w.downUntil = later(w.downUntil, away)
	w.mu.Unlock()
	time.Sleep(time.Until(away))
	old := w.ago(back)
	if old == nil {
		return
	}
	w.trace("the database comes back as it was %s ago", back)
	w.noteForgotten(old)
	w.ledger.Restore(old)
	w.mu.Lock()
	w.past = nil
	w.mu.Unlock()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// restart ends processes, one way or the other, and starts them again.
func (w *sim) restart(e mishap, d *rand.Rand) {
	var some []int
	w.mu.Lock()
	for i := range w.processes {
		if (i == e.process%len(w.processes) || e.what == longDown) && !w.restarts[i] {
			some = append(some, i)
			w.restarts[i] = true
		}
	}
	w.mu.Unlock()
	for _, i := range some {
		if p := w.process(i); e.what == stops {
			w.trace("%s is stopped", p.owner.Boot)
			p.stop()
			<-p.ended
		} else {
			w.kill(p)
		}
	}
	away := min(e.span, 20*time.Second)
	if e.what == longDown {
		away = longAway
	} else if d.IntN(3) == 0 {
		away = 0
	}
	time.Sleep(away)
	for _, i := range some {
		w.boot(i)
		w.mu.Lock()
		w.restarts[i] = false
		w.mu.Unlock()
	}
}

// freeze lets nothing of the process reach the world for a while, as a machine
// that is suspended. Its clock goes on meanwhile, unless it stands still as that
// of a virtual machine can.
func (p *process) freeze(span time.Duration, still bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.thawed:
	default:
		return // it is already
	}
	thaw := make(chan struct{})
	p.thawed = thaw
	if still {
		p.stands = time.Now()
	}
	p.w.trace("%s is frozen for %s", p.owner.Boot, span)
	time.AfterFunc(span, func() {
		p.w.trace("%s is woken", p.owner.Boot)
		p.mu.Lock()
		defer p.mu.Unlock()
		if still {
			p.offset -= time.Since(p.stands)
			p.stands, p.stood = time.Time{}, true
		}
		close(thaw)
	})
}

// desk takes what people ask of a process, as its API does; nil: it is not there.
func (w *sim) desk(process int) *control.Controller {
	if p := w.process(process); !p.crashed() {
		return newController(wire{w.ledger, p}, p.engine, w.set())
	}
	return nil
}

// controller takes what people ask of the first process, on a database that
// always answers.
func (w *sim) controller() *control.Controller {
	return newController(recorded{w.ledger, w}, w.process(0).engine, w.set())
}

// post asks for a reminder without anything that could go wrong on the way.
func (w *sim) post(id pushd.ActID, req pushd.Request) {
	w.postTo(w.controller(), id, req)
}

func (w *sim) postTo(c *control.Controller, id pushd.ActID, req pushd.Request) {
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
	defer cancel()
	req.ActID, req.AppID = id, "wx1"
	if w.byPost {
		req.Audience = w.audience
	}
	if req.Restart {
		w.outside.note(func(f *outside) { f.restarts[id]++ })
	}
	w.pressed(id, req)
	out, err := c.Post(ctx, req)
	w.trace("POST channel %d continue %v restart %v force %v: %s %v", id, req.Continue, req.Restart, req.Force, out.Job.State, err)
}

// cron is the platform's: every so often it posts what is due.
func (w *sim) cron(rate int, channels ...pushd.ActID) {
	for turn := 0; w.untilCalm() > 0; turn++ {
		var posts sync.WaitGroup // where brakes have to decide, at once and in two processes
		for _, id := range channels {
			w.ledger.Lock()
			due := *w.ledger.Channels[id].Status == pushd.StatusNotNotified
			w.ledger.Unlock()
			if c := w.desk(turn + int(id)*boolean(w.faults&braked)); due && c != nil {
				posts.Go(func() { w.postTo(c, id, pushd.Request{Rate: rate}) })
			}
			if w.faults&braked == 0 {
				posts.Wait()
			}
		}
		posts.Wait()
		w.meanwhile()
		time.Sleep(5 * time.Second)
	}
}

// command is something that a person does.
func (w *sim) command(e mishap, d *rand.Rand) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c := w.desk(e.process)
	if c == nil {
		return
	}
	job, err := w.ledger.Pick(func(j *fakeJob) bool { return j.ActID == 1 })
	if err != nil {
		return
	}
	soon := time.Duration(d.IntN(3000)) * time.Millisecond
	did := func(what string, err error) { w.trace("%s: %v", what, err) }
	switch d.IntN(13) {
	case 11, 12:
		held := []pushd.AppID{"", job.AppID}[d.IntN(2)]
		_, err = c.Hold(ctx, held, "a drill")
		did("hold", err)
		time.Sleep(soon)
		_, err = c.Lift(ctx, held)
		did("lift", err)
	case 10:
		_, err = c.Pause(ctx, job.ID)
		did("pause", err)
		text := fmt.Sprint("corrected ", e.no)
		_, err = c.Patch(ctx, job.ID, pushd.Patch{Edit: pushd.Edit{Data: pushd.Change[map[string]*string]{Set: true, To: map[string]*string{"thing1": &text}}}})
		did("patch the text", err)
		time.Sleep(soon)
		_, err = c.Resume(ctx, job.ID)
		did("resume", err)
	case 0, 1:
		_, err = c.Pause(ctx, job.ID)
		did("pause", err)
		time.Sleep(soon)
		_, err = c.Resume(ctx, job.ID)
		did("resume", err)
	case 2:
		_, err = c.Resume(ctx, job.ID)
		did("resume", err)
	case 3:
		_, err = c.Cancel(ctx, job.ID)
		did("cancel", err)
		time.Sleep(soon)
		w.postTo(c, 1, pushd.Request{Continue: true})
	case 4:
		w.postTo(c, 1, pushd.Request{})
	case 5:
		_, err = c.Retry(ctx, job.ID, pushd.RetryRequest{AcceptDuplicates: d.IntN(2) == 0})
		did("retry", err)
	case 6:
		rate := d.IntN(50)
		_, err = c.Patch(ctx, job.ID, pushd.Patch{Rate: &rate})
		did("patch", err)
	case 7:
		w.postTo(c, 1, pushd.Request{Restart: true, Force: d.IntN(4) == 0})
	case 8:
		_, err = c.Pause(ctx, job.ID)
		did("pause", err)
	case 9:
		deadline := time.Now().Add(w.untilCalm() + time.Duration(10+d.IntN(600))*time.Second).Unix()
		_, err = c.Patch(ctx, job.ID, pushd.Patch{Deadline: &deadline})
		did("patch", err)
	}
}
