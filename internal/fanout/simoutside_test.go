package fanout

import (
	"context"
	"sync"
	"time"

	"pushd"
)

// outside is what the world outside of pushd knows of what has happened: the
// judge excuses nothing that does not follow from them.
type outside struct {
	mu       *sync.Mutex
	off      bool                 // the platform has switched the reminder off
	moved    map[pushd.ActID]int  // how often it has saved another start
	restarts map[pushd.ActID]int  // how often a person asked for a restart
	canceled map[pushd.JobID]bool // by a person
	accepted map[pushd.MsgID]bool // a person accepted that some get the message twice
	back     time.Duration        // by how much the database's clock was set back in all
	// doubt has those who have the message, when a process took the job over
	// and the database did not know that they have it: the process before it has
	// died, or was cut off, before it could say so.
	doubt map[recipient]bool
	// unsure has those of whom the database did not know whether they have the
	// message, when a process took the job over.
	unsure map[recipient]bool
	// forgotten has those whose outcome, or that they were about to be sent to,
	// was committed and is lost: the database came back as it was before.
	forgotten map[recipient]bool
	forgotAt  time.Time
	asked     map[pushd.OpenID]bool // for the streams, at some time
	left      map[pushd.OpenID]bool // and took that back
	refused   map[pushd.Reason]bool // WeChat answered what may end a job so
}

func newOutside() outside {
	return outside{mu: &sync.Mutex{}, moved: map[pushd.ActID]int{}, restarts: map[pushd.ActID]int{}, canceled: map[pushd.JobID]bool{}, accepted: map[pushd.MsgID]bool{},
		doubt: map[recipient]bool{}, unsure: map[recipient]bool{}, forgotten: map[recipient]bool{}, refused: map[pushd.Reason]bool{},
		asked: map[pushd.OpenID]bool{}, left: map[pushd.OpenID]bool{}}
}

func (f *outside) note(change func(*outside)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// clock notes a step of the database's clock.
func (f *outside) clock(step time.Duration) {
	f.note(func(f *outside) { f.back += max(0, -step) })
}

// commanded notes what a person asks of a job.
func (w *sim) commanded(id pushd.JobID, cmd pushd.Command) {
	job, _ := w.ledger.Job(context.Background(), id)
	w.wentOn(job, cmd)
	w.outside.note(func(f *outside) {
		if cmd.To == pushd.Canceled && cmd.Reason == pushd.CanceledByUser {
			f.canceled[id] = true
		}
		if cmd.Retry != nil && *cmd.Retry == pushd.AgainUnknown || cmd.Resume && job.Reason == pushd.LedgerWentBack {
			f.accepted[job.MsgID] = true
		}
	})
}

// recorded is the database of a controller to which nothing happens.
type recorded struct {
	*fakeLedger
	w *sim
}

func (r recorded) Command(ctx context.Context, id pushd.JobID, cmd pushd.Command) (pushd.Job, error) {
	r.w.commanded(id, cmd)
	return r.fakeLedger.Command(ctx, id, cmd)
}

// tookOver notes who has the message although the database does not know, and of
// whom it does not know whether they have it, at the moment when a process takes a
// job over.
func (w *sim) tookOver(id pushd.JobID) {
	msg, people := w.ledger.Everyone(id)
	w.wechat.mu.Lock()
	defer w.wechat.mu.Unlock()
	w.outside.note(func(f *outside) {
		for who, p := range people {
			r := recipient{msg, who}
			if told := w.wechat.people[r]; told != nil && len(told.told) > 0 && p.State != pushd.PersonSent {
				f.doubt[r] = true
			}
			if p.State == pushd.InDoubt {
				f.unsure[r] = true
			}
		}
	})
}

// noteForgotten compares the database with what it will be. With a claim it also loses
// that those in doubt are in doubt because of that claim: an earlier one has not sent to
// them, and is the last of which the database knows.
func (w *sim) noteForgotten(old *fakeLedger) {
	for _, id := range w.ledger.IDs() {
		msg, now := w.ledger.Everyone(id)
		_, then := old.Everyone(id)
		claimed := old.ByID[id] == nil || old.ByID[id].Epoch != w.ledger.ByID[id].Epoch
		w.outside.note(func(f *outside) {
			f.forgotAt = time.Now()
			for who, p := range now {
				if then[who] != p || claimed && p.State == pushd.InDoubt {
					f.forgotten[recipient{msg, who}] = true
				}
			}
		})
	}
}
