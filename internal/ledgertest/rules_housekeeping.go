package ledgertest

import (
	"maps"
	"slices"
	"testing"

	"pushd"
)

func housekeepingRules() []rule {
	return []rule{
		{"Expire", expire},
		{"Standing", standing},
		{"EndedAtOnce", endedAtOnce},
		{"Purge", purge},
		{"PurgeTakesTheLastSums", purgeTakesTheLastSums},
		{"PurgeSaysWhetherThereIsMore", purgeSaysWhetherThereIsMore},
		{"RemovesJobs", removesJobs},
		{"RemovesJobsInTurns", removesJobsInTurns},
		{"CorrectStatus", correctStatus},
		{"Statuses", statuses},
		{"CorrectStatusAfterASave", correctStatusAfterASave},
		{"Texts", texts},
		{"ExpireInOrder", expireInOrder},
		{"StandingCounts", standingCounts},
		{"CorrectStatusOfAGoneChannel", correctStatusOfAGoneChannel},
	}
}

func expire(t *testing.T, f *bench) {
	j := f.walked([]pushd.OpenID{"oA", "oB"}) // becomes parked
	f.record(j.Lease(), 1, sent, pushd.Person{})
	f.ok(f.Park(f.ctx, j.Lease(), pushd.Parking{Until: future}))
	queued := f.create(43, "wx2")
	paused := f.create(44, "wx3")
	_, err := f.Command(f.ctx, paused.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Paused})
	f.ok(err)
	running := f.create(45, "wx4")
	_, err = f.Claim(f.ctx, alice, running.ID, term)
	f.ok(err)
	f.create(46, "wx5") // its deadline is far away
	if ids, err := f.Expire(f.ctx, 10); err != nil || len(ids) != 0 {
		t.Fatalf("expired before the deadline: %v %v", ids, err)
	}
	for _, id := range []pushd.JobID{j.ID, queued.ID, paused.ID, running.ID} {
		f.due(id, 1)
	}
	ids, err := f.Expire(f.ctx, 10)
	f.ok(err)
	slices.Sort(ids)
	want := []pushd.JobID{j.ID, queued.ID, paused.ID}
	slices.Sort(want)
	if !slices.Equal(ids, want) {
		t.Errorf("expired %v, want %v", ids, want)
	}
	if got := f.job(j.ID); got.State != pushd.Expired || got.Reason != pushd.DeadlinePassed || got.Counts.Sent != 1 || got.FinishedAt == 0 {
		t.Errorf("expired: %+v", got)
	}
	for act := actID; act <= 46; act++ { // the column follows, see CorrectStatus
		if f.status(act) != 1 {
			t.Errorf("status of channel %d: %d", act, f.status(act))
		}
	}
	if ids, err := f.Expire(f.ctx, 10); err != nil || len(ids) != 0 {
		t.Errorf("expired a job that somebody holds: %v %v", ids, err)
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

// A job goes when its own retention is over, its messages too, and not before its
// pages are gone. The channel's reminder can be asked for again then.
func removesJobs(t *testing.T, f *bench) {
	j := f.walked(openids("oA"))
	f.message(j.Lease(), pushd.Prepared{Message: &pushd.Message{TemplateID: "tpl1"}, StartTime: start})
	f.record(j.Lease(), 1, sent)
	f.ok(f.Finish(f.ctx, j.Lease(), succeeded))
	active := f.create(43, "wx2")
	remove := func(before pushd.Time) {
		t.Helper()
		if more, err := f.RemoveJobs(f.ctx, before); err != nil || more {
			t.Fatalf("more %v, %v", more, err)
		}
	}
	ended := f.job(j.ID).FinishedAt
	remove(future)
	f.job(j.ID) // is there: its pages are
	if _, err := f.Purge(f.ctx, future); err != nil {
		t.Fatal(err)
	}
	remove(ended)
	f.job(j.ID) // is there: it ended just then
	remove(ended + 1)
	_, err := f.Job(f.ctx, j.ID)
	f.want(err, pushd.ErrNotFound)
	if versions, err := f.Messages(f.ctx, j.ID); err == nil && len(versions) > 0 {
		t.Errorf("messages of a removed job: %+v", versions)
	}
	f.job(active.ID)
	if again := f.create(actID, appID); again.Run != 0 {
		t.Errorf("run %d of a reminder that is not on record any more", again.Run)
	}
}

// Of many old jobs some hundreds go at a time.
func removesJobsInTurns(t *testing.T, f *bench) {
	const n = 201
	for i := range n {
		j, err := f.Create(f.ctx, pushd.Job{ActID: pushd.ActID(100 + i), AppID: "wx2", StartTime: start, Deadline: future})
		f.ok(err)
		f.cancel(j.ID)
	}
	for more := true; more; {
		var err error
		more, err = f.Purge(f.ctx, future)
		f.ok(err)
	}
	for _, want := range []bool{true, false} {
		if more, err := f.RemoveJobs(f.ctx, future); err != nil || more != want {
			t.Errorf("more %v %v, want %v", more, err, want)
		}
	}
	jobs, _, err := f.Jobs(f.ctx, pushd.Filter{Limit: 10})
	f.ok(err)
	if len(jobs) != 0 {
		t.Errorf("left: %+v", jobs)
	}
}

func purge(t *testing.T, f *bench) {
	pages := make([][]pushd.OpenID, 45) // more than two batches
	for i := range pages {
		pages[i] = []pushd.OpenID{pushd.OpenID(rune('A' + i))}
	}
	j := f.walked(pages...)
	for i := range pages {
		f.record(j.Lease(), i+1, failed)
	}
	f.ok(f.Finish(f.ctx, j.Lease(), pushd.Ending{State: pushd.Succeeded}))
	active := f.create(43, "wx2")
	ended := f.job(j.ID).FinishedAt
	if more, err := f.Purge(f.ctx, ended); err != nil || more || f.pages(j.ID) != 45 {
		t.Errorf("purged too early: %v %v", more, err)
	}
	if more, err := f.Purge(f.ctx, ended+1); err != nil || more {
		t.Errorf("purge: %v %v", more, err)
	}
	if n := f.pages(j.ID); n != 0 {
		t.Errorf("%d pages are left", n)
	}
	_, err := f.People(f.ctx, j.ID, 1, 0, 10)
	f.want(err, pushd.ErrNotFound)
	got := f.job(j.ID)
	if got.PurgedAt == 0 || got.Counts.Failed != 45 || got.Counts.Errors[40003] != 45 || f.job(active.ID).PurgedAt != 0 {
		t.Errorf("purged: %+v", got)
	}
	_, err = f.Recipient(f.ctx, j.ID, "A")
	f.want(err, pushd.ErrNotFound)
	_, err = f.Command(f.ctx, j.ID, pushd.Command{From: pushd.EndedStates, To: pushd.Queued})
	f.want(err, pushd.ErrLost)
}

// The worker of a canceled job died before it gave the lease back: what it
// recorded last must outlive the pages all the same.
func purgeTakesTheLastSums(t *testing.T, f *bench) {
	j := f.walked(openids("oA", "oB"))
	_, err := f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Canceled})
	f.ok(err)
	f.record(j.Lease(), 1, sent, sent)
	_, err = f.Purge(f.ctx, future)
	f.ok(err)
	if got := f.job(j.ID); got.Counts.Sent != 2 || got.PurgedAt == 0 {
		t.Errorf("purged: %+v", got)
	}
}

