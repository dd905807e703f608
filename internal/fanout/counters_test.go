package fanout

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
)

// A job that will be done after its deadline is at risk as soon as its rate shows
// it, and not any more when the deadline has moved.
func TestStats_JobsAtRisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, false)
		w.wechat.followers = ids(0, 4000)
		w.boot(0)
		deadline := time.Now().Add(3 * time.Minute).Unix()
		job := w.posted(t, pushd.Request{Rate: 10, Deadline: deadline})
		want := func(after time.Duration, n int) {
			t.Helper()
			time.Sleep(after)
			if got := w.processes[0].engine.Stats().JobsAtRisk; got != n {
				t.Errorf("%d at risk, want %d", got, n)
			}
		}
		want(15*time.Second, 1)
		_, err := w.ledger.Command(t.Context(), job, pushd.Command{From: pushd.ActiveStates, Deadline: pushd.Time(time.Now().Add(time.Hour).UnixMicro())})
		if err != nil {
			t.Error(err)
		}
		want(15*time.Second, 0)
		w.end()
	})
}

// What a person has stopped is no lease that was lost, and counts as canceled.
func TestStats_Canceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, false)
		w.wechat.followers = ids(0, 4000)
		w.boot(0)
		job := w.posted(t, pushd.Request{Rate: 100})
		time.Sleep(5 * time.Second)
		e := w.processes[0].engine
		j, err := w.ledger.Command(t.Context(), job, pushd.Command{From: pushd.ActiveStates, To: pushd.Canceled, Reason: pushd.CanceledByUser})
		if err != nil {
			t.Error(err)
		}
		e.Follow(t.Context(), j)
		e.find(job).lost(context.Background()) // a write that came behind the command
		time.Sleep(20 * time.Second)
		if s := e.Stats(); s.LeasesLost != 0 || s.JobsEnded[pushd.Canceled] != 1 {
			t.Errorf("%d leases lost, %v ended", s.LeasesLost, s.JobsEnded)
		}
		w.end()
	})
}

// posted posts the reminder of channel 1 and returns its job.
func (w *sim) posted(t *testing.T, r pushd.Request) pushd.JobID {
	t.Helper()
	w.post(1, r)
	j, err := w.ledger.Active(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return j.ID
}
