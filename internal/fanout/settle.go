package fanout

import (
	"fmt"
	"time"

	"pushd"
	"pushd/internal/fanout/breaker"
	"pushd/internal/fanout/deferral"
	"pushd/internal/fanout/outage"
)

// How much is borne before an answer is believed.
const (
	fatalAfter = 10 // FatalIfRepeated answers without a success between
	maxTries   = 8  // busy answers to one recipient while others get good ones
)

// onAnswer takes the result of one send: the one place where a verdict
// becomes an action.
func (s *sender) onAnswer(r result) {
	s.inFlight--
	d := r.delivery
	if !r.started {
		s.pacer.Drop(1)
		s.ready = append(s.ready, d)
		return
	}
	s.run.e.count(r)
	s.took += (r.took - s.took) / 16
	s.pacer.Observe(speed(r.answer.Verdict), r.took-r.answer.Waited, r.at)
	a := r.answer
	d.Answered(a, s.run.e.clock.Now())
	if a.Verdict == pushd.Busy {
		s.busy(d, a)
		return
	}
	s.outage.Good(r.at)
	s.run.answered.Store(true)
	if s.outage.Probing() {
		s.recovered()
	}
	if a.Cause.Suspect() && s.token.WasBefore(r.token) { // it may be another account's, and says nothing about this one
		d.Tries--
		s.again(d)
		return
	}
	switch a.Verdict {
	case pushd.Sent:
		s.sent(d, r.token, r.at)
	case pushd.Skip:
		s.skip(d, a)
	case pushd.DeferShort:
		if d.InDoubt() {
			s.duplicateInDoubt(d, a, r)
			return
		}
		s.run.account.Disturb()
		s.breaker.Personal()
		s.deferRecipient(d, a, deferral.Short)
	case pushd.DeferLong:
		s.breaker.Personal()
		s.deferRecipient(d, a, deferral.Long)
	case pushd.TokenRefused:
		s.tokenRefused(d, r.token)
	case pushd.Slower:
		s.slower(d)
	case pushd.Quota:
		s.retryAt(d, time.Now())
		s.stopRound(&quotaSpent{a.Code})
	case pushd.Fatal:
		s.retryAt(d, time.Now())
		s.stopRound(fatal(a))
	case pushd.FatalIfRepeated:
		s.maybeFatal(d, a)
	default:
		s.fail(d, a)
	}
}

// settle ends a delivery with a state that leaves the recipient in no doubt.
func (s *sender) settle(d *delivery, state pushd.PersonState, code int) {
	if d.Settle(state, code) {
		s.live--
	}
	if state.Settled() {
		s.run.settled.Add(1)
	}
}

// versionFor is the version of the message that a recipient has got whose send
// was just accepted; 0 where it may be an earlier one. WeChat takes a send
// under the same client_msg_id for a repetition, whatever it says, and keeps
// the text that came first.
func (r *run) versionFor(d *delivery) int {
	if d.Earlier() && r.job.MessageVersion > 1 {
		return 0
	}
	return r.job.MessageVersion
}

func (s *sender) sent(d *delivery, tok pushd.Token, at time.Time) {
	s.run.rate.Add(at)
	s.run.doubted = 0
	s.run.account.Delivered()
	s.settle(d, pushd.PersonSent, s.run.versionFor(d))
	if tok != s.token.Current() {
		return // an answer from before the last renewal: it says nothing about this token
	}
	s.run.delivered.Store(true)
	released, again := s.breaker.Success()
	release(released)
	leave(again) // still refused
	if s.token.Delivered() {
		s.run.listing.Proved(tok)
		s.run.e.cfg.Tokens.Worked(s.run.job.AppID, tok)
	}
}

// skip settles a recipient who can't receive, unless the code may mean that the
// job itself is wrong: then the breaker decides later.
func (s *sender) skip(d *delivery, a pushd.Answer) {
	if a.Cause == pushd.CauseUnwilling {
		s.run.refusals.Note(d.To)
	}
	if !a.Cause.Suspect() {
		s.breaker.Personal()
		s.settle(d, pushd.PersonSkipped, a.Code)
		return
	}
	s.suspected(d, a, pushd.PersonSkipped)
}

// suspected hands a recipient to the breaker. Until it lets them go they are
// refused in the ledger, which says that they may be sent to; or still in doubt.
func (s *sender) suspected(d *delivery, a pushd.Answer, otherwise pushd.PersonState) {
	doubt := d.InDoubt()
	if doubt {
		d.Leave(a.Code)
		s.live--
	} else {
		s.settle(d, pushd.Refused, a.Code)
	}
	released, trip := s.breaker.Suspect(suspect{
		Of: d.Hold(), Code: a.Code, Cause: a.Cause, Otherwise: otherwise,
		Repeat: doubt && !a.Cause.Suspect(),
	})
	release(released)
	if !trip || s.stop != nil {
		return
	}
	_, unknown := s.breaker.Unknown()
	switch personal := a.Cause.Suspect() && s.breaker.Only(s.run.personal); {
	case s.innocent():
		release(s.breaker.Flush())
	case personal && s.ownToken():
		release(s.breaker.Release(s.run.personal))
	case personal:
		s.stopRound(s.misfit(a, true))
	case unknown && s.run.deferrals.Waiting():
		// What the code is about is not known, and those who wait have shown that
		// WeChat knows the message: they are sent to before it is judged.
		leave(s.breaker.Arm())
		s.stopRound(errLater)
	default:
		s.stopRound(s.distrust(a))
	}
}

// personal says that a code of this cause is about the recipient where the token is the
// account's own, however many get it. Many of those who ask for a stream on the
// platform's pages do not follow the account; and where the account was migrated, all
// that its tables hold from before are openids no longer. WeChat's own lists hold none
// of either.
func (r *run) personal(c pushd.Cause) bool {
	return c == pushd.CauseUnfollowed || c == pushd.CauseOpenID && !r.job.Audience.Listed()
}

