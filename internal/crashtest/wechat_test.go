package crashtest

import (
	"context"
	"fmt"
	"time"

	"pushd/api/client"
	"pushd/internal/wechatsim"
)

func wechatScenarios() []scenario {
	all := []scenario{
		{name: "WeChat misbehaves in six ways, 5 % each, half of it accepted", run: func(w *World) { mixedFaults(w, 0.05) }},
		{name: "WeChat does not answer 5 %", long: true, run: func(w *World) {
			share(w, wechatsim.Fault{Action: wechatsim.ActHang, Share: 0.05, Accept: 0.5}, Verdict{Listed: unlucky, Timeouts: true})
		}},
		{name: "every message accepted, but 30 % answered -1", long: true, run: func(w *World) {
			share(w, wechatsim.Fault{Action: wechatsim.ActCode, Code: -1, Share: 0.3, Accept: 1}, Verdict{Listed: unlucky})
		}},
		{name: "every message accepted, but 30 % of the answers lost", long: true, run: func(w *World) {
			share(w, wechatsim.Fault{Action: wechatsim.ActDrop, Share: 0.3, Accept: 1}, Verdict{Listed: unlucky})
		}},
		{name: "a repeated client_msg_id answered with an unknown code", long: true, run: unknownRepeatCode},
		{name: "45009 until the quota is reset", run: quotaUsedUp},
		{name: "45011, a quota per minute", long: true, run: minuteQuota},
		{name: "template banned in the middle, continued later", long: true, run: templateBanned},
		{name: "the first 25 all refused", long: true, run: firstRefused},
		{name: "40241 caused by another channel", long: true, run: duplicateElsewhere},
	}
	for _, f := range []wechatsim.Fault{
		{Action: wechatsim.ActCode, Code: -1}, {Action: wechatsim.ActHTML}, {Action: wechatsim.ActReset},
		{Action: wechatsim.ActHalf, Accept: 1}, {Action: wechatsim.ActNotJSON, Accept: 0.5}, {Action: wechatsim.ActHang, Accept: 0.5},
	} {
		name := string(f.Action)
		if f.Code == -1 {
			name = "busy"
		}
		all = append(all,
			scenario{name: fmt.Sprintf("WeChat 30 %% %s", name), long: true, run: func(w *World) {
				f.Share = 0.3
				share(w, f, Verdict{Listed: unlucky, Timeouts: f.Action == wechatsim.ActHang})
			}},
			scenario{name: fmt.Sprintf("WeChat 100 %% %s for a minute", name), long: true, run: func(w *World) { outage(w, f, time.Minute) }})
	}
	return append(all, scenario{name: "WeChat 100 % half answers for 8 s, all accepted", long: true, run: func(w *World) {
		outage(w, wechatsim.Fault{Action: wechatsim.ActHalf, Accept: 1}, 8*time.Second)
	}})
}

// unlucky is how many people may meet a fault at each of their eight tries
// while others do not: with 30 % one in fifteen thousand.
const unlucky = 3

// share lets some of the sends meet a fault, all the time.
func share(w *World, f wechatsim.Fault, v Verdict) {
	f.Path = wechatsim.PathSend
	w.Sim.Faults.Add(f)
	p, j := w.Begin(2000, nil)
	w.Finish(p, j, v)
}

func mixedFaults(w *World, each float64) {
	for _, f := range []wechatsim.Fault{
		{Action: wechatsim.ActCode, Code: -1}, {Action: wechatsim.ActHTML}, {Action: wechatsim.ActReset},
		{Action: wechatsim.ActHalf}, {Action: wechatsim.ActNotJSON}, {Action: wechatsim.ActDrop},
	} {
		f.Path, f.Share, f.Accept = wechatsim.PathSend, each, 0.5
		w.Sim.Faults.Add(f)
	}
	p, j := w.Begin(2500, nil)
	w.Finish(p, j, Verdict{Listed: unlucky})
}

