package host_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pushd/internal/wechatsim"
)

// reminded is how a reminder stands, as its page reads it.
type reminded struct {
	State, Text, Todo string
	Next              int
	Job               *struct{ Total, Done, Sent int64 }
	Actions           []struct{ Do, Job, Name, Ask string }
}

func (b *browser) reminder(id int) (r reminded) {
	b.t.Helper()
	b.api(fmt.Sprintf("/channels/%d/reminder", id), nil).into(b.t, &r)
	return r
}

// until asks until the reminder stands as wanted.
func (b *browser) until(id int, want func(reminded) bool) reminded {
	b.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(40 * time.Second); ; <-tick.C {
		r := b.reminder(id)
		if want(r) {
			return r
		}
		if time.Now().After(end) {
			b.t.Fatalf("stays %+v", r)
		}
	}
}

// do is a command of the page that shows r.
func (b *browser) command(id int, r reminded, do string) reply {
	b.t.Helper()
	for _, a := range r.Actions {
		if a.Do == do {
			return b.api(fmt.Sprintf("/channels/%d/reminder", id), map[string]any{"do": do, "job": a.Job})
		}
	}
	b.t.Fatalf("%s is not offered: %+v", do, r)
	return reply{}
}

// evening is a site where Alice's reminder of channel 11 is being sent, some
// hundred messages a second to 2,000 followers.
func evening(t *testing.T) (*site, *browser) {
	t.Helper()
	s := newSite(t, 2000)
	s.channel(11, alice, "Alice's evening", time.Now().Add(20*time.Minute), 0)
	s.enable(alice, "wxalice")
	s.Sim.Find("wxalice").Tune(func(b *wechatsim.Behaviour) {
		b.Latency, b.InFlightLimit = wechatsim.Fixed(200*time.Millisecond), 40
	})
	a := s.login(alice)
	if run := s.php.Cron(t.Context(), t); run.Code != 0 {
		t.Fatalf("%+v", run)
	}
	return s, a
}

// quiet says how many messages leave from now on, in a second and a half, after
// those in flight.
func (s *site) quiet() int64 {
	acct := s.Sim.Find("wxalice")
	time.Sleep(time.Second) // what is in flight: the promise is one second
	before := acct.Stats().Sends
	time.Sleep(1500 * time.Millisecond) // long enough for 300 more
	return acct.Stats().Sends - before
}

// An owner stops a reminder, sends it to those who do not have it, and only on
// purpose to all once more; each question says to how many.
func TestCommand_StopContinueRestart(t *testing.T) {
	s, a := evening(t)
	r := a.until(11, func(r reminded) bool { return r.Job != nil && r.Job.Sent > 100 })
	if r.State != "sending" || r.Next != 1000 || len(r.Actions) != 1 || !strings.Contains(r.Actions[0].Ask, "人不会再收到") {
		t.Errorf("while it is sent: %+v", r)
	}
	if got := s.login(bob).api("/channels/11/reminder", map[string]any{"do": "stop", "job": r.Actions[0].Job}); got.status != 404 {
		t.Errorf("Bob stops Alice's: %d", got.status)
	}
	if got := a.api("/channels/11/reminder", map[string]any{"do": "restart", "job": r.Actions[0].Job}); got.status != 409 || got.Code != "not_now" {
		t.Errorf("restart while it is sent: %d %s", got.status, got.text)
	}
	if got := a.command(11, r, "stop"); got.status != 200 {
		t.Fatalf("stop: %d %s", got.status, got.text)
	}
	if n := s.quiet(); n != 0 {
		t.Errorf("%d messages left after the stop", n)
	}
	r = a.until(11, func(r reminded) bool { return r.State == "failed" && len(r.Actions) == 2 })
	left := r.Job.Total - r.Job.Done
	if left < 100 || !strings.Contains(r.Text, "已停止") || !strings.Contains(r.Actions[0].Name, group(left)+" 人") || !strings.Contains(r.Actions[1].Ask, "全部粉丝（2,000 人）") {
		t.Errorf("stopped with %d left: %+v", left, r)
	}
	old := r
	s.Sim.Find("wxalice").Tune(func(b *wechatsim.Behaviour) { b.Latency = wechatsim.Fixed(10 * time.Millisecond) })
	if got := a.command(11, r, "continue"); got.status != 200 {
		t.Fatalf("continue: %d %s", got.status, got.text)
	}
	r = a.until(11, func(r reminded) bool { return r.State == "done" })
	job, err := s.API().Job(t.Context(), r.Actions[0].Job)
	if err != nil {
		t.Fatal(err)
	}
	if report := s.Sim.Find("wxalice").Report(job.MsgID); report.Once != 2000 || report.More != 0 {
		t.Errorf("continued: %+v", report)
	}
	// A page that still shows the stopped job must not start a second round by it.
	if got := a.command(11, old, "continue"); got.status != 409 {
		t.Errorf("continue from a stale page: %d %s", got.status, got.text)
	}
	if !strings.Contains(r.Actions[0].Ask, "2,000 人可能会再收到一次") {
		t.Errorf("done: %+v", r)
	}
	if got := a.command(11, r, "restart"); got.status != 200 {
		t.Fatalf("restart: %d %s", got.status, got.text)
	}
	if got := a.command(11, r, "restart"); got.status != 409 {
		t.Errorf("a second click on restart: %d %s", got.status, got.text)
	}
	if got := a.api("/channels/11/reminder", map[string]any{"do": "stop", "job": job.ID}); got.status != 409 || got.Code != "changed_elsewhere" {
		t.Errorf("stop from a page that shows the job before: %d %s", got.status, got.text)
	}
	if err := s.Sim.Find("wxalice").WaitSends(t.Context(), 4000); err != nil {
		t.Error(err)
	}
}

func group(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Switching off, for the channel or for everything, stops within a second.
func TestCommand_SwitchedOff(t *testing.T) {
	for name, off := range map[string]struct {
		path, says string
		body       map[string]any
	}{
		"channel":  {"/channels/11", `"stopping":true`, map[string]any{"live_notify": false}},
		"settings": {"/settings", `"stopped":1`, map[string]any{"enabled": false}},
	} {
		t.Run(name, func(t *testing.T) {
			s, a := evening(t)
			a.until(11, func(r reminded) bool { return r.Job != nil && r.Job.Sent > 100 })
			if got := a.api(off.path, off.body); got.status != 200 || !strings.Contains(got.text, off.says) {
				t.Fatalf("%d %s", got.status, got.text)
			}
			if n := s.quiet(); n != 0 {
				t.Errorf("%d messages left after it was switched off", n)
			}
			r := a.reminder(11)
			if r.State != "failed" || len(r.Actions) != 0 {
				t.Errorf("%+v", r)
			}
		})
	}
}
