package crashtest

import (
	"fmt"
	"slices"
	"time"

	"pushd"
	"pushd/internal/fanout"
	"pushd/internal/wechatsim"
)

func killScenarios() []scenario {
	all := []scenario{
		{name: "kill -9 at random moments", alone: true, run: randomKills},
		{name: "kill -9 five times in a row, during recovery", run: killsInARow},
	}
	for _, p := range fanout.Points() {
		long := p == fanout.PointTookBack || p == fanout.PointClaimed || p == fanout.PointSending
		all = append(all, scenario{name: "kill -9 at the point " + string(p), long: long, run: func(w *World) { killAtPoint(w, p) }})
	}
	return all
}

// campaign keeps several jobs going while pushd is killed again and again.
type campaign struct {
	w        *World
	active   []*Job
	kills    map[*Job]int64
	needless map[*Job]int64
	finished int
}

// randomKills kills pushd at random moments, among them its first
// milliseconds, until enough kills and enough jobs have come together.
func randomKills(w *World) {
	kills, jobs, people := size(12, 320), size(4, 52), size(2500, 10_000)
	c := &campaign{w: w, kills: map[*Job]int64{}, needless: map[*Job]int64{}}
	for w.Row.Kills < kills || c.finished < jobs {
		p := w.launch(w.bin.Plain, "a", "")
		if w.Row.Kills >= kills && c.finished+len(c.active) >= jobs { // enough: let them all end
			c.letEnd(p)
			continue
		}
		if w.Rand.IntN(4) == 0 { // in its first moments
			w.Pass(w.Between(0, 250*time.Millisecond))
			c.kill(p)
			continue
		}
		w.must(p.awaitListen())
		c.harvest(p)
		for len(c.active) < 4 && w.Row.Jobs < jobs+8 {
			j := w.NewChannel(people, nil)
			w.must(w.Post(p, j))
			c.active = append(c.active, j)
		}
		if slices.ContainsFunc(c.active, c.unfinished) {
			w.Until("somebody is told after the start", 30*time.Second, func() bool {
				_, sent := p.FirstSend()
				return sent || !slices.ContainsFunc(c.active, c.unfinished)
			})
			if d, sent := p.FirstSend(); sent {
				w.Row.resumed(d)
			}
		}
		w.Pass(w.Between(0, 700*time.Millisecond))
		c.kill(p)
	}
	w.judgeResumes()
}

func (c *campaign) unfinished(j *Job) bool {
	state, _ := c.w.State(j)
	return !pushd.State(state).Ended()
}

func (c *campaign) kill(p *Process) {
	p.Kill()
	c.w.Row.Kills++
	for _, j := range c.active {
		c.kills[j]++
		c.after(j)
	}
}

// after notes what the life that has ended has cost.
func (c *campaign) after(j *Job) {
	c.w.Until("WeChat has seen what was under way", 10*time.Second, func() bool { return j.Account.Stats().InFlight == 0 })
	n := needless(j.Account.Report(c.w.MsgID(j)), Verdict{})
	c.w.Row.WorstOne = max(c.w.Row.WorstOne, n-c.needless[j])
	c.needless[j] = n
	if n > perStop*c.kills[j] {
		c.w.Errorf("%d kills cost job %s %d needless requests, the target is %d each", c.kills[j], j.ID, n, perStop)
	}
}

// harvest judges the jobs that have ended.
func (c *campaign) harvest(p *Process) {
	c.active = slices.DeleteFunc(c.active, func(j *Job) bool {
		if c.unfinished(j) {
			return false
		}
		c.w.Judge(p, j, Verdict{Kills: c.kills[j]})
		c.finished++
		return true
	})
}

func (c *campaign) letEnd(p *Process) {
	c.w.must(p.awaitListen())
	for _, j := range c.active {
		c.w.AwaitState(j, "succeeded", longest)
	}
	c.harvest(p)
	_, _, err := p.Terminate(20 * time.Second)
	c.w.must(err)
}

// judgeResumes holds the time until somebody is told again against its
// target, with room for a busy machine.
func (w *World) judgeResumes() {
	w.Helper()
	if m := median(w.Row.Resumes); len(w.Row.Resumes) > 0 && m > 5*time.Second {
		w.Errorf("half of the restarts took more than %s until somebody was told, the target is 5 s", m)
	}
}

// killAtPoint kills pushd at one point, at several of its passings.
func killAtPoint(w *World, p fanout.Point) {
	passings := []int{1}
	switch p {
	case fanout.PointPage:
		passings = []int{1, 3}
	case fanout.PointRecorded:
		passings = []int{1, 2, 3 + w.Rand.IntN(20)}
	case fanout.PointSending, fanout.PointSent:
		passings = []int{1, 2 + w.Rand.IntN(100), 100 + w.Rand.IntN(1000)}
	}
	for _, n := range passings {
		j := w.NewChannel(size(1500, 3000), func(b *wechatsim.Behaviour) { b.Walk.PageSize = 400 })
		victim := w.StartWithPoint("a", fmt.Sprintf("%s:%d:kill", p, n))
		if victim.awaitListen() == nil {
			// PHP's cron sees no answer where the kill was faster.
			if err := w.Post(victim, j); err != nil && p != fanout.PointAccepted && p != fanout.PointTookBack && p != fanout.PointClaimed {
				w.Fatal(err)
			}
		}
		w.Until("the point is passed", 30*time.Second, victim.Ended)
		victim.Kill()
		w.Row.Kills++
		w.recover(j, n)
	}
}

// recover starts pushd again after a kill and judges the job.
func (w *World) recover(j *Job, passing int) {
	w.Helper()
	before := j.Account.Stats().Sends
	p := w.Start("a")
	w.must(w.Post(p, j)) // as the next minute's cron does
	w.AwaitState(j, "succeeded", longest)
	if d, sent := p.FirstSend(); sent && before > 0 {
		w.Row.resumed(d)
	}
	r := w.Judge(p, j, Verdict{Kills: 1})
	w.Row.WorstOne = max(w.Row.WorstOne, needless(r, Verdict{}))
	w.Logf("passing %d: %d needless", passing, needless(r, Verdict{}))
	_, _, err := p.Terminate(20 * time.Second)
	w.must(err)
}

// killsInARow kills each life while it is still recovering from the last.
func killsInARow(w *World) {
	j := w.NewChannel(3000, func(b *wechatsim.Behaviour) { b.Walk.PageSize = 1000 })
	first := w.Start("a")
	w.must(w.Post(first, j))
	w.AwaitSends(j, 300)
	first.Kill()
	w.Row.Kills++
	for _, point := range []string{"took_back:1:kill", "claimed:1:kill", "recorded:1:kill", "sending:3:kill", "sent:2:kill"} {
		p := w.StartWithPoint("a", point)
		w.Until("the point "+point+" is passed", 30*time.Second, p.Ended)
		p.Kill()
		w.Row.Kills++
	}
	p := w.Start("a")
	r := w.Finish(p, j, Verdict{Kills: 6})
	w.Row.WorstOne = max(w.Row.WorstOne, needless(r, Verdict{})/6)
	if d, sent := p.FirstSend(); sent {
		w.Row.resumed(d)
	}
}
