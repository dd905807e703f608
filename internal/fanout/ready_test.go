package fanout

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
)

// Until the tables are those of this program it takes no work and writes
// nothing; when they become another's, what runs is finished and nothing more
// is taken.
func TestEngine_WorksOnItsOwnTablesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, false)
		w.wechat.followers = ids(0, 60)
		var ready atomic.Bool
		w.change = func(c *Config) { c.Ready = ready.Load }
		w.boot(0)
		w.post(1, pushd.Request{Rate: 2})
		time.Sleep(30 * time.Second)
		if job := w.job(); job.State != pushd.Queued || job.Epoch != 0 {
			t.Errorf("not ready: %s, epoch %d", job.State, job.Epoch)
		}
		if h := w.processes[0].engine.Health("not migrated", ""); h.Parts[0].Status != pushd.OK {
			t.Errorf("the database answers, but health says %+v", h.Parts[0])
		}
		ready.Store(true)
		time.Sleep(3 * time.Second)
		if job := w.job(); job.State != pushd.Running {
			t.Errorf("ready: %s", job.State)
		}
		ready.Store(false)
		w.post(2, pushd.Request{})
		w.within(time.Minute)
		time.Sleep(time.Minute)
		if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 60 {
			t.Errorf("what ran: %s, %+v", job.State, job.Counts)
		}
		if other, err := w.ledger.Pick(func(j *fakeJob) bool { return j.ActID == 2 }); err != nil || other.State != pushd.Queued {
			t.Errorf("the next: %s, %v", other.State, err)
		}
		w.end()
	})
}
