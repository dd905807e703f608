package fanout

import (
	"container/heap"
	"fmt"
	"time"

	"pushd"
)

// downAfter is how long WeChat gives no good answer, to several recipients,
// until it counts as down. The job then parks for a short while and gives its
// account and its place in the process away. The next claim probes: one send at
// a time, to one recipient after the other, for there are some to whom WeChat
// never answers well.
const (
	downAfter  = 3 * time.Second
	downPeople = 5
	probeEvery = 250 * time.Millisecond
	probeFirst = time.Second      // how long a job parks when WeChat is found down
	probeLast  = 15 * time.Second // at most, when it stays down
)

// checkDown notices that WeChat gives no good answer to any recipient.
func (s *sender) checkDown(now time.Time) {
	enough := downPeople
	if !s.run.answered.Load() || s.unsent {
		enough = max(1, min(enough, s.live)) // nothing has shown yet that WeChat answers others
	}
	if s.stop != nil || s.bad < enough || now.Sub(s.lastGood) < downAfter {
		return
	}
	s.down(s.lastBad)
}

// down parks the job because WeChat is down, the last answer being a.
func (s *sender) down(a pushd.Answer) {
	wait := s.run.account.down(time.Now())
	detail := fmt.Sprintf("WeChat has answered nothing good for 3 s, last %s; pushd tries again in %s and goes on by itself", a.Describe(), wait)
	s.stopRound(s.run.park(pushd.WeChatDown, detail, s.run.e.clock.Now().Add(wait)))
}

// recovered ends the probing after a good answer.
func (s *sender) recovered() {
	s.probing = false
	s.run.probing.Store(false)
	s.run.account.up()
	s.run.log.Info("job goes on", "reason", pushd.WeChatDown)
	for len(s.later) > 0 { // their delays were counted against a WeChat that was down
		d := heap.Pop(&s.later).(delayed).delivery
		d.Tries, d.BadSince = 0, time.Time{}
		s.again(d)
	}
}

// down notes that WeChat does not answer the account's sends, and says how long
// to wait for the next probe.
func (a *shared) down(now time.Time) time.Duration {
	a.downAt.Store(now.UnixNano())
	return min(probeLast, probeFirst<<min(a.downs.Add(1)-1, 10))
}

// up notes that WeChat answers again.
func (a *shared) up() {
	a.downs.Store(0)
	a.downAt.Store(0)
}

// isDown says that WeChat was down for the account when last heard of.
func (a *shared) isDown(now time.Time) bool {
	at := a.downAt.Load()
	return at != 0 && now.Sub(time.Unix(0, at)) < 2*probeLast
}
