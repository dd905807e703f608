package ledgertest

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"pushd"
)

func activityRules() []rule {
	return []rule{
		{"ActivityListsWhatMaySend", activityListsWhatMaySend},
		{"ActivityEnds", activityEnds},
		{"ActivityOfAPage", activityOfAPage},
		{"ActivityOfAPutBackPage", activityOfAPutBackPage},
		{"CreateAfter", createAfter},
		{"CreateAfterAtOnce", createAfterAtOnce},
		{"CommandAfter", commandAfter},
	}
}

func (f *bench) activity(since pushd.Time) pushd.Activity {
	f.t.Helper()
	a, err := f.Activity(f.ctx, appID, since)
	f.ok(err)
	return a
}

// All jobs of the account that have not ended are listed, the last first, and none
// of another account.
func activityListsWhatMaySend(t *testing.T, f *bench) {
	first := f.create(actID, appID)
	f.tick()
	second := f.create(43, appID)
	f.create(44, otherApp)
	want := []pushd.JobActivity{{Job: second.ID}, {Job: first.ID}}
	if a := f.activity(future); !slices.Equal(a.Jobs, want) || a.Version != 2 {
		t.Errorf("%+v, want %+v", a, want)
	}
	if a, err := f.Activity(f.ctx, "wx0000000000000009", 0); err != nil || a.Version != 0 || len(a.Jobs) != 0 {
		t.Errorf("of an account without a job: %+v, %v", a, err)
	}
}

// A job that has ended counts from its last message on, but for one that has never
// sent; one whose process has not let go may still send.
func activityEnds(t *testing.T, f *bench) {
	idle := f.create(43, appID)
	f.cancel(idle.ID)
	held := f.claimed(alice)
	f.cancel(held.ID)
	if a := f.activity(0); !slices.Equal(a.Jobs, []pushd.JobActivity{{Job: held.ID}}) {
		t.Errorf("before its process has let go: %+v", a.Jobs)
	}
	f.ok(f.Release(f.ctx, held.Lease()))
	if a := f.activity(0); len(a.Jobs) != 0 {
		t.Errorf("none has sent: %+v", a.Jobs)
	}
	sender := f.create(45, appID)
	sender, err := f.Claim(f.ctx, alice, sender.ID, term)
	f.ok(err)
	f.ok(f.SaveSent(f.ctx, sender.Lease(), 777))
	f.cancel(sender.ID)
	f.ok(f.Release(f.ctx, sender.Lease()))
	end := f.job(sender.ID).FinishedAt
	if a := f.activity(end); !slices.Equal(a.Jobs, []pushd.JobActivity{{Job: sender.ID, Until: end}}) {
		t.Errorf("%+v, want %s until %d", a.Jobs, sender.ID, end)
	}
	if a := f.activity(end + 1); len(a.Jobs) != 0 {
		t.Errorf("after its end: %+v", a.Jobs)
	}
}

// A process that died has told nobody when it sent last: that a recipient may have
// been sent to is enough.
func activityOfAPage(t *testing.T, f *bench) {
	j := f.walked(openids("a", "b"))
	f.cancel(j.ID)
	f.lapse(j.ID)
	if a := f.activity(0); len(a.Jobs) != 0 {
		t.Errorf("before the watermark: %+v", a.Jobs)
	}
	other := f.create(43, appID)
	other, err := f.Claim(f.ctx, bob, other.ID, term)
	f.ok(err)
	f.ok(f.StorePage(f.ctx, other.Lease(), pushd.Page{No: 1, OpenIDs: openids("a", "b")}, pushd.Walk{Pass: 1, Pages: 1, Walked: 2}))
	f.ok(f.Record(f.ctx, other.Lease(), []pushd.Progress{{Page: 1, People: 2, Mark: 1, DoubtAt: 7}}))
	f.cancel(other.ID)
	f.lapse(other.ID)
	if a := f.activity(0); len(a.Jobs) != 1 || a.Jobs[0].Job != other.ID || a.Jobs[0].Until == 0 {
		t.Errorf("behind the watermark: %+v", a.Jobs)
	}
}

