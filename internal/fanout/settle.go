package fanout

import (
	"fmt"
	"time"

	"pushd"
	"pushd/internal/breaker"
	"pushd/internal/deferral"
)

// How much is borne before an answer is believed.
const (
	fatalAfter = 10 // FatalIfRepeated answers without a success between
	maxTries   = 8  // busy answers to one recipient while others get good ones
	// patience is how long the last few people of a job, too few to tell
	// their trouble from WeChat's, are tried when nobody gets a good answer.
	patience = 2 * time.Minute
)

// onAnswer takes the result of one send: the one place where a verdict
// becomes an action.
func (s *sender) onAnswer(r result) {
	s.inFlight--
	t := r.t
	if !r.started {
		s.pacer.Drop(1)
		s.ready = append(s.ready, t)
		return
	}
	s.run.e.count(r)
	s.took += (r.took - s.took) / 16
	s.pacer.Observe(speed(r.answer.Verdict), r.took-r.answer.Waited, r.at)
	if t.asked {
		t.sheet.counts.Retries++
		t.sheet.dirty = true
	}
	t.asked = true
	t.tries++
	a := r.answer
	if a.Verdict != pushd.Sent {
		t.sheet.noteError(a.Code)
	}
	if a.Ambiguous {
		t.ambiguous = true
	} else if a.Verdict != pushd.Sent && !t.ambiguous {
		t.askedAt = s.run.e.clock.Now() // definitely not accepted: no doubt so far
	}
	if a.Verdict == pushd.Busy {
		s.busy(t, a)
		return
	}
	s.lastGood, s.bad = r.at, 0
	s.run.answered.Store(true)
	s.era++
	if s.probing {
		s.recovered()
	}
	switch a.Verdict {
	case pushd.Sent:
		s.sent(t, r.token, r.at)
	case pushd.Skip:
		s.skip(t, a)
	case pushd.DeferShort:
		if t.ambiguous || t.maybe {
			s.duplicateInDoubt(t, a, r)
			return
		}
		s.run.account.disturb()
		s.breaker.Personal()
		s.deferRecipient(t, a, deferral.Short)
	case pushd.DeferLong:
		s.breaker.Personal()
		s.deferRecipient(t, a, deferral.Long)
	case pushd.TokenRefused:
		s.tokenRefused(t, r.token)
	case pushd.Slower:
		s.slower(t)
	case pushd.Quota:
		s.retryAt(t, time.Now())
		s.stopRound(&quotaSpent{a.Code})
	case pushd.Fatal:
		s.retryAt(t, time.Now())
		s.stopRound(fatal(a))
	case pushd.FatalIfRepeated:
		s.maybeFatal(t, a)
	default:
		s.fail(t, a)
	}
}

// settle ends a ticket with an outcome.
func (s *sender) settle(t *ticket, state pushd.PersonState, code int) {
	if t.sheet.live[t.index] == t {
		s.live--
	}
	t.sheet.settle(t.index, state, code)
}

func (t *ticket) person() pushd.Person { return t.sheet.people[t.index] }

// versionFor is the version of the message that a recipient has got whose send
// was just accepted; 0 where it may be an earlier one. WeChat takes a send
// under the same client_msg_id for a repetition, whatever it says, and keeps
// the text that came first.
func (r *run) versionFor(t *ticket) int {
	if t.earlier && r.job.MessageVersion > 1 {
		return 0
	}
	return r.job.MessageVersion
}

func (s *sender) sent(t *ticket, tok pushd.Token, at time.Time) {
	s.run.rate.Add(at)
	s.run.doubted = 0
	s.run.account.mismatches.Store(0)
	s.settle(t, pushd.PersonSent, s.run.versionFor(t))
	if tok == s.token {
		s.gated = false
		s.run.told.Store(true)
		released, again := s.breaker.Success()
		for _, sus := range released {
			s.release(sus)
		}
		for _, sus := range again {
			sus.Of.sheet.held-- // still refused: a later round asks them again
		}
		if s.works != tok {
			s.works = tok
			s.run.listing.delivered(tok)
			s.run.e.cfg.Tokens.Worked(s.run.job.AppID, tok)
		}
	}
}

// skip settles a person who can't receive, unless the code may mean that the
// job itself is wrong: then the breaker decides later.
func (s *sender) skip(t *ticket, a pushd.Answer) {
	if !a.Cause.Suspect() {
		s.breaker.Personal()
		s.settle(t, pushd.PersonSkipped, a.Code)
		return
	}
	s.suspected(t, a, pushd.PersonSkipped)
}

// suspected hands a person to the breaker. Until it lets them go they are
// refused in the ledger, not told and free to be told; or still in doubt.
func (s *sender) suspected(t *ticket, a pushd.Answer, otherwise pushd.PersonState) {
	doubt := t.ambiguous || t.maybe
	if doubt {
		t.sheet.leave(t, a.Code)
		s.live--
	} else {
		s.settle(t, pushd.Refused, a.Code)
	}
	t.sheet.held++
	released, trip := s.breaker.Suspect(suspect{
		Of: place{t.sheet, t.index}, Code: a.Code, Cause: a.Cause, Otherwise: otherwise,
		Repeat: doubt && !a.Cause.Suspect(),
	})
	for _, sus := range released {
		s.release(sus)
	}
	if !trip || s.stop != nil {
		return
	}
	if _, unknown := s.breaker.Unknown(); unknown && s.run.deferrals.Waiting() {
		// What the code is about is not known, and those who wait have shown that
		// WeChat knows the message: they are sent to before it is judged.
		s.drop()
		s.stopRound(errLater)
		return
	}
	s.stopRound(s.distrust(a))
}

