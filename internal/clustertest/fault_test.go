package clustertest

import (
	"syscall"
	"time"
)

// scenarios is all rows but those that want a cluster of their own.
func scenarios() []scenario {
	return append(append(faultScenarios(), proxyScenarios()...), askScenarios()...)
}

func faultScenarios() []scenario {
	return []scenario{
		{name: "the node of a job's pushd is killed", short: true, run: func(w *world) {
			n := people
			if !*longFlag {
				n = 3000
			}
			w.faulty(n, func(p *process) { w.base.cluster.Nodes[p.node].Kill() })
		}},
		{name: "a job's pushd is killed", run: func(w *world) {
			w.faulty(people, func(p *process) { w.kill(p) })
		}},
		{name: "both are killed", run: func(w *world) {
			w.faulty(people, func(p *process) { w.base.cluster.Nodes[p.node].Kill(); w.kill(p) })
		}},
		{name: "the node is frozen for 20 s", run: func(w *world) {
			w.faulty(people, func(p *process) {
				w.must(w.base.cluster.Nodes[p.node].Freeze())
				time.Sleep(frozenFor)
				w.must(w.base.cluster.Nodes[p.node].Thaw())
			})
		}},
		{name: "the pushd is frozen for 20 s", run: func(w *world) {
			w.faulty(people, func(p *process) {
				p.Signal(syscall.SIGSTOP)
				time.Sleep(frozenFor)
				p.Signal(syscall.SIGCONT)
			})
		}},
		{name: "both are frozen for 20 s", run: func(w *world) {
			w.faulty(people, func(p *process) {
				w.must(w.base.cluster.Nodes[p.node].Freeze())
				p.Signal(syscall.SIGSTOP)
				time.Sleep(frozenFor)
				w.must(w.base.cluster.Nodes[p.node].Thaw())
				p.Signal(syscall.SIGCONT)
			})
		}},
		{name: "the node is cut off from the others for 20 s", run: func(w *world) {
			w.faulty(people, func(p *process) {
				w.must(w.base.cluster.Nodes[p.node].Isolate(w.Context()))
				time.Sleep(frozenFor)
				w.must(w.base.cluster.Nodes[p.node].Heal(w.Context()))
			})
		}},
		{name: "the two other nodes are frozen for 20 s: no quorum", run: func(w *world) {
			w.faulty(people, func(p *process) {
				for i, n := range w.base.cluster.Nodes {
					if i != p.node {
						w.must(n.Freeze())
					}
				}
				time.Sleep(frozenFor)
				for i, n := range w.base.cluster.Nodes {
					if i != p.node {
						w.must(n.Thaw())
					}
				}
			})
		}},
		{name: "all nodes are restarted, one after the other", run: func(w *world) {
			w.faulty(people, func(*process) {
				for _, n := range w.base.cluster.Nodes {
					n.Terminate()
					w.must(n.Restart(w.Context()))
					w.must(n.AwaitSynced(w.Context()))
				}
			})
		}},
		{name: "a node comes back with nothing, and is given a copy", run: func(w *world) {
			w.faulty(people, func(p *process) {
				n := w.base.cluster.Nodes[(p.node+1)%size]
				n.Kill()
				w.must(n.Empty())
				w.must(n.Restart(w.Context()))
				w.must(n.AwaitSynced(w.Context()))
			})
		}},
	}
}

func (w *world) kill(p *process) {
	w.Helper()
	w.must(p.End(syscall.SIGKILL, time.Minute))
}

// faulty runs three jobs on three processes, and lets a fault hit the node or the
// process of the first.
func (w *world) faulty(people int, fault func(owner *process)) {
	w.Helper()
	w.startAll()
	for i := range size {
		w.post(w.procs[i], people)
	}
	w.running(300)
	owner := w.owner(w.jobs[0])
	for _, j := range w.jobs {
		j.pulse.fresh()
	}
	fault(owner)
	w.finish()
}