// outage makes WeChat useless for everybody for a while. It parks the job
// and costs nobody a try.
func outage(w *World, f wechatsim.Fault, d time.Duration) {
	p, j := w.Begin(2500, nil)
	w.AwaitSends(j, 300)
	f.Path = wechatsim.PathSend
	id := w.Sim.Faults.Add(f)
	w.Pass(d)
	w.Sim.Faults.Clear(id)
	w.Finish(p, j, Verdict{Timeouts: f.Action == wechatsim.ActHang})
}

// unknownRepeatCode loses a fifth of the answers at a WeChat that answers a repeated
// id with a code that nobody knows. Everybody has the message, and whose answer was
// lost is listed as unknown: such a code is no proof.
func unknownRepeatCode(w *World) {
	w.Sim.Faults.Add(wechatsim.Fault{Path: wechatsim.PathSend, Action: wechatsim.ActDrop, Share: 0.2, Accept: 1})
	p, j := w.Begin(2500, func(b *wechatsim.Behaviour) { b.RepeatCode = 99999 })
	w.AwaitSends(j, 800)
	p.Kill()
	w.Row.Kills++
	w.Finish(w.Start("a"), j, Verdict{Kills: 1, Listed: 2500/4 + perStop})
}

func quotaUsedUp(w *World) {
	p, j := w.Begin(2000, func(b *wechatsim.Behaviour) { b.SendsPerDay = 700 })
	w.AwaitState(j, "parked", 30*time.Second)
	if _, reason := w.State(j); reason != "quota_exhausted" {
		w.Errorf("parked for %s", reason)
	}
	j.Account.Tune(func(b *wechatsim.Behaviour) { b.SendsPerDay = 5000 })
	j.Account.ResetQuota()
	w.must(w.Command(p, j, client.Resume))
	w.Finish(p, j, Verdict{})
}

func minuteQuota(w *World) {
	p, j := w.Begin(900, func(b *wechatsim.Behaviour) { b.SendsPerMinute = 400 })
	w.Finish(p, j, Verdict{})
}

func templateBanned(w *World) {
	p, j := w.Begin(2000, nil)
	w.AwaitSends(j, 500)
	good := wechatsim.DefaultTemplates(j.Channel.AppID)[0]
	bad := good
	bad.Code = 43116
	j.Account.SetTemplate(bad)
	w.AwaitState(j, "failed", 30*time.Second)
	if status, err := w.Status(w.Context(), j.Channel.ActID); err != nil || status != 3 {
		w.Errorf("live_notify_status is %d, %v", status, err)
	}
	j.Account.SetTemplate(good)
	// pushd holds such an account by itself: only a person lets it go on.
	w.hold(p, func(c client.Client, ctx context.Context) (client.Hold, error) {
		return c.LiftHold(ctx, j.Channel.AppID)
	})
	w.Continue(p, j)
	w.Finish(p, j, Verdict{Reasked: reasked})
}

// firstRefused stops at 20 refusals, and nobody of them is given up.
func firstRefused(w *World) {
	j := w.NewChannel(1000, nil)
	for i := range 25 {
		j.Account.SetCode(j.Account.OpenID(i), 43004)
	}
	p := w.Start("a")
	w.must(w.Post(p, j))
	w.AwaitState(j, "parked", 30*time.Second)
	if sends := j.Account.Stats().Sends; sends > 20 {
		w.Errorf("%d sends until it noticed", sends)
	}
	for i := range 25 {
		j.Account.SetCode(j.Account.OpenID(i), 0)
	}
	w.must(w.Command(p, j, client.Resume))
	w.Finish(p, j, Verdict{Reasked: 25})
}

// duplicateElsewhere sends for two channels of one account: WeChat refuses
// the second message to a person within a minute, whatever it says.
func duplicateElsewhere(w *World) {
	p, first := w.Begin(400, func(b *wechatsim.Behaviour) { b.DuplicateWindow = time.Minute })
	w.Finish(p, first, Verdict{})
	second := &Job{Channel: first.Channel, Account: first.Account}
	second.Channel.ActID = 900
	w.must(w.AddChannel(w.Context(), second.Channel))
	w.Row.Jobs++
	w.must(w.Post(p, second))
	w.Finish(p, second, Verdict{})
}
