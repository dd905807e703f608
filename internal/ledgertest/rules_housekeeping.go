package ledgertest

import (
	"slices"
	"testing"

	"pushd"
)

func housekeepingRules() []rule {
	return []rule{
		{"Expire", expire},
		{"Purge", purge},
		{"PurgeTakesTheLastSums", purgeTakesTheLastSums},
		{"PurgeSaysWhetherThereIsMore", purgeSaysWhetherThereIsMore},
		{"RemovesJobs", removesJobs},
		{"RemovesJobsInTurns", removesJobsInTurns},
		{"Texts", texts},
		{"ExpireInOrder", expireInOrder},
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
