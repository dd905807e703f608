package crashtest

import (
	"fmt"
	"time"

	"pushd/api/client"
	"pushd/internal/wechatsim"
)

func tokenScenarios() []scenario {
	return []scenario{
		{name: "token revoked three times while all send, late answers", run: tokenRevoked},
		{name: "token endpoint down while the token works", long: true, run: tokenEndpointIdle},
		{name: "token endpoint down after a revocation", run: func(w *World) {
			tokenEndpointFails(w, wechatsim.Fault{Action: wechatsim.ActDrop})
		}},
		{name: "token endpoint answers HTML", long: true, run: func(w *World) {
			tokenEndpointFails(w, wechatsim.Fault{Action: wechatsim.ActHTML})
		}},
		{name: "token endpoint gives the old token again", long: true, run: func(w *World) {
			tokenEndpointFails(w, wechatsim.Fault{Action: wechatsim.ActOldToken})
		}},
		{name: "token endpoint takes 3 s", long: true, run: func(w *World) {
			tokenEndpointHelps(w, wechatsim.Fault{Action: wechatsim.ActDelay, Delay: 3 * time.Second})
		}},
		{name: "token endpoint gives tokens with 300 s left", long: true, run: func(w *World) {
			tokenEndpointHelps(w, wechatsim.Fault{Action: wechatsim.ActExpires, ExpiresIn: 300})
		}},
		{name: "token endpoint gives another account's token", long: true, run: strangeToken},
	}
}

// tokenRevoked is somebody else refreshing the token in WeChat's console.
func tokenRevoked(w *World) {
	p, j := w.Begin(size(4000, 8000), func(b *wechatsim.Behaviour) { b.StaleDelay = 150 * time.Millisecond })
	const times = 3
	for i := range int64(times) {
		w.AwaitSends(j, 600+1000*i)
		j.Account.RevokeToken()
	}
	w.Finish(p, j, Verdict{})
	if asks := w.Sim.PHP(j.Channel.AppID).Calls; asks != times {
		w.Errorf("the token endpoint was asked %d times for %d revocations", asks, times)
	}
	w.Row.Note = fmt.Sprintf("asked once for each of %d revocations", times)
}

func tokenEndpointIdle(w *World) {
	w.Sim.Faults.Add(wechatsim.Fault{Path: wechatsim.PathPHP, Action: wechatsim.ActDrop})
	p, j := w.Begin(1500, nil)
	w.Finish(p, j, Verdict{})
}

// tokenEndpointFails revokes the token while the endpoint is of no use, and
// mends it after a while.
func tokenEndpointFails(w *World, fault wechatsim.Fault) {
	p, j := w.Begin(2500, nil)
	w.AwaitSends(j, 300)
	j.Account.RevokeToken() // the endpoint gives a second token
	w.AwaitSends(j, 900)
	before := w.Sim.PHP(j.Channel.AppID)
	fault.Path = wechatsim.PathPHP
	id := w.Sim.Faults.Add(fault)
	j.Account.RevokeToken()
	w.Until("the endpoint was asked twice in vain", 30*time.Second, func() bool { return w.Sim.Faults.Hits(id) >= 2 })
	w.Sim.Faults.ClearAll()
	w.Finish(p, j, Verdict{})
	after := w.Sim.PHP(j.Channel.AppID)
	gap := time.Hour
	times := after.Times[before.Calls:]
	for i := 1; i < len(times); i++ {
		gap = min(gap, times[i].Sub(times[i-1]))
	}
	if gap < 4900*time.Millisecond {
		w.Errorf("the failing endpoint was asked twice within %s", gap)
	}
	w.Row.Note = fmt.Sprintf("asked %d times, at least %.1f s apart", len(times), gap.Seconds())
}

// tokenEndpointHelps revokes the token while the endpoint is odd but right.
func tokenEndpointHelps(w *World, fault wechatsim.Fault) {
	p, j := w.Begin(2000, nil)
	w.AwaitSends(j, 300)
	fault.Path = wechatsim.PathPHP
	w.Sim.Faults.Add(fault)
	j.Account.RevokeToken()
	w.Finish(p, j, Verdict{})
	if asks := w.Sim.PHP(j.Channel.AppID).Calls; asks != 1 {
		w.Errorf("the token endpoint was asked %d times for one revocation", asks)
	}
}

// strangeToken makes PHP mix two accounts up for a while: nobody of either
// account may be told, or given up, because of it.
func strangeToken(w *World) {
	p, j := w.Begin(2000, nil)
	other := w.Sim.Account("wxother", wechatsim.AccountOptions{Followers: 10})
	foreign, _ := other.StableToken(false)
	w.AwaitSends(j, 300)
	w.Sim.Faults.Add(wechatsim.Fault{Path: wechatsim.PathPHP, AppID: j.Channel.AppID, Action: wechatsim.ActNotJSON,
		Body: fmt.Sprintf(`{"access_token":"%s","expires_in":7200}`, foreign)})
	j.Account.RevokeToken()
	w.Until("the job parks", 30*time.Second, func() bool { s, _ := w.State(j); return s == "parked" })
	w.Sim.Faults.ClearAll()
	w.Until("it goes on when it is told to", 90*time.Second, func() bool {
		_ = w.Command(p, j, client.Resume) // it may have gone on by itself
		s, _ := w.State(j)
		return s == "succeeded"
	})
	w.Finish(p, j, Verdict{Reasked: reasked})
}
