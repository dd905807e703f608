package fanout

import (
	"container/heap"
	"fmt"
	"time"

	"pushd"
)

// checkDown parks the job when WeChat is found down.
func (s *sender) checkDown(now time.Time) {
	if s.stop != nil || !s.outage.Found(now, s.live, s.run.answered.Load()) {
		return
	}
	wait := s.run.account.Outage.Down(time.Now())
	detail := fmt.Sprintf("WeChat has answered nothing good for 3 s, last %s; pushd tries again in %s and goes on by itself", s.outage.Last().Describe(), wait)
	s.stopRound(s.run.park(pushd.WeChatDown, detail, s.run.e.clock.Now().Add(wait)))
}

// recovered ends the probing.
func (s *sender) recovered() {
	s.outage.Recovered()
	s.run.probing.Store(false)
	s.run.account.Outage.Up()
	s.run.log.Info("job goes on", "reason", pushd.WeChatDown)
	for len(s.later) > 0 { // their delays were counted against a WeChat that was down
		d := heap.Pop(&s.later).(delayed).delivery
		d.Tries = 0
		d.Bad.Restart()
		s.again(d)
	}
}