// innocent says that too many suspects speak of themselves and not of the job: others
// have the message, the token is the account's own, and the codes are about recipients,
// or those were refused before who come behind all others.
func (s *sender) innocent() bool {
	return s.fitting() && (s.last || s.breaker.OfRecipients())
}

// fitting says that others have the message, and that the token is the account's own.
func (s *sender) fitting() bool { return s.run.delivered.Load() && s.ownToken() }

// ownToken says that the token is known to be the account's own.
func (s *sender) ownToken() bool {
	tok := s.token.Current()
	return tok != "" && s.run.listing.Proven(tok)
}

// distrust is why the job stops whose suspects have become too many, the last
// of them by a: an account that does not fit, or a message that WeChat takes
// from it for no recipient. Of the first few, of whom a person wants to see what
// comes of them, the person decides.
func (s *sender) distrust(a pushd.Answer) error {
	if code, ok := s.breaker.Unknown(); ok && !(s.last && s.run.delivered.Load()) {
		if a.Code != code {
			a = pushd.Answer{Code: code}
		}
		if s.awaitsConfirmation() {
			return &firstRefused{code}
		}
		return fatal(a)
	}
	return s.misfit(a, s.breaker.Only(s.run.personal))
}

// misfit is an account that does not fit, by an answer.
func (s *sender) misfit(a pushd.Answer, personal bool) *mismatch {
	return &mismatch{token: s.token.Current(), worked: s.token.Proven(), first: s.awaitsConfirmation(), personal: personal, code: a.Code, cause: a.Cause, text: a.Text}
}

// awaitsConfirmation says that a person has to let others follow, as far as is known: before
// all are fed, others may be left.
func (s *sender) awaitsConfirmation() bool {
	return s.run.job.First != 0 && !s.run.job.FirstPassed && (s.feed != nil || s.first.Reached())
}

// deferRecipient leaves a recipient to a later round, or gives up if that can't
// be. To whom an earlier try may have been delivered it is not sent again so much
// later: WeChat would not know it for a repetition.
func (s *sender) deferRecipient(d *delivery, a pushd.Answer, kind deferral.Kind) {
	now := s.run.e.clock.Now()
	late := now.Add(kind.Wait()) >= s.run.deadline()
	if late {
		s.run.deferrals.Miss()
	}
	if d.InDoubt() || kind.Spent(d.Person()) || late {
		s.giveUp(d, a.Code)
		return
	}
	d.PutOff(kind)
	s.settle(d, pushd.Refused, a.Code)
	s.run.deferrals.PutOff(kind, now)
}

// giveUp settles a recipient who did not get it, as far as is known.
func (s *sender) giveUp(d *delivery, code int) { s.settle(d, d.Undelivered(), code) }

// slower lets the account rest until the next minute: the quota is one per
// minute.
func (s *sender) slower(d *delivery) {
	now := s.run.e.clock.Now()
	const minute = pushd.Time(time.Minute / time.Microsecond)
	end := time.Now().Add((now/minute*minute + minute).Sub(now))
	until := end.Add(s.run.e.jitter.Spread(time.Second))
	s.pacer.QuotaSpent(end)
	s.pacer.PauseUntil(until)
	s.run.waiting(until)
	d.Tries--
	s.retryAt(d, until)
}

// busy retries a recipient to whose message WeChat gave no proper answer.
func (s *sender) busy(d *delivery, a pushd.Answer) {
	now := time.Now()
	s.outage.Bad(&d.Bad, a, now)
	if s.outage.Unsent() {
		d.Tries-- // it never got as far as to be this recipient's doing
	}
	if s.outage.Probing() {
		d.Tries--
		s.retryAt(d, now.Add(time.Minute)) // the next probe goes to another recipient
		if outage.Few(s.live) && s.run.answered.Load() && !s.outage.Unsent() {
			s.recovered() // it is reached again, and they are too few to say that it is down
		}
		return
	}
	if d.Tries < maxTries || s.outage.Alone(d.Bad, now) {
		s.retryAt(d, now.Add(s.run.e.jitter.Backoff(d.Tries)))
		return
	}
	s.giveUp(d, a.Code)
}

// maybeFatal ends the job if nothing but this comes any more; while the
// breaker distrusts the job it is the breaker's business.
func (s *sender) maybeFatal(d *delivery, a pushd.Answer) {
	if !s.breaker.Proven() && a.Cause.Suspect() {
		s.suspected(d, a, pushd.PersonFailed)
		return
	}
	if s.breaker.Fatal() >= fatalAfter {
		s.retryAt(d, time.Now())
		s.stopRound(fatal(a))
		return
	}
	if d.Tries < maxTries {
		s.retryAt(d, time.Now().Add(s.run.e.jitter.Backoff(d.Tries)))
		return
	}
	s.fail(d, a)
}

// fail settles a recipient whom a retry may still reach. Before the message
// was delivered to any, a code that is not in the table may as well be about the
// message: then the breaker decides later.
func (s *sender) fail(d *delivery, a pushd.Answer) {
	if !s.breaker.Proven() {
		s.suspected(d, a, pushd.PersonFailed)
		return
	}
	s.giveUp(d, a.Code)
	released, trip := s.breaker.Failure()
	release(released)
	if trip {
		s.stopRound(&ended{pushd.Ending{State: pushd.Failed, Reason: pushd.TooManyFailures,
			Detail: fmt.Sprintf("half of the last %d recipients failed, the last with %s; see the failures, then POST with continue or retry", breaker.Window, a.Describe())}})
	}
}
