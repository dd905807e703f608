package fanout

import (
	"cmp"
	"time"

	"pushd"
	"pushd/internal/fanout/pagebuffer"
)

// lowWater is how few recipients may be ready before more are admitted: twice as
// many as are sent to while the record of the next is written. The fewer, the more
// recipients share a statement.
func (s *sender) lowWater() int {
	half := s.pacer.Limit() / 2
	if s.took == 0 || s.recording.took >= s.took/4 {
		return half
	}
	return half * int(4*s.recording.took/time.Microsecond) / int(s.took/time.Microsecond+1)
}

// admit admits recipients until as many are in doubt as may be.
func (s *sender) admit() {
	if s.recording.underway {
		return
	}
	n := min(len(s.backlog), max(0, 2*s.pacer.Limit()-s.live))
	if n == 0 {
		return
	}
	at := s.run.e.clock.Now()
	doubts := pagebuffer.Doubts{Window: s.run.e.cfg.DedupWindow, Resend: s.resends()}
	for _, d := range s.backlog[:n] {
		d.Admit(at, doubts)
		s.live++
	}
	s.admitted = append(s.admitted, s.backlog[:n]...)
	s.backlog = append(s.backlog[:0], s.backlog[n:]...)
}

// resends says that recipients in doubt are sent to although WeChat would not
// recognise a repetition: by setting, or because a retry has accepted that.
func (s *sender) resends() bool {
	return s.run.e.cfg.Ambiguous != Unknown || s.run.job.Retry == pushd.AgainUnknown
}

// maySend decides about a recipient in doubt whose earlier try WeChat has
// forgotten: they are left, if that is the setting.
func (s *sender) maySend(d *delivery, now pushd.Time) bool {
	if s.resends() || !d.Expired(now, s.run.e.cfg.DedupWindow) {
		return true
	}
	s.settle(d, pushd.PersonUnknown, cmp.Or(int(d.Person().Code), pushd.CodeInDoubt))
	return false
}
