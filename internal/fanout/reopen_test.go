package fanout

import (
	"testing"
	"time"
)

// again makes the world's first job, which has ended, a retry.
func (w *sim) again(who Again) {
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	for _, j := range w.ledger.jobs {
		j.State, j.Retry, j.FinishedAt = Queued, who, 0
	}
	w.processes[0].engine.Wake()
}

// A retry sends to those who failed, once each; with AgainUnknown also to the
// unknown, who count as in doubt because they may have it.
func TestRun_Retry(t *testing.T) {
	for who, want := range map[Again]map[PersonState]int{
		AgainFailed:  {PersonSent: 35, PersonUnknown: 4, PersonFailed: 1},
		AgainUnknown: {PersonSent: 39, PersonFailed: 1},
	} {
		healed, asked := false, 0
		withWeChat(t, 40, func(_ *sim, to OpenID) *Answer {
			switch last := to[len(to)-1]; {
			case to == "o0000007":
				asked++
				return &Answer{Verdict: Other, Code: 48003}
			case !healed && last == '8': // four, and o0000007 makes five
				return &Answer{Verdict: Other, Code: 48003}
			case !healed && last == '9': // four
				return &Answer{Verdict: Busy, Code: -1, Ambiguous: true}
			}
			return nil
		}, func(w *sim) {
			w.within(5 * time.Minute)
			if got := w.states(); got[PersonFailed] != 5 || got[PersonUnknown] != 4 {
				w.violated("before the retry: %v", got)
			}
			w.mu.Lock()
			healed, asked = true, 0
			w.mu.Unlock()
			w.again(who)
			w.within(5 * time.Minute)
			got, job := w.states(), w.job()
			for state, n := range want {
				if got[state] != n {
					w.violated("%s: recipients %v, want %v", who, got, want)
				}
			}
			if asked != 1 {
				w.violated("%s: who fails again was sent to %d times", who, asked)
			}
			if doubt := job.Counts.InDoubt; who == AgainUnknown && doubt != 4 || who == AgainFailed && doubt != 0 {
				w.violated("%s: in doubt %d", who, doubt)
			}
		})
	}
}

// A retry that is stopped before it has begun with somebody leaves them where
// they are: on their list.
func TestRun_RetryStopped(t *testing.T) {
	down := false
	withWeChat(t, 400, func(_ *sim, to OpenID) *Answer {
		switch {
		case down:
			return &Answer{Verdict: Busy, Code: CodeNotSent}
		case to[len(to)-1] == '8': // forty
			return &Answer{Verdict: Other, Code: 48003}
		}
		return nil
	}, func(w *sim) {
		w.within(5 * time.Minute)
		before := w.states()
		w.mu.Lock()
		down = true
		w.mu.Unlock()
		w.again(AgainFailed)
		time.Sleep(20 * time.Second)
		w.processes[0].stop()
		<-w.processes[0].ended
		got := w.states()
		if got[PersonFailed]+got[Refused] != before[PersonFailed] || got[PersonSent] != before[PersonSent] || got[PersonFailed] == 0 {
			w.violated("before %v, after %v", before, got)
		}
	})
}

// A job in which nobody got the message and somebody failed has not succeeded,
// and neither has a small one in which half failed.
func TestVerdictOn(t *testing.T) {
	for _, c := range []struct {
		counts Counts
		want   State
	}{
		{Counts{}, Succeeded},
		{Counts{Skipped: 5}, Succeeded},
		{Counts{Unknown: 5}, Succeeded},
		{Counts{Failed: 1}, Failed},
		{Counts{Failed: 150}, Failed},
		{Counts{Failed: 1, Skipped: 100}, Failed},
		{Counts{Failed: 1, Sent: 1}, Succeeded},
		{Counts{Failed: 9, Sent: 1}, Succeeded},
		{Counts{Failed: 10, Sent: 10}, Failed},
		{Counts{Failed: 10, Sent: 10, Unknown: 1}, Succeeded},
		{Counts{Failed: 300, Sent: 1_000_000}, Succeeded},
	} {
		e := verdictOn(Job{Counts: c.counts}).(*ended)
		if e.State != c.want || (e.State == Failed) != (e.Reason == TooManyFailures) {
			t.Errorf("%+v: %s %s, want %s", c.counts, e.State, e.Reason, c.want)
		}
	}
}
