package fanout

import (
	"testing"
	"time"

	"pushd"
)

// The database's clock is set ahead between the two 40241 to a recipient in
// doubt: the other message that caused the first is not forgotten for it, and
// who got nothing does not count as delivered.
func TestSender_DuplicateAfterAClockStep(t *testing.T) {
	tries := map[pushd.OpenID]int{}
	withWeChat(t, 60, func(w *sim, to pushd.OpenID) *pushd.Answer {
		tries[to]++
		switch first := to == w.wechat.followers[0]; {
		case !first && tries[to] == 1, first && tries[to] > 1:
			return &pushd.Answer{Verdict: pushd.DeferShort, Code: pushd.CodeDuplicate}
		case first:
			return &pushd.Answer{Verdict: pushd.Busy, Code: -1, Ambiguous: true}
		}
		return nil
	}, func(w *sim) {
		time.Sleep(20 * time.Second) // the first 40241 to each was heard, and a minute has not passed
		w.ledger.Lock()
		w.ledger.Step += 2 * time.Minute
		w.ledger.Unlock()
		w.within(10 * time.Minute)
		if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 59 || job.Counts.Unknown != 1 {
			w.violated("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
		}
	})
}
