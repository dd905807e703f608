package ledgertest

import (
	"maps"
	"slices"
	"testing"

	"pushd"
)

func statusRules() []rule {
	return []rule{
		{"Standing", standing},
		{"EndedAtOnce", endedAtOnce},
		{"StandingCounts", standingCounts},
		{"CorrectStatus", correctStatus},
		{"Statuses", statuses},
		{"CorrectStatusAfterASave", correctStatusAfterASave},
		{"CorrectStatusOfAGoneChannel", correctStatusOfAGoneChannel},
	}
}

// The reconciler looks after the newest job of each reminder, active or ended,
// and in pages of any size sees each of them once.
func standing(t *testing.T, f *bench) {
	active := f.create(43, "wx2")
	before := f.create(44, "wx3")
	f.cancel(before.ID)
	since := f.tick()
	recent := f.create(45, "wx4")
	f.cancel(recent.ID)
	f.cancel(f.create(actID, appID).ID)
	second, err := f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: start, Run: 1, Deadline: future})
	f.ok(err)
	moved, err := f.Create(f.ctx, pushd.Job{ActID: 46, AppID: "wx5", StartTime: start, Deadline: future})
	f.ok(err)
	f.cancel(moved.ID)
	other, err := f.Create(f.ctx, pushd.Job{ActID: 46, AppID: "wx5", StartTime: start + 60, Deadline: future})
	f.ok(err)

	for _, limit := range []int{1, 2, 10} {
		// By channel; of one channel each reminder's newest.
		if got, want := f.working(limit), []pushd.JobID{second.ID, active.ID, other.ID}; !slices.Equal(got, want) {
			t.Errorf("working %v, want %v", got, want)
		}
		if got, want := f.ended(pushd.EndMark{At: since}, future, limit), []pushd.JobID{recent.ID, moved.ID}; !slices.Equal(got, want) {
			t.Errorf("ended since %d: %v, want %v", since, got, want)
		}
		if got, want := f.ended(pushd.EndMark{}, f.job(moved.ID).FinishedAt, limit), []pushd.JobID{before.ID, recent.ID}; !slices.Equal(got, want) {
			t.Errorf("ended before the last one: %v, want %v", got, want)
		}
	}
}

// Of jobs that ended at the same moment none is left out.
func endedAtOnce(t *testing.T, f *bench) {
	var want []pushd.JobID
	for i := range 5 {
		j := f.create(pushd.ActID(50+i), "wx2")
		f.cancel(j.ID)
		want = append(want, j.ID)
	}
	slices.Sort(want)
	at := f.job(want[0]).FinishedAt
	f.EndAt(want, at)
	for _, limit := range []int{1, 2, 3} {
		if got := f.ended(pushd.EndMark{At: at}, at+1, limit); !slices.Equal(got, want) {
			t.Errorf("in pages of %d: %v, want %v", limit, got, want)
		}
		if got := f.ended(pushd.EndMark{At: at, Job: want[1]}, at+1, limit); !slices.Equal(got, want[2:]) {
			t.Errorf("behind the second in pages of %d: %v, want %v", limit, got, want[2:])
		}
	}
	if got := f.ended(pushd.EndMark{At: at + 1}, future, 10); len(got) != 0 {
		t.Errorf("after the end of all: %v", got)
	}
}

// The reconciler is shown the counts that are stored with a job.
func standingCounts(t *testing.T, f *bench) {
	j := f.walked(openids("oA", "oB"))
	f.record(j.Lease(), 1, sent, sent)
	if got := f.stored(j.ID); got.Sent != 0 {
		t.Errorf("before anything was stored: %+v", got)
	}
	f.ok(f.Release(f.ctx, j.Lease()))
	if got := f.stored(j.ID); got.Sent != 2 {
		t.Errorf("after the release: %+v", got)
	}
}

func correctStatus(t *testing.T, f *bench) {
	j := f.claimed(alice)
	correct := func(seen pushd.Job, status int) bool {
		done, err := f.CorrectStatus(f.ctx, seen, start, status)
		f.ok(err)
		return done
	}
	f.save(actID, start)
	if !correct(j, 1) || f.status(actID) != 1 {
		t.Errorf("status %d, want 1", f.status(actID))
	}
	f.ok(f.Finish(f.ctx, j.Lease(), pushd.Ending{State: pushd.Failed, Reason: pushd.WeChatRefused}))
	if correct(j, 1) || f.status(actID) != 3 {
		t.Errorf("a job that has ended meanwhile: status %d, want 3", f.status(actID))
	}
	ended := f.job(j.ID)
	_, err := f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: start, Run: 9, Deadline: future})
	f.ok(err)
	if correct(ended, 3) || f.status(actID) != 1 {
		t.Errorf("a channel that has a newer job: status %d, want 1", f.status(actID))
	}
}

// The columns of many channels are read at once; of one that is not there nothing
// is said.
func statuses(t *testing.T, f *bench) {
	f.create(actID, appID)
	f.create(43, "wx2")
	f.save(43, start)
	got, err := f.Statuses(f.ctx, []pushd.ActID{actID, 43, 999})
	f.ok(err)
	if want := map[pushd.ActID]int{actID: 1, 43: 0}; !maps.Equal(got, want) {
		t.Errorf("statuses %v, want %v", got, want)
	}
	if got, err := f.Statuses(f.ctx, nil); err != nil || len(got) != 0 {
		t.Errorf("of no channel: %v %v", got, err)
	}
}

// What the reconciler read of a channel may be old when it writes: a save that
// came in between, with another start and a 0 that asks for a new reminder, is
// not overwritten.
func correctStatusAfterASave(t *testing.T, f *bench) {
	j := f.claimed(alice)
	f.save(actID, start+3600)
	if done, err := f.CorrectStatus(f.ctx, j, start, 1); err != nil || done || f.status(actID) != 0 {
		t.Errorf("written %v %v: status %d, want the platform's 0", done, err, f.status(actID))
	}
}

// A channel that is gone has no column to correct, and that is well.
func correctStatusOfAGoneChannel(t *testing.T, f *bench) {
	j, err := f.Create(f.ctx, pushd.Job{ActID: 999, AppID: "wx9", StartTime: start, Deadline: future})
	f.ok(err)
	if done, err := f.CorrectStatus(f.ctx, j, start, 1); err != nil || !done {
		t.Errorf("corrected %v, %v", done, err)
	}
	_, err = f.Channel(f.ctx, 999)
	f.want(err, pushd.ErrNotFound)
}