// distrust is why the job stops whose suspects have become too many, the last
// of them by a: an account that does not fit, or a message that WeChat takes
// from it for no recipient.
func (s *sender) distrust(a pushd.Answer) error {
	if code, ok := s.breaker.Unknown(); ok {
		if a.Code != code {
			a = pushd.Answer{Code: code}
		}
		return fatal(a)
	}
	return &mismatch{token: s.token, worked: s.works == s.token, code: a.Code, cause: a.Cause, text: a.Text}
}

// deferRecipient leaves a recipient to a later round, or gives up if that can't
// be. To whom an earlier try may have been delivered it is not sent again so much
// later: WeChat would not know it for a repetition.
func (s *sender) deferRecipient(t *ticket, a pushd.Answer, kind deferral.Kind) {
	now := s.run.e.clock.Now()
	if t.ambiguous || t.maybe || kind.Spent(t.person()) || now.Add(kind.Wait()) >= s.run.deadline() {
		s.giveUp(t, a.Code)
		return
	}
	t.sheet.people[t.index].Defers = kind.Next(t.person())
	s.settle(t, pushd.Refused, a.Code)
	s.run.deferrals.PutOff(kind, now)
}

// giveUp settles a recipient who did not get it, as far as is known.
func (s *sender) giveUp(t *ticket, code int) { s.settle(t, t.undelivered(), code) }

// undelivered is the outcome of a recipient who is given up: failed, or
// unknown if an earlier try may have been accepted.
func (t *ticket) undelivered() pushd.PersonState {
	if t.ambiguous || t.maybe {
		return pushd.PersonUnknown
	}
	return pushd.PersonFailed
}

// slower lets the account rest until the next minute: the quota is one per
// minute.
func (s *sender) slower(t *ticket) {
	now := s.run.e.clock.Now()
	const minute = pushd.Time(time.Minute / time.Microsecond)
	end := time.Now().Add((now/minute*minute + minute).Sub(now))
	until := end.Add(s.run.e.jitter.Spread(time.Second))
	s.pacer.QuotaSpent(end)
	s.pacer.PauseUntil(until)
	s.run.waiting(until)
	t.tries--
	s.retryAt(t, until)
}

// busy retries a person whom WeChat did not answer properly.
func (s *sender) busy(t *ticket, a pushd.Answer) {
	now := time.Now()
	if t.badEra != s.era {
		t.badEra = s.era
		s.bad++
	}
	if t.badSince.IsZero() {
		t.badSince = now
	}
	s.lastBad = a
	if s.unsent = a.Code == pushd.CodeNotSent; s.unsent {
		t.tries-- // it never got as far as to be this person's doing
	}
	if s.probing {
		t.tries--
		s.retryAt(t, now.Add(time.Minute)) // the next probe goes to another recipient
		if s.live < downPeople && s.run.answered.Load() && !s.unsent {
			s.recovered() // it is reached again, and they are too few to say that it is down
		}
		return
	}
	alone := !s.lastGood.After(t.badSince) && now.Sub(t.badSince) < patience
	if t.tries < maxTries || alone {
		s.retryAt(t, now.Add(s.run.e.jitter.Backoff(t.tries)))
		return
	}
	s.giveUp(t, a.Code)
}

// maybeFatal ends the job if nothing but this comes any more; while the
// breaker distrusts the job it is the breaker's business.
func (s *sender) maybeFatal(t *ticket, a pushd.Answer) {
	if !s.breaker.Proven() && a.Cause.Suspect() {
		s.suspected(t, a, pushd.PersonFailed)
		return
	}
	if s.breaker.Fatal() >= fatalAfter {
		s.retryAt(t, time.Now())
		s.stopRound(fatal(a))
		return
	}
	if t.tries < maxTries {
		s.retryAt(t, time.Now().Add(s.run.e.jitter.Backoff(t.tries)))
		return
	}
	s.fail(t, a)
}

// fail settles a recipient whom a retry may still reach. Before anybody has
// got the message a code that is not in the table may as well be about the
// message: then the breaker decides later.
func (s *sender) fail(t *ticket, a pushd.Answer) {
	if !s.breaker.Proven() {
		s.suspected(t, a, pushd.PersonFailed)
		return
	}
	s.giveUp(t, a.Code)
	released, trip := s.breaker.Failure()
	for _, sus := range released {
		s.release(sus)
	}
	if trip {
		s.stopRound(&ended{pushd.Ending{State: pushd.Failed, Reason: pushd.TooManyFailures,
			Detail: fmt.Sprintf("half of the last %d people failed, the last with %s; see the failures, then POST with continue or retry", breaker.Window, a.Describe())}})
	}
}
