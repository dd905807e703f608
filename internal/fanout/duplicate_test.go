package fanout

import (
	"testing"
	"time"

	"pushd"
)

// The database's clock is set ahead between the two 40241 to a recipient in
// doubt: the other message that caused both is not forgotten for it, and who got
// nothing does not count as delivered, but is asked once more and gets it.
func TestSender_DuplicateAfterAClockStep(t *testing.T) {
	tries := map[pushd.OpenID]int{}
	withWeChat(t, 60, func(w *sim, to pushd.OpenID) *pushd.Answer {
		tries[to]++
		switch first := to == w.wechat.followers[0]; {
		case first && tries[to] == 1:
			return &pushd.Answer{Verdict: pushd.Busy, Code: -1, Ambiguous: true}
		case first && tries[to] < 4, !first && tries[to] == 1:
			return &pushd.Answer{Verdict: pushd.DeferShort, Code: pushd.CodeDuplicate}
		}
		return nil
	}, func(w *sim) {
		time.Sleep(20 * time.Second) // the first 40241 to each was heard, and a minute has not passed
		w.ledger.Lock()
		w.ledger.Step += 2 * time.Minute
		w.ledger.Unlock()
		w.within(10 * time.Minute)
		job, first := w.job(), w.wechat.followers[0]
		if got := len(w.wechat.person(recipient{job.MsgID, first}).told); job.State != pushd.Succeeded || job.Counts.Sent != 60 || got != 1 {
			w.violated("%s %s (%s), %+v; asked %d times, got it %d times", job.State, job.Reason, job.Detail, job.Counts, tries[first], got)
		}
	})
}

// Also when no other message can have been sent for the account as far as is known, a
// first 40241 to a recipient in doubt is no proof: a sender that pushd can't see may have
// caused it. They are asked again, and get the message.
func TestSender_FirstDuplicateOfAQuietAccount(t *testing.T) {
	var victim pushd.OpenID
	tries := 0
	withWeChatAt(t, 1, 200, func(w *sim, to pushd.OpenID) *pushd.Answer {
		if victim == "" && time.Since(w.start) > 150*time.Second {
			victim = to
		}
		if to != victim {
			return nil
		}
		switch tries++; tries {
		case 1:
			return &pushd.Answer{Verdict: pushd.Busy, Code: -1, Ambiguous: true}
		case 2:
			return &pushd.Answer{Verdict: pushd.DeferShort, Code: pushd.CodeDuplicate}
		}
		return nil
	}, func(w *sim) {
		w.within(20 * time.Minute)
		job := w.job()
		if got := len(w.wechat.person(recipient{job.MsgID, victim}).told); job.State != pushd.Succeeded || job.Counts.Sent != 200 || got != 1 {
			w.violated("%s (%s): %+v; %s was asked %d times and got it %d times", job.State, job.Detail, job.Counts, victim, tries, got)
		}
	})
}
