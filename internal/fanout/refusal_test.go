package fanout

import (
	"testing"
	"testing/synctest"
	"time"

	"pushd"
)

// A job goes on after another has learned who refuses: they are skipped, but for
// those who may have its message already. The judge of the simulation knows both.
func TestRun_RefusedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, false)
		w.wechat.followers = ids(0, 60)
		refusing := w.wechat.followers[5:]
		for _, who := range refusing {
			w.wechat.codes[who] = fakePerson{code: 43101}
		}
		active := func(j *fakeJob) bool { return j.State.Active() }
		ended := func() {
			for end := time.Now().Add(5 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
				if _, err := w.ledger.Pick(active); err != nil || time.Now().After(end) {
					return
				}
			}
		}
		w.boot(0)
		w.post(1, pushd.Request{Rate: 3})
		for w.job().Counts.Sent < 4 {
			time.Sleep(100 * time.Millisecond)
		}
		w.kill(w.processes[0])
		id := w.job().ID
		_, then := w.ledger.Everyone(id)
		w.moveTo(600, pushd.StatusNotNotified) // so that it is another job's turn
		w.boot(0)
		ended()
		w.post(1, pushd.Request{})
		ended()
		time.Sleep(time.Minute)
		w.moveTo(-600, pushd.StatusNotNotified)
		w.post(1, pushd.Request{Continue: true})
		ended()
		if job, err := w.ledger.Job(t.Context(), id); err != nil || job.State != pushd.Succeeded {
			t.Errorf("%s %s (%s), %v", job.State, job.Reason, job.Detail, err)
		}
		asked, spared := 0, 0
		msg, now := w.ledger.Everyone(id)
		for _, who := range refusing {
			code, requests := int32(pushd.CodeRefusedBefore), 0
			if then[who].State == pushd.InDoubt {
				code, requests = 43101, 1
				asked++
			} else {
				spared++
			}
			got := 0
			if p := w.wechat.people[recipient{msg, who}]; p != nil {
				got = p.requests
			}
			if now[who] != (pushd.Person{State: pushd.PersonSkipped, Code: code}) || got != requests {
				t.Errorf("%s, who was %v, is %v and was asked %d times", who, then[who], now[who], got)
			}
		}
		if asked == 0 || spared == 0 {
			t.Errorf("%d asked, %d spared", asked, spared)
		}
		if s := w.processes[0].engine.Stats(); s.RefusedBefore != uint64(spared) || s.NotOnList != 0 {
			t.Errorf("counted are %d refused before and %d not on the list, %d were spared", s.RefusedBefore, s.NotOnList, spared)
		}
		w.end()
		if w.judgeRefusals(); len(w.wrong) > 0 {
			t.Error(w.wrong)
		}
	})
}
