package fanout

import (
	"time"

	"pushd"
	"pushd/internal/deferral"
)

// quietFor is how long nothing but the job itself may have sent for the
// account, so that a second CodeDuplicate speaks of the job's own message:
// twice the time over which WeChat compares. Nothing says which message it
// compares with: this one, or any of the account's.
const quietFor = 2 * deferral.ShortWait

// disturb notes that a message which was not the job's may have just reached
// recipients of the account: a test message, or whatever it was that made WeChat
// refuse a recipient as a duplicate who was not sent to before. The process's own
// clock counts: the database's may be set ahead in between.
func (a *shared) disturb() {
	now := time.Now()
	a.disturbed.Store(&now)
}

// quiet says that nothing is known to have been sent for the account since
// quietFor but by the job that has it. Other jobs can't have: an account has
// one running job, in all processes together.
func (a *shared) quiet() bool {
	at := a.disturbed.Load()
	return at == nil || time.Since(*at) > quietFor
}

// duplicateInDoubt takes a CodeDuplicate to a recipient whose earlier try may have been
// accepted. It may speak of that try, or of another message of the account, so
// the first leaves them in doubt; they are asked once more, under the same
// client_msg_id, when only the job's own message can be meant.
func (s *sender) duplicateInDoubt(d *delivery, a pushd.Answer, r result) {
	now := s.run.e.clock.Now()
	before := deferral.Short.Times(d.Person()) > 0
	later := now.Add(deferral.ShortWait + time.Second)
	switch {
	case before && s.run.account.quiet():
		s.sent(d, r.token, r.at)
	case before, d.Forgotten(),
		later >= s.run.deadline(), later.Sub(d.Since()) >= s.run.e.cfg.DedupWindow:
		s.giveUp(d, a.Code)
	default:
		d.PutOff(deferral.Short)
		d.Leave(a.Code)
		s.live--
		s.run.deferrals.PutOff(deferral.Short, now)
	}
}
