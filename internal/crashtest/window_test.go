package crashtest

import (
	"time"

	"pushd/api/client"
	"pushd/internal/wechatsim"
)

func windowScenarios() []scenario {
	return []scenario{
		{name: "down longer than the window, resend", run: func(w *World) { downTooLong(w, "resend") }},
		{name: "down longer than the window, unknown", run: func(w *World) { downTooLong(w, "unknown") }},
		{name: "a person in doubt waits through a pause, resend", long: true, run: func(w *World) { doubtThroughPause(w, "resend") }},
		{name: "a person in doubt waits through a pause, unknown", run: func(w *World) { doubtThroughPause(w, "unknown") }},
		{name: "a person in doubt waits through a park, unknown", long: true, run: doubtThroughPark},
	}
}

// shortWindow makes WeChat forget a client_msg_id soon, and tells pushd.
func (w *World) shortWindow(b *wechatsim.Behaviour) { b.DedupWindow = 7 * time.Second }

const beyondWindow = 8 * time.Second

// downTooLong kills pushd and starts it again when WeChat has forgotten.
func downTooLong(w *World, ambiguous string) {
	w.Set("PUSHD_LEASE", "5s")
	w.Set("PUSHD_DEDUP_WINDOW", "6s")
	w.Set("PUSHD_AMBIGUOUS", ambiguous)
	p, j := w.Begin(2500, w.shortWindow)
	w.AwaitSends(j, 700)
	p.Kill()
	w.Row.Kills++
	w.Pass(beyondWindow)
	p = w.Start("a")
	v := Verdict{Kills: 1}
	if ambiguous == "resend" {
		v.Twice = perStop
	} else {
		v.Listed = perStop
	}
	r := w.Finish(p, j, v)
	listed := len(w.lists(p, j).of("unknown"))
	if listed > perStop || ambiguous == "unknown" && listed == 0 {
		w.Errorf("%d people are listed as unknown, want 1 to %d", listed, perStop)
	}
	w.Logf("%d told again, %d listed as unknown, of them %d not told", r.More, listed, r.Missing)
}

// inDoubt begins a job in which one person's message was delivered and the
// answer lost, and everyone else waits behind them.
func inDoubt(w *World, ambiguous string) (*Process, *Job, string) {
	w.Set("PUSHD_LEASE", "5s")
	w.Set("PUSHD_DEDUP_WINDOW", "6s")
	w.Set("PUSHD_AMBIGUOUS", ambiguous)
	j := w.NewChannel(1200, w.shortWindow)
	person := j.Account.OpenID(30)
	j.Account.SetCode(person, 0)
	w.Sim.Faults.Add(wechatsim.Fault{Path: wechatsim.PathSend, OpenID: person, Action: wechatsim.ActDrop, Accept: 1})
	p := w.Start("a")
	w.must(w.Post(p, j))
	w.Until("the person is told", 20*time.Second, func() bool {
		found, ok := j.Account.Recipient(w.MsgID(j), person)
		return ok && found.Delivered > 0
	})
	return p, j, person
}

func doubtThroughPause(w *World, ambiguous string) {
	p, j, person := inDoubt(w, ambiguous)
	w.must(w.Command(p, j, client.Pause))
	w.Pass(beyondWindow)
	w.Sim.Faults.ClearAll()
	w.must(w.Command(p, j, client.Resume))
	judgeDoubt(w, p, j, person, ambiguous)
}

// judgeDoubt demands that the one person in doubt is told again, or listed.
func judgeDoubt(w *World, p *Process, j *Job, person, ambiguous string) {
	w.Helper()
	v := Verdict{Twice: 1}
	if ambiguous == "unknown" {
		v = Verdict{Listed: 1}
	}
	r := w.Finish(p, j, v)
	listed := w.lists(p, j).of("unknown")
	switch {
	case ambiguous == "resend" && (r.More != 1 || len(listed) != 0):
		w.Errorf("%d told again, %d listed; want the one in doubt told again", r.More, len(listed))
	case ambiguous == "unknown" && (len(listed) != 1 || listed[0] != person):
		w.Errorf("listed as unknown: %v, want the one in doubt, %s", listed, person)
	}
}

// doubtThroughPark lets the day's quota run out behind the person in doubt.
func doubtThroughPark(w *World) {
	p, j, person := inDoubt(w, "unknown")
	j.Account.Tune(func(b *wechatsim.Behaviour) { b.SendsPerDay = 1 })
	w.AwaitState(j, "parked", 20*time.Second)
	w.Pass(beyondWindow)
	w.Sim.Faults.ClearAll()
	j.Account.Tune(func(b *wechatsim.Behaviour) { b.SendsPerDay = 0 })
	w.must(w.Command(p, j, client.Resume))
	judgeDoubt(w, p, j, person, "unknown")
}
