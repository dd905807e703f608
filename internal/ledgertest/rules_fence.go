package ledgertest

import (
	"errors"
	"testing"

	"pushd"
)

// fenceRules are about who may write what of a job.
func fenceRules() []rule {
	return []rule{
		{"ZombieWritesAreRefused", zombieWritesAreRefused},
		{"NoWritesAfterRelease", noWritesAfterRelease},
		{"LateWalkLosesToANewerPage", lateWalkLosesToANewerPage},
		{"RecordIsIdempotent", recordIsIdempotent},
		{"StartOver", startOver},
		{"LateStartOver", lateStartOver},
		{"LateRecordOfAFinishedJob", lateRecord(finished)},
		{"LateRecordOfACanceledJob", lateRecord(canceled)},
		{"LateRecordOfAJobCanceledWhileQueued", lateRecord(canceledWhileQueued)},
		{"PageZero", pageZero},
		{"SaveQuota", saveQuota},
	}
}

// A zombie is a worker whose job was claimed by another: none of its writes
// may land.
func zombieWritesAreRefused(t *testing.T, f *bench) {
	j := f.walked([]pushd.OpenID{"oA", "oB"})
	zombie := j.Lease()
	f.record(zombie, 1, sent, pushd.Person{})
	f.lapse(j.ID)
	_, err := f.Claim(f.ctx, bob, j.ID, term)
	f.ok(err)
	before := f.job(j.ID)
	n := int64(7)
	for name, write := range map[string]func() error{
		"Record": func() error {
			return f.Record(f.ctx, zombie, []pushd.Progress{ProgressOf(1, sent, sent)})
		},
		"StorePage": func() error {
			return f.StorePage(f.ctx, zombie, pushd.Page{No: 2, OpenIDs: []pushd.OpenID{"oC"}}, pushd.Walk{Pages: 2})
		},
		"SaveWalk": func() error { return f.SaveWalk(f.ctx, zombie, pushd.Walk{Pages: 1, Complete: true}) },
		"SaveMessage": func() error {
			_, err := f.SaveMessage(f.ctx, zombie, pushd.Prepared{Message: &pushd.Message{}})
			return err
		},
		"SaveQuota": func() error { return f.SaveQuota(f.ctx, zombie, &n, &n) },
		"Park":      func() error { return f.Park(f.ctx, zombie, pushd.Parking{Until: future}) },
		"Finish":    func() error { return f.Finish(f.ctx, zombie, pushd.Ending{State: pushd.Failed}) },
	} {
		if err := write(); !errors.Is(err, pushd.ErrLost) {
			t.Errorf("%s: %v, want ErrLost", name, err)
		}
	}
	f.ok(f.Release(f.ctx, zombie)) // no error, and no effect
	lost, err := f.Renew(f.ctx, alice, term, []pushd.Held{{Lease: zombie}})
	f.ok(err)
	if len(lost) != 1 || lost[0] != j.ID {
		t.Errorf("lost %v", lost)
	}
	after := f.job(j.ID)
	after.Now, before.Now = 0, 0
	if after.Owner != bob || after.State != pushd.Running || after.Walk != before.Walk || after.Counts.Sent != 1 || after.Prepared.Message != nil || after.QuotaRemain != nil {
		t.Errorf("a zombie changed the job:\n%+v\n%+v", before, after)
	}
	if n := f.pages(j.ID); n != 1 {
		t.Errorf("%d pages", n)
	}
}

// After the lease was given back the worker has nothing to say any more.
func noWritesAfterRelease(t *testing.T, f *bench) {
	j := f.walked([]pushd.OpenID{"oA"})
	l := j.Lease()
	f.ok(f.Release(f.ctx, l))
	f.want(f.SaveWalk(f.ctx, l, pushd.Walk{Pages: 1}), pushd.ErrLost)
	f.want(f.Finish(f.ctx, l, pushd.Ending{State: pushd.Failed}), pushd.ErrLost)
	if j := f.job(l.Job); j.State != pushd.Queued || j.Owner != (pushd.Owner{}) {
		t.Errorf("released: %+v", j)
	}
}