func purgeSaysWhetherThereIsMore(t *testing.T, f *bench) {
	for i := range 7 {
		j, err := f.Create(f.ctx, pushd.Job{ActID: pushd.ActID(50 + i), AppID: "wx", Deadline: future})
		f.ok(err)
		_, err = f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Canceled})
		f.ok(err)
	}
	for _, want := range []bool{true, false, false} {
		if more, err := f.Purge(f.ctx, future); err != nil || more != want {
			t.Errorf("more %v %v, want %v", more, err, want)
		}
	}
	jobs, _, err := f.Jobs(f.ctx, pushd.Filter{Limit: 10})
	f.ok(err)
	if slices.ContainsFunc(jobs, func(j pushd.Job) bool { return j.PurgedAt == 0 }) || len(jobs) != 7 {
		t.Errorf("not all of 7 are purged: %+v", jobs)
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

func texts(t *testing.T, f *bench) {
	_, err := f.Texts(f.ctx, appID, "tpl1")
	f.want(err, pushd.ErrNotFound)
	for _, url := range []string{"https://a.example", ""} {
		want := pushd.Texts{TemplateID: "tpl1", Content: "标题:{{thing1.DATA}}", Fields: map[string]string{"thing1": "{{title}} 🙂"}, URL: url, MiniProgram: &pushd.MiniProgram{AppID: "m", PagePath: "p?x=1"}}
		f.ok(f.SaveTexts(f.ctx, appID, want))
		got, err := f.Texts(f.ctx, appID, "tpl1")
		f.ok(err)
		if got.Content != want.Content || got.Fields["thing1"] != want.Fields["thing1"] || got.URL != url || *got.MiniProgram != *want.MiniProgram {
			t.Errorf("texts %+v", got)
		}
	}
	_, err = f.Texts(f.ctx, appID, "TPL1")
	f.want(err, pushd.ErrNotFound)
	_, err = f.Texts(f.ctx, "wx2", "tpl1")
	f.want(err, pushd.ErrNotFound) // another account's
}

// What is longest overdue ends first, says why, and takes no record of its last
// worker any more.
func expireInOrder(t *testing.T, f *bench) {
	j := f.walked(openids("oA"))
	f.lapse(j.ID)
	other := f.create(43, "wx2")
	f.due(j.ID, 2)
	f.due(other.ID, 1)
	for _, want := range []pushd.JobID{other.ID, j.ID} {
		if ids, err := f.Expire(f.ctx, 1); err != nil || len(ids) != 1 || ids[0] != want {
			t.Errorf("expired %v, %v, want %s", ids, err, want)
		}
	}
	if got := f.job(j.ID); got.Detail == "" || got.Owner != (pushd.Owner{}) || got.Epoch != j.Epoch+1 {
		t.Errorf("expired: %+v", got)
	}
	f.want(f.Record(f.ctx, j.Lease(), []pushd.Progress{ProgressOf(1, sent)}), pushd.ErrLost)
	if got := f.stored(other.ID); got.Settled() != 0 {
		t.Errorf("%+v", got)
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

// A channel that is gone has no column to correct, and that is well.
func correctStatusOfAGoneChannel(t *testing.T, f *bench) {
	j, err := f.Create(f.ctx, pushd.Job{ActID: 999, AppID: "wx9", StartTime: start, Deadline: future})
	f.ok(err)
	if done, err := f.CorrectStatus(f.ctx, j, start, 1); err != nil || !done {
		t.Errorf("mended %v, %v", done, err)
	}
	_, err = f.Channel(f.ctx, 999)
	f.want(err, pushd.ErrNotFound)
}
