package fanout

import (
	"testing"
	"time"

	"pushd"
)

// again makes the world's first job, which has ended, a retry.
func (w *sim) again(who pushd.Again) {
	w.ledger.Lock()
	defer w.ledger.Unlock()
	for _, j := range w.ledger.ByID {
		j.State, j.Retry, j.FinishedAt = pushd.Queued, who, 0
	}
	w.processes[0].engine.Wake()
}

// A retry sends to those who failed, once each; with AgainUnknown also to the
// unknown, who count as in doubt because they may have it.
func TestRun_Retry(t *testing.T) {
	for who, want := range map[pushd.Again]map[pushd.PersonState]int{
		pushd.AgainFailed:  {pushd.PersonSent: 35, pushd.PersonUnknown: 4, pushd.PersonFailed: 1},
		pushd.AgainUnknown: {pushd.PersonSent: 39, pushd.PersonFailed: 1},
	} {
		healed, asked := false, 0
		withWeChat(t, 40, func(_ *sim, to pushd.OpenID) *pushd.Answer {
			switch last := to[len(to)-1]; {
			case to == "o0000007":
				asked++
				return &pushd.Answer{Verdict: pushd.Other, Code: 48003}
			case !healed && last == '8': // four, and o0000007 makes five
				return &pushd.Answer{Verdict: pushd.Other, Code: 48003}
			case !healed && last == '9': // four
				return &pushd.Answer{Verdict: pushd.Busy, Code: -1, Ambiguous: true}
			}
			return nil
		}, func(w *sim) {
			w.within(5 * time.Minute)
			if got := w.states(); got[pushd.PersonFailed] != 5 || got[pushd.PersonUnknown] != 4 {
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
			if doubt := job.Counts.InDoubt; who == pushd.AgainUnknown && doubt != 4 || who == pushd.AgainFailed && doubt != 0 {
				w.violated("%s: in doubt %d", who, doubt)
			}
		})
	}
}

// A retry that is stopped before it has begun with somebody leaves them where
// they are: on their list.
func TestRun_RetryStopped(t *testing.T) {
	down := false
	withWeChat(t, 400, func(_ *sim, to pushd.OpenID) *pushd.Answer {
		switch {
		case down:
			return &pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeNotSent}
		case to[len(to)-1] == '8': // forty
			return &pushd.Answer{Verdict: pushd.Other, Code: 48003}
		}
		return nil
	}, func(w *sim) {
		w.within(5 * time.Minute)
		before := w.states()
		w.mu.Lock()
		down = true
		w.mu.Unlock()
		w.again(pushd.AgainFailed)
		time.Sleep(20 * time.Second)
		w.processes[0].stop()
		<-w.processes[0].ended
		got := w.states()
		if got[pushd.PersonFailed]+got[pushd.Refused] != before[pushd.PersonFailed] || got[pushd.PersonSent] != before[pushd.PersonSent] || got[pushd.PersonFailed] == 0 {
			w.violated("before %v, after %v", before, got)
		}
	})
}