func lateWalkLosesToANewerPage(t *testing.T, f *bench) {
	j := f.walked([]pushd.OpenID{"oA"}, []pushd.OpenID{"oB"})
	f.want(f.SaveWalk(f.ctx, j.Lease(), pushd.Walk{Pass: 1, Cursor: "oA", Pages: 1, Walked: 1}), pushd.ErrLost)
	f.want(f.StorePage(f.ctx, j.Lease(), pushd.Page{No: 2, OpenIDs: []pushd.OpenID{"oB"}}, pushd.Walk{Pages: 2}), pushd.ErrExists)
	f.want(f.StorePage(f.ctx, j.Lease(), pushd.Page{No: 4, OpenIDs: []pushd.OpenID{"oX"}}, pushd.Walk{Pages: 4}), pushd.ErrLost)
	if after := f.job(j.ID); after.Walk != j.Walk {
		t.Errorf("walk %+v, want %+v", after.Walk, j.Walk)
	}
}

// The same write twice leaves the same rows and is no error, also where the
// database counts only rows that changed.
func recordIsIdempotent(t *testing.T, f *bench) {
	j := f.walked([]pushd.OpenID{"oA", "oB", "oC"})
	l := j.Lease()
	want := ProgressOf(1, sent, failed, unknown)
	want.DoubtAt, want.Counts.Retries, want.Counts.InDoubt = 12345, 3, 1
	for range 3 {
		f.ok(f.Record(f.ctx, l, []pushd.Progress{want}))
	}
	got, err := f.Progress(f.ctx, l.Job, 1, 9)
	f.ok(err)
	if len(got) != 1 || string(got[0].Outcomes) != string(want.Outcomes) || got[0].Mark != 3 || got[0].DoubtAt != 12345 ||
		got[0].Counts.Retries != 3 || got[0].Counts.InDoubt != 1 || got[0].Counts.Errors[40003] != 1 || !got[0].Done() {
		t.Errorf("progress %+v", got)
	}
	f.want(f.Record(f.ctx, l, []pushd.Progress{{Page: 2, People: 1}}), pushd.ErrLost) // no such page
}

// A list that belonged to another account is forgotten as a whole; a late
// worker can't do that.
func startOver(t *testing.T, f *bench) {
	j := f.walked(openids("oA", "oB"), openids("oC"))
	f.record(j.Lease(), 1, failed)
	f.want(f.StartOver(f.ctx, pushd.Lease{Job: j.ID, Epoch: j.Epoch - 1}, 0), pushd.ErrLost)
	f.ok(f.StartOver(f.ctx, j.Lease(), 0))
	f.ok(f.StartOver(f.ctx, j.Lease(), 0)) // the answer was lost
	if got := f.job(j.ID); got.Walk != (pushd.Walk{}) || got.Counts.Settled() != 0 {
		t.Errorf("after it: %+v %+v", got.Walk, got.Counts)
	}
	f.ok(f.StorePage(f.ctx, j.Lease(), pushd.Page{No: 1, OpenIDs: openids("oD")}, pushd.Walk{Pass: 1, Pages: 1, Walked: 1}))
	if b, err := f.People(f.ctx, j.ID, 1, 0, 100); err != nil || string(b) != "oD\n" {
		t.Errorf("page 1 holds %q, %v", b, err)
	}
}

