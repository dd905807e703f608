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
	// patience is how long the last few recipients of a job, too few to tell their
	// trouble from WeChat's, are tried when no answer is good.
	patience = 2 * time.Minute
)

// outage tells WeChat's trouble from that of single recipients, by the answers of
// a round. It is good for one account and one goroutine.
type outage struct {
	lastGood time.Time // when the last good answer came, or the round began
	era      int       // rises with every good answer
	bad      int       // recipients with a bad answer since
	last     pushd.Answer
	unsent   bool // the last bad one says that not a byte was sent
	probing  bool // WeChat was down: one send at a time, until an answer is good
	probeAt  time.Time
}

func newOutage(now time.Time, probing bool) outage {
	return outage{lastGood: now, era: 1, probing: probing}
}

// good takes a good answer.
func (o *outage) good(at time.Time) {
	o.lastGood, o.bad = at, 0
	o.era++
}

// wrong takes a bad answer to d.
func (o *outage) wrong(d *delivery, a pushd.Answer, now time.Time) {
	if d.BadEra != o.era {
		d.BadEra = o.era
		o.bad++
	}
	if d.BadSince.IsZero() {
		d.BadSince = now
	}
	o.last, o.unsent = a, a.Code == pushd.CodeNotSent
}

// alone says that nothing tells the trouble of d from WeChat's, and that it is not
// yet time to give up.
func (o *outage) alone(d *delivery, now time.Time) bool {
	return !o.lastGood.After(d.BadSince) && now.Sub(d.BadSince) < patience
}

// found says that WeChat gives no good answer to any recipient. live is how many
// are being sent to, answered whether WeChat has ever answered the job's sends.
func (o *outage) found(now time.Time, live int, answered bool) bool {
	enough := downPeople
	if !answered || o.unsent {
		enough = max(1, min(enough, live)) // nothing has shown yet that WeChat answers others
	}
	return o.bad >= enough && now.Sub(o.lastGood) >= downAfter
}

// started notes that a send was started; while WeChat is probed the next one has
// to wait.
func (o *outage) started(now time.Time) {
	if o.probing {
		o.probeAt = now.Add(probeEvery)
	}
}

// checkDown parks the job when WeChat is found down.
func (s *sender) checkDown(now time.Time) {
	if s.stop != nil || !s.outage.found(now, s.live, s.run.answered.Load()) {
		return
	}
	wait := s.run.account.down(time.Now())
	detail := fmt.Sprintf("WeChat has answered nothing good for 3 s, last %s; pushd tries again in %s and goes on by itself", s.outage.last.Describe(), wait)
	s.stopRound(s.run.park(pushd.WeChatDown, detail, s.run.e.clock.Now().Add(wait)))
}

// recovered ends the probing.
func (s *sender) recovered() {
	s.outage.probing = false
	s.run.probing.Store(false)
	s.run.account.up()
	s.run.log.Info("job goes on", "reason", pushd.WeChatDown)
	for len(s.later) > 0 { // their delays were counted against a WeChat that was down
		d := heap.Pop(&s.later).(delayed).delivery
		d.Tries, d.BadSince = 0, time.Time{}
		s.again(d)
	}
}
