package fanout

import (
	"container/heap"
	"time"
)

// downAfter is how long WeChat gives no good answer, to several people, until
// it counts as down; the probe then goes out once a second.
const (
	downAfter  = 3 * time.Second
	downPeople = 5
	probeEvery = time.Second
)

// checkDown notices that WeChat gives no good answer to anybody.
func (s *sender) checkDown(now time.Time) {
	enough := downPeople
	if !s.run.told.Load() || s.unsent {
		enough = max(1, min(enough, s.live)) // nobody has shown that WeChat answers others
	}
	if s.probing || s.stop != nil || s.bad < enough || now.Sub(s.lastGood) < downAfter {
		return
	}
	s.probing, s.probeAt = true, now
	s.run.hold(Parking{Reason: WeChatDown, Detail: "WeChat has answered nothing good for 3 s; pushd asks once a second and goes on by itself"})
}

// revived ends the probing after a good answer.
func (s *sender) revived() {
	s.probing = false
	if err := s.run.unhold(); err != nil {
		s.halt(err)
		return
	}
	for len(s.later) > 0 { // their delays were counted against a WeChat that was down
		t := heap.Pop(&s.later).(delayed).ticket
		t.tries, t.badSince = 0, time.Time{}
		s.again(t)
	}
}