// A statement that starts over and was given up must not remove the next list,
// nor one of a job that a command has taken out of the worker's hands.
func lateStartOver(t *testing.T, f *bench) {
	j := f.claimed(alice)
	page := func(at pushd.Time) {
		f.ok(f.StorePage(f.ctx, j.Lease(), pushd.Page{No: 1, OpenIDs: openids("oA")}, pushd.Walk{Pass: 1, Pages: 1, Walked: 1, PassAt: at}))
	}
	page(7)
	f.ok(f.StartOver(f.ctx, j.Lease(), 7))
	page(8)
	f.want(f.StartOver(f.ctx, j.Lease(), 7), pushd.ErrLost)
	_, err := f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Paused})
	f.ok(err)
	f.want(f.StartOver(f.ctx, j.Lease(), 8), pushd.ErrLost)
	if got := f.job(j.ID).Walk.Pages; got != 1 || f.pages(j.ID) != 1 {
		t.Errorf("%d pages are left", got)
	}
}

// lateRecord is the rule that nothing is recorded behind an end of a job that has no
// worker: its sums are those of its lists.
func lateRecord(end func(f *bench, l pushd.Lease)) func(*testing.T, *bench) {
	return func(t *testing.T, f *bench) {
		j := f.walked(openids("oA", "oB"))
		f.record(j.Lease(), 1, sent, failed)
		end(f, j.Lease())
		f.want(f.Record(f.ctx, j.Lease(), []pushd.Progress{ProgressOf(1, sent, sent)}), pushd.ErrLost)
		rows, err := f.Progress(f.ctx, j.ID, 1, 1)
		f.ok(err)
		if got := f.job(j.ID).Counts; got.Sent != 1 || got.Failed != 1 || got.Errors[40003] != 1 || len(rows) != 1 || rows[0].Counts.Sent != 1 {
			t.Errorf("the job says %+v, its pages %+v", got, rows)
		}
	}
}

func finished(f *bench, l pushd.Lease) { f.ok(f.Finish(f.ctx, l, succeeded)) }

// canceled is a job whose worker records until it gives it back.
func canceled(f *bench, l pushd.Lease) {
	f.cancel(l.Job)
	f.record(l, 1, sent, failed)
	f.ok(f.Release(f.ctx, l))
}

func canceledWhileQueued(f *bench, l pushd.Lease) {
	f.ok(f.Release(f.ctx, l))
	f.cancel(l.Job)
}

// Pages are numbered from 1.
func pageZero(t *testing.T, f *bench) {
	j := f.walked(openids("oA"))
	if rows, err := f.Progress(f.ctx, j.ID, 0, 5); err != nil || len(rows) != 1 || rows[0].Counts.Errors != nil {
		t.Errorf("%+v, %v", rows, err)
	}
	if rows, err := f.Progress(f.ctx, "none", 0, 5); err != nil || len(rows) != 0 {
		t.Errorf("%+v, %v", rows, err)
	}
	f.want(f.Record(f.ctx, j.Lease(), []pushd.Progress{{Page: 0}}), pushd.ErrLost)
	_, err := f.People(f.ctx, j.ID, 0, 0, 10)
	f.want(err, pushd.ErrNotFound)
	if b, err := f.People(f.ctx, j.ID, 1, 100, 10); err != nil || len(b) != 0 {
		t.Errorf("behind the page: %q, %v", b, err)
	}
	if got := f.job(j.ID).Counts; got.Errors != nil {
		t.Errorf("nobody has failed: %+v", got)
	}
}

// The quota is shown as it was told last.
func saveQuota(t *testing.T, f *bench) {
	j := f.claimed(alice)
	remain, short := int64(5), int64(0)
	f.ok(f.SaveQuota(f.ctx, j.Lease(), &remain, &short))
	remain = 99
	if got := f.job(j.ID); got.QuotaRemain == nil || *got.QuotaRemain != 5 || got.Shortfall == nil || *got.Shortfall != 0 {
		t.Errorf("%v %v", got.QuotaRemain, got.Shortfall)
	}
	f.ok(f.SaveQuota(f.ctx, j.Lease(), nil, nil))
	if got := f.job(j.ID); got.QuotaRemain != nil || got.Shortfall != nil {
		t.Errorf("%v %v", got.QuotaRemain, got.Shortfall)
	}
}
