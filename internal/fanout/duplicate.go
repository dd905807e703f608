package fanout

import (
	"time"

	"pushd"
	"pushd/internal/fanout/deferral"
)

// duplicateInDoubt takes a CodeDuplicate to a recipient whose earlier try may have been
// accepted. It may speak of that try, or of another message of the account, so
// the first leaves them in doubt; they are asked again, under the same client_msg_id,
// until only the job's own message can be meant.
func (s *sender) duplicateInDoubt(d *delivery, a pushd.Answer, r result) {
	now := s.run.e.clock.Now()
	before := deferral.Short.Times(d.Person()) > 0
	later := now.Add(deferral.ShortWait + time.Second)
	switch {
	case before && s.run.account.Quiet():
		s.sent(d, r.token, r.at)
	case d.Forgotten(), deferral.Short.Spent(d.Person()),
		later >= s.run.deadline(), later.Sub(d.Since()) >= s.run.e.cfg.DedupWindow:
		s.giveUp(d, a.Code)
	default:
		d.PutOff(deferral.Short)
		d.Leave(a.Code)
		s.live--
		s.run.deferrals.PutOff(deferral.Short, now)
	}
}
