package crashtest

import (
	"errors"
	"syscall"
	"time"

	"pushd/internal/wechatsim"
)

func stopScenarios() []scenario {
	return []scenario{
		{name: "SIGTERM at random moments", run: randomStops},
		{name: "SIGTERM while WeChat does not answer", run: stopWhileHanging},
		{name: "SIGHUP with other secrets", run: newSecrets},
		{name: "a second SIGTERM", long: true, run: secondStop},
		{name: "panic in a worker", long: true, run: panicInWorker},
	}
}

// drainTimeout is PUSHD_DRAIN_TIMEOUT's default.
const drainTimeout = 15 * time.Second

// randomStops stops pushd in an orderly way at random moments of a job.
func randomStops(w *World) {
	j := w.NewChannel(size(4000, 30_000), nil)
	for {
		p := w.Start("a")
		if !w.ended(j) {
			w.must(w.Post(p, j))
			w.Until("somebody is told", 30*time.Second, func() bool { return p.Listener.Sends() > 0 || w.ended(j) })
		}
		if d, sent := p.FirstSend(); sent {
			w.Row.resumed(d)
		}
		if w.ended(j) {
			w.Judge(p, j, Verdict{})
			return
		}
		w.Pass(w.Between(0, 300*time.Millisecond))
		took, exit, err := p.Terminate(drainTimeout)
		w.must(err)
		w.Row.Stops++
		if exit != 0 {
			w.Errorf("exit code %d after SIGTERM, %s", exit, took)
		}
		if n := j.Account.Report(w.MsgID(j)).Needless(); n > 0 {
			w.Errorf("%d needless requests after SIGTERM", n)
		}
		w.Until("its connections to the database are closed", 5*time.Second, func() bool { return w.Proxy.Connections() == 0 })
	}
}

func (w *World) ended(j *Job) bool {
	state, _ := w.State(j)
	return state != "queued" && state != "running" && state != "parked" && state != "paused" && state != ""
}

// stopWhileHanging stops pushd while sends take longer than the drain.
func stopWhileHanging(w *World) {
	w.Set("PUSHD_DRAIN_TIMEOUT", "3s")
	w.Set("PUSHD_SEND_TIMEOUT", "30s")
	p, j := w.Begin(1500, nil)
	w.AwaitSends(j, 200)
	fault := w.Sim.Faults.Add(wechatsim.Fault{Path: wechatsim.PathSend, Action: wechatsim.ActHang, Accept: 0.5})
	w.Until("sends hang", 10*time.Second, func() bool { return w.Sim.Faults.Hits(fault) > 5 })
	took, exit, err := p.Terminate(10 * time.Second)
	w.must(err)
	w.Row.Stops++
	if exit != 0 || took > 3500*time.Millisecond {
		w.Errorf("exit code %d after %s, the drain timeout is 3 s", exit, took)
	}
	w.Sim.Faults.ClearAll()
	w.Finish(w.Start("a"), j, Verdict{Kills: 1})
}

// secondStop is in a hurry: the second signal ends the process as a kill.
func secondStop(w *World) {
	p, j := w.Begin(2000, nil)
	w.AwaitSends(j, 200)
	fault := w.Sim.Faults.Add(wechatsim.Fault{Path: wechatsim.PathSend, Action: wechatsim.ActHang, Accept: 0.5})
	w.Until("sends hang", 10*time.Second, func() bool { return w.Sim.Faults.Hits(fault) > 5 })
	p.Signal(syscall.SIGTERM)
	w.Until("pushd drains", 10*time.Second, func() bool {
		health, err := p.API().Health(w.Context())
		return err == nil && health.Draining
	})
	began := time.Now()
	p.Signal(syscall.SIGTERM)
	w.Until("the second signal ends it", 2*time.Second, p.Ended)
	if p.ExitCode() == 0 {
		w.Error(errors.New("it says that all is well after the second signal"))
	}
	w.Logf("ended %s after the second signal", time.Since(began))
	w.Row.Stops += 2
	w.Sim.Faults.ClearAll()
	w.Finish(w.Start("a"), j, Verdict{Kills: 1})
}

// panicInWorker is a bug that ends the process in the middle of a send.
func panicInWorker(w *World) {
	j := w.NewChannel(2000, nil)
	p := w.StartWithPoint("a", "sent:500:panic")
	w.must(p.awaitListen())
	w.must(w.Post(p, j))
	w.Until("it panics", 30*time.Second, p.Ended)
	w.Row.Kills++
	w.Finish(w.Start("a"), j, Verdict{Kills: 1})
}