// A job that was stopped behind its watermark and before its first send has sent
// nothing: its worker has put everyone back. Where WeChat has refused them they were
// sent to.
func activityOfAPutBackPage(t *testing.T, f *bench) {
	for _, c := range []struct {
		act    pushd.ActID
		errors map[int]int64
		jobs   int
	}{{42, nil, 0}, {43, map[int]int64{45009: 1}, 1}} {
		j := f.create(c.act, appID)
		j, err := f.Claim(f.ctx, alice, j.ID, term)
		f.ok(err)
		f.ok(f.StorePage(f.ctx, j.Lease(), pushd.Page{No: 1, OpenIDs: openids("a", "b")}, pushd.Walk{Pass: 1, Pages: 1, Walked: 2}))
		f.ok(f.Record(f.ctx, j.Lease(), []pushd.Progress{{Page: 1, People: 2, Mark: 1, DoubtAt: 7}}))
		f.cancel(j.ID)
		f.ok(f.Record(f.ctx, j.Lease(), []pushd.Progress{{Page: 1, People: 2, Mark: 1, Counts: pushd.Counts{Errors: c.errors},
			Outcomes: pushd.EncodePersons(nil, []pushd.Person{{State: pushd.Refused}, {}})}}))
		f.ok(f.Release(f.ctx, j.Lease()))
		if a := f.activity(0); len(a.Jobs) != c.jobs {
			t.Errorf("errors %v: %+v, want %d", c.errors, a.Jobs, c.jobs)
		}
	}
}

// Whoever has decided by an activity makes no job once another one of the account
// was accepted; those of other accounts do not matter.
func createAfter(t *testing.T, f *bench) {
	asked := func(act pushd.ActID) pushd.Job {
		f.channel(act, appID)
		return pushd.Job{ActID: act, AppID: appID, StartTime: start, Deadline: future}
	}
	none := f.activity(0)
	f.create(44, otherApp)
	first, err := f.CreateAfter(f.ctx, asked(actID), none)
	f.ok(err)
	_, err = f.CreateAfter(f.ctx, asked(43), none)
	f.want(err, pushd.ErrOvertaken)
	seen := f.activity(0)
	f.cancel(first.ID) // that is no acceptance
	_, err = f.CreateAfter(f.ctx, asked(43), seen)
	f.ok(err)
	seen = f.activity(0)
	f.create(45, appID)
	_, err = f.CreateAfter(f.ctx, asked(46), seen)
	f.want(err, pushd.ErrOvertaken)
	if _, err := f.Active(f.ctx, 46); !errors.Is(err, pushd.ErrNotFound) {
		t.Errorf("a job that was overtaken: %v", err)
	}
	_, err = f.CreateAfter(f.ctx, asked(43), f.activity(0))
	f.want(err, pushd.ErrExists)
	if a, err := f.Again().Activity(f.ctx, appID, 0); err != nil || a.Version != f.activity(0).Version {
		t.Errorf("another process sees %+v, %v", a, err)
	}
}

// Of many who have decided by the same activity, in two processes, one makes a job.
func createAfterAtOnce(t *testing.T, f *bench) {
	const n = 12
	processes := []Ledger{f.Ledger, f.Again()}
	for round := range 2 { // of an account that is not known, and of one that is
		first := pushd.ActID(100 + n*round)
		for i := range n {
			f.channel(first+pushd.ActID(i), appID)
		}
		seen := f.activity(0)
		var made atomic.Int32
		failed := make(chan error, n)
		atOnce(n, func(i int) {
			_, err := processes[i%2].CreateAfter(f.ctx, pushd.Job{ActID: first + pushd.ActID(i), AppID: appID, StartTime: start, Deadline: future}, seen)
			switch {
			case err == nil:
				made.Add(1)
			case !errors.Is(err, pushd.ErrOvertaken):
				failed <- fmt.Errorf("process %d: %w", i%2, err)
			}
		})
		close(failed)
		for err := range failed {
			t.Error(err)
		}
		if made.Load() != 1 {
			t.Errorf("round %d: %d jobs were made, want 1", round, made.Load())
		}
	}
}

// A command that was decided by an activity is one that accepts, too.
func commandAfter(t *testing.T, f *bench) {
	j := f.create(actID, appID)
	f.cancel(j.ID)
	again := pushd.Command{From: pushd.EndedStates, To: pushd.Queued}
	seen := f.activity(0)
	f.create(43, appID)
	again.After = &seen
	_, err := f.Command(f.ctx, j.ID, again)
	f.want(err, pushd.ErrOvertaken)
	if got := f.job(j.ID); got.State != pushd.Canceled {
		t.Errorf("overtaken, and yet %s", got.State)
	}
	seen = f.activity(0)
	if got, err := f.Command(f.ctx, j.ID, again); err != nil || got.State != pushd.Queued {
		t.Errorf("%s, %v", got.State, err)
	}
	if v := f.activity(0).Version; v != seen.Version+1 {
		t.Errorf("version %d after it, want %d", v, seen.Version+1)
	}
}
