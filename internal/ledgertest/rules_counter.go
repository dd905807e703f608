package ledgertest

import (
	"errors"
	"sync/atomic"
	"testing"

	"pushd"
)

func counterRules() []rule {
	return []rule{
		{"Raise", raise},
		{"StepBack", stepBack},
		{"StepBackOnce", stepBackOnce},
		{"StepBackHoldsNothing", stepBackHoldsNothing},
		{"CreateHeld", createHeld},
	}
}

// Several processes raise one counter, and each value is higher than what was
// seen before.
func raise(t *testing.T, f *bench) {
	in, err := f.Installation(f.ctx)
	f.ok(err)
	if in.Counter.Installation == "" || in.Value != 0 || in.Now == 0 {
		t.Errorf("a new installation is %+v", in)
	}
	atOnce(8, func(int) {
		last := pushd.Counter{}
		for range 5 {
			c, err := f.Raise(f.ctx, last.Value)
			if err != nil || c.Value <= last.Value || c.At == 0 || c.Installation != in.Counter.Installation {
				t.Errorf("after %+v comes %+v, %v", last, c, err)
			}
			last = c
		}
	})
	if in, err := f.Installation(f.ctx); err != nil || in.Value != 40 {
		t.Errorf("the counter is %d, %v", in.Value, err)
	}
	f.want(raiseFrom(f, 41), pushd.ErrLost)
	f.ok(raiseFrom(f, 40))
}

// When the ledger went back, every job that has not ended is held: nothing of
// its worker's lands any more, and a person's resume makes it go on.
func stepBack(t *testing.T, f *bench) {
	running := f.walked(openids("a", "b"))
	queued := f.create(43, "wx0000000000000002")
	paused := f.create(44, "wx0000000000000003")
	_, err := f.Command(f.ctx, paused.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Paused})
	f.ok(err)
	ended := f.create(45, "wx0000000000000004")
	_, err = f.Command(f.ctx, ended.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Canceled, Reason: pushd.CanceledByUser})
	f.ok(err)

	in, err := f.Installation(f.ctx)
	f.ok(err)
	lost := pushd.Gap{From: in.Now.Add(-term), To: in.Now}
	back := pushd.StepBack{Found: in.Value, Value: 1000, Lost: lost, Hold: true, Detail: "because"}
	held, err := f.StepBack(f.ctx, back)
	f.ok(err)
	if n, err := f.CountHeld(f.ctx); err != nil || n != 3 || held != 3 {
		t.Errorf("held %d, counted %d, %v", held, n, err)
	}
	for _, id := range []pushd.JobID{running.ID, queued.ID, paused.ID} {
		if j := f.job(id); j.State != pushd.Paused || j.Reason != pushd.LedgerWentBack || j.Detail != "because" || j.Owner != (pushd.Owner{}) || j.Leased != 0 {
			t.Errorf("job %s is %s (%s: %s), of %+v until %d", id, j.State, j.Reason, j.Detail, j.Owner, j.Leased)
		}
	}
	if j := f.job(ended.ID); j.State != pushd.Canceled || j.Reason != pushd.CanceledByUser {
		t.Errorf("the one that had ended is %s (%s)", j.State, j.Reason)
	}
	if in, err := f.Installation(f.ctx); err != nil || in.Value != 1000 || in.Lost != lost || in.At == 0 {
		t.Errorf("afterwards the installation is %+v, %v", in, err)
	}

	// Its worker has lost it, also under an epoch that the lost time may
	// have given out.
	for ahead := range int64(3) {
		l := pushd.Lease{Job: running.ID, Epoch: running.Epoch + ahead}
		f.want(f.Record(f.ctx, l, []pushd.Progress{ProgressOf(1, pushd.Person{State: pushd.PersonSent}, pushd.Person{})}), pushd.ErrLost)
	}
	if gone, err := f.Renew(f.ctx, alice, term, []pushd.Held{{Lease: running.Lease()}}); err != nil || len(gone) != 1 {
		t.Errorf("renewed: lost %v, %v", gone, err)
	}
	if due, err := f.Due(f.ctx, 10); err != nil || len(due) != 0 {
		t.Errorf("due: %v, %v", due, err)
	}

	// Whoever notices later finds another counter, and a resumed job goes on.
	_, err = f.Command(f.ctx, running.ID, pushd.Command{From: pushd.ActiveStates, Resume: true})
	f.ok(err)
	_, err = f.StepBack(f.ctx, back)
	f.want(err, pushd.ErrLost)
	f.want(raiseFrom(f, 1001), pushd.ErrLost)
	f.ok(raiseFrom(f, 999))
	if j, err := f.Claim(f.ctx, bob, running.ID, term); err != nil || j.Epoch <= running.Epoch+2 {
		t.Errorf("claimed under epoch %d, %v", j.Epoch, err)
	}
}

// Of many processes that notice at once one holds the jobs.
func stepBackOnce(t *testing.T, f *bench) {
	f.create(actID, appID)
	f.create(43, "wx0000000000000002")
	in, err := f.Installation(f.ctx)
	f.ok(err)
	var won, held atomic.Int64
	atOnce(8, func(i int) {
		n, err := f.Again().StepBack(f.ctx, pushd.StepBack{Found: in.Value, Value: 100 + int64(i), Hold: true})
		switch {
		case err == nil:
			won.Add(1)
			held.Add(int64(n))
		case errors.Is(err, pushd.ErrLost):
		default:
			t.Error(err)
		}
	})
	if won.Load() != 1 || held.Load() != 2 {
		t.Errorf("%d processes held %d jobs", won.Load(), held.Load())
	}
}

// Without a hold only the counter and the lost time are written.
func stepBackHoldsNothing(t *testing.T, f *bench) {
	j := f.walked(openids("a"))
	in, err := f.Installation(f.ctx)
	f.ok(err)
	held, err := f.StepBack(f.ctx, pushd.StepBack{Found: in.Value, Value: 7})
	f.ok(err)
	if got := f.job(j.ID); held != 0 || got.State != pushd.Running || got.Epoch != j.Epoch {
		t.Errorf("held %d, the job is %s under epoch %d", held, got.State, got.Epoch)
	}
}

// A job can be made as one that is held, and pausing it does not hide why.
func createHeld(t *testing.T, f *bench) {
	j, err := f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: start, Deadline: future,
		State: pushd.Paused, Reason: pushd.LedgerWentBack, Detail: "because"})
	f.ok(err)
	if j.State != pushd.Paused || j.Reason != pushd.LedgerWentBack || j.Detail != "because" || f.status(actID) != 1 {
		t.Errorf("made %s (%s: %s), status %d", j.State, j.Reason, j.Detail, f.status(actID))
	}
	j, err = f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Paused})
	f.ok(err)
	if n, _ := f.CountHeld(f.ctx); n != 1 || j.Reason != pushd.LedgerWentBack || j.Detail != "because" {
		t.Errorf("paused as well it is %s (%s: %s), %d held", j.State, j.Reason, j.Detail, n)
	}
	j, err = f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, Resume: true})
	f.ok(err)
	if j.State != pushd.Queued || j.Reason != "" {
		t.Errorf("resumed it is %s (%s)", j.State, j.Reason)
	}
}

func raiseFrom(f *bench, least int64) error {
	_, err := f.Raise(f.ctx, least)
	return err
}
