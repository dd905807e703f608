package ledgertest

import (
	"slices"
	"testing"
	"time"

	"pushd"
)

func receiptRules() []rule {
	return []rule{
		{"ReceiptsCountOnce", receiptsCountOnce},
		{"ReceiptsTheBetterOneCounts", receiptsTheBetterOneCounts},
		{"ReceiptsOfTwoProcesses", receiptsOfTwoProcesses},
		{"ReceiptsChangeNoOutcome", receiptsChangeNoOutcome},
		{"ReceiptsGoWithTheRecipients", receiptsGoWithTheRecipients},
		{"ReceiptsAreClosedOnce", receiptsAreClosedOnce},
		{"SentJobs", sentJobsRule},
		{"SentPages", sentPagesRule},
	}
}

// found are receipts of one page, of the recipients from the first on.
func found(page int, receipts ...pushd.Receipt) pushd.FoundReceipts {
	f := pushd.FoundReceipts{Page: page}
	for i, r := range receipts {
		f.Receipts = append(f.Receipts, pushd.IndexedReceipt{Index: i, Receipt: r})
	}
	return f
}

// receive saves receipts, and returns what that has gained.
func (f *bench) receive(id pushd.JobID, pages ...pushd.FoundReceipts) pushd.ReceiptCounts {
	f.t.Helper()
	gain, err := f.SaveReceipts(f.ctx, id, pages)
	f.ok(err)
	return gain
}

// receipts are the sums of a job.
func (f *bench) receipts(id pushd.JobID) pushd.ReceiptCounts {
	f.t.Helper()
	sums, err := f.ReceiptSums(f.ctx, []pushd.JobID{id, "none"})
	f.ok(err)
	if _, there := sums["none"]; there {
		f.t.Error("a job that is not there has receipts")
	}
	return sums[id]
}

func receiptsCountOnce(t *testing.T, f *bench) {
	j := f.walked(openids("oA", "oB", "oC"), openids("oD", "oE"))
	first := f.receive(j.ID, found(1, pushd.ReceiptDelivered, pushd.ReceiptBlocked), found(2, pushd.ReceiptSystemFailed))
	if want := (pushd.ReceiptCounts{Delivered: 1, Blocked: 1, SystemFailed: 1}); first != want || f.receipts(j.ID) != want {
		t.Errorf("gained %+v, stored %+v, want %+v", first, f.receipts(j.ID), want)
	}
	again := f.receive(j.ID, found(2, pushd.ReceiptSystemFailed, pushd.ReceiptFreqLimit), found(1, pushd.ReceiptDelivered))
	if want := (pushd.ReceiptCounts{FreqLimit: 1}); again != want {
		t.Errorf("gained %+v, want %+v", again, want)
	}
	if want := (pushd.ReceiptCounts{Delivered: 1, Blocked: 1, SystemFailed: 1, FreqLimit: 1}); f.receipts(j.ID) != want {
		t.Errorf("stored %+v, want %+v", f.receipts(j.ID), want)
	}
	for id, want := range map[pushd.OpenID]pushd.Receipt{
		"oA": pushd.ReceiptDelivered, "oB": pushd.ReceiptBlocked, "oC": pushd.NoReceipt, "oD": pushd.ReceiptSystemFailed, "oE": pushd.ReceiptFreqLimit,
	} {
		if r, err := f.Recipient(f.ctx, j.ID, id); err != nil || r.Receipt != want {
			t.Errorf("%s has %q %v, want %q", id, r.Receipt, err, want)
		}
	}
}

// Whatever comes last, and however often: the better one stands.
func receiptsTheBetterOneCounts(t *testing.T, f *bench) {
	j := f.walked(openids("oA"))
	for i, step := range []struct {
		comes pushd.Receipt
		want  pushd.ReceiptCounts
	}{
		{pushd.ReceiptOther, pushd.ReceiptCounts{Other: 1}},
		{pushd.ReceiptFreqLimit, pushd.ReceiptCounts{FreqLimit: 1}},
		{pushd.ReceiptSystemFailed, pushd.ReceiptCounts{FreqLimit: 1}},
		{pushd.ReceiptBlocked, pushd.ReceiptCounts{Blocked: 1}},
		{pushd.ReceiptDelivered, pushd.ReceiptCounts{Delivered: 1}},
		{pushd.ReceiptBlocked, pushd.ReceiptCounts{Delivered: 1}},
	} {
		f.receive(j.ID, found(1, step.comes))
		if got := f.receipts(j.ID); got != step.want {
			t.Errorf("step %d: %+v, want %+v", i, got, step.want)
		}
	}
}

// Two processes have the same receipts, and each some of its own: each recipient
// counts once.
func receiptsOfTwoProcesses(t *testing.T, f *bench) {
	const people, pages = 200, 3
	var all [][]pushd.OpenID
	for no := range pages {
		all = append(all, bigPage(no + 1)[:people])
	}
	j := f.walked(all...)
	ledgers := []Ledger{f.Ledger, f.Again()}
	gains := make([]pushd.ReceiptCounts, 8)
	atOnce(len(gains), func(i int) {
		for round := range 10 {
			var rows []pushd.FoundReceipts
			for no := range pages {
				p := pushd.FoundReceipts{Page: no + 1}
				for at := range people {
					if at%10 == round || at%len(gains) == i {
						p.Receipts = append(p.Receipts, pushd.IndexedReceipt{Index: at, Receipt: pushd.ReceiptDelivered})
					}
				}
				rows = append(rows, p)
			}
			if i%2 == 1 {
				slices.Reverse(rows)
			}
			gain, err := ledgers[i%2].SaveReceipts(f.ctx, j.ID, rows)
			if err != nil {
				t.Error(err)
				return
			}
			gains[i] = gains[i].Plus(gain)
		}
	})
	var sum pushd.ReceiptCounts
	for _, g := range gains {
		sum = sum.Plus(g)
	}
	if want := (pushd.ReceiptCounts{Delivered: people * pages}); f.receipts(j.ID) != want || sum != want {
		t.Errorf("stored %+v, gained %+v in all, want %+v", f.receipts(j.ID), sum, want)
	}
}

func receiptsChangeNoOutcome(t *testing.T, f *bench) {
	j := f.walked(openids("oA", "oB"))
	f.record(j.Lease(), 1, sent, failed)
	before, err := f.Progress(f.ctx, j.ID, 1, 1)
	f.ok(err)
	f.receive(j.ID, found(1, pushd.ReceiptSystemFailed, pushd.ReceiptDelivered))
	after, err := f.Progress(f.ctx, j.ID, 1, 1)
	f.ok(err)
	if !slices.Equal(before[0].Outcomes, after[0].Outcomes) || f.job(j.ID).Counts.Sent != 1 {
		t.Errorf("outcomes %v, then %v", before[0].Outcomes, after[0].Outcomes)
	}
	var got []pushd.Failure
	f.ok(f.Failures(f.ctx, j.ID, []pushd.PersonState{pushd.PersonSent, pushd.PersonFailed}, func(x pushd.Failure) error { got = append(got, x); return nil }))
	want := []pushd.Failure{
		{OpenID: "oA", State: pushd.PersonSent, Page: 1, Receipt: pushd.ReceiptSystemFailed},
		{OpenID: "oB", State: pushd.PersonFailed, Code: 40003, Page: 1, Receipt: pushd.ReceiptDelivered},
	}
	if !slices.Equal(got, want) {
		t.Errorf("list %+v, want %+v", got, want)
	}
}

// The receipts of recipients go with them, the sums with the job.
func receiptsGoWithTheRecipients(t *testing.T, f *bench) {
	j := f.walked(openids("oA"))
	f.record(j.Lease(), 1, sent)
	f.receive(j.ID, found(1, pushd.ReceiptDelivered))
	f.ok(f.Finish(f.ctx, j.Lease(), succeeded))
	want := pushd.ReceiptCounts{Delivered: 1}
	for _, step := range []struct {
		name string
		do   func(pushd.Time) (bool, error)
	}{
		{"Purge", func(t pushd.Time) (bool, error) { return f.Purge(f.ctx, t) }},
		{"RemoveJobs", func(t pushd.Time) (bool, error) { return f.RemoveJobs(f.ctx, t) }},
	} {
		_, err := step.do(future)
		f.ok(err)
		if step.name == "RemoveJobs" {
			want = pushd.ReceiptCounts{}
		}
		_, err = f.SaveReceipts(f.ctx, j.ID, []pushd.FoundReceipts{found(1, pushd.ReceiptBlocked)})
		f.want(err, pushd.ErrNotFound)
		if got := f.receipts(j.ID); got != want {
			t.Errorf("after %s: %+v, want %+v", step.name, got, want)
		}
	}
}

// When no more receipts come that is written down, once, and again if others do.
func receiptsAreClosedOnce(t *testing.T, f *bench) {
	j := f.walked(openids("oA", "oB"))
	f.receive(j.ID, found(1, pushd.ReceiptDelivered))
	closed := func(quiet time.Duration, want int) {
		t.Helper()
		if n, err := f.CloseReceipts(f.ctx, quiet); err != nil || n != want {
			t.Errorf("closed %d %v, want %d", n, err, want)
		}
	}
	closed(time.Hour, 0)
	f.tick()
	closed(0, 1)
	closed(0, 0)
	f.receive(j.ID, found(1, pushd.ReceiptDelivered)) // nothing new
	f.tick()
	closed(0, 0)
	f.receive(j.ID, found(1, pushd.ReceiptDelivered, pushd.ReceiptBlocked))
	f.tick()
	closed(0, 1)
	events, _, err := f.Events(f.ctx, pushd.EventFilter{Job: j.ID, Limit: 50})
	f.ok(err)
	var figures []map[string]int64
	for _, e := range events {
		if e.Kind == pushd.EventReceipts {
			figures = append(figures, e.Figures)
		}
	}
	if len(figures) != 2 || figures[0]["delivered"] != 1 || figures[0]["blocked"] != 0 || figures[1]["blocked"] != 1 {
		t.Errorf("events %+v", figures)
	}
}

// A receipt may belong to a job that has begun and whose recipients are on record.
func sentJobsRule(t *testing.T, f *bench) {
	ids := func() (got []pushd.JobID) {
		t.Helper()
		jobs, err := f.SentJobs(f.ctx, appID)
		f.ok(err)
		for _, j := range jobs {
			got = append(got, j.ID)
		}
		return got
	}
	f.create(43, "wxother")
	queued := f.create(actID, appID)
	if got := ids(); len(got) != 0 {
		t.Errorf("nothing has begun: %v", got)
	}
	j, err := f.Claim(f.ctx, alice, queued.ID, term)
	f.ok(err)
	f.ok(f.StorePage(f.ctx, j.Lease(), pushd.Page{No: 1, OpenIDs: openids("oA")}, pushd.Walk{Pass: 1, Pages: 1, Walked: 1, PassAt: 7, Complete: true}))
	before := f.tick()
	jobs, err := f.SentJobs(f.ctx, appID)
	f.ok(err)
	if len(jobs) != 1 || jobs[0].ID != j.ID || jobs[0].Pages != 1 || jobs[0].PassAt != 7 || jobs[0].StartedAt != j.StartedAt || jobs[0].LastSent < before {
		t.Fatalf("jobs %+v", jobs)
	}
	f.record(j.Lease(), 1, sent)
	f.ok(f.SaveSent(f.ctx, j.Lease(), before))
	f.ok(f.Finish(f.ctx, j.Lease(), succeeded))
	if jobs, err = f.SentJobs(f.ctx, appID); err != nil || len(jobs) != 1 || jobs[0].LastSent != before {
		t.Fatalf("jobs %+v %v, want the last send at %d", jobs, err, before)
	}
	f.tick()
	restarted, err := f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: start, Run: 1, Deadline: future})
	f.ok(err)
	_, err = f.Claim(f.ctx, alice, restarted.ID, term)
	f.ok(err)
	if got := ids(); !slices.Equal(got, []pushd.JobID{restarted.ID, j.ID}) {
		t.Errorf("jobs %v, want the newest first", got)
	}
	_, err = f.Purge(f.ctx, future)
	f.ok(err)
	if got := ids(); !slices.Equal(got, []pushd.JobID{restarted.ID}) {
		t.Errorf("jobs %v, want none whose recipients are gone", got)
	}
}

func sentPagesRule(t *testing.T, f *bench) {
	j := f.walked(openids("oA"), openids("oB"), openids("oC"))
	pages := func() []int {
		t.Helper()
		got, err := f.SentPages(f.ctx, j.ID)
		f.ok(err)
		return got
	}
	if got := pages(); len(got) != 0 {
		t.Errorf("pages %v, nobody was sent to", got)
	}
	f.record(j.Lease(), 1, sent)
	f.ok(f.Record(f.ctx, j.Lease(), []pushd.Progress{{Page: 3, People: 1, Mark: 1}}))
	if got := pages(); !slices.Equal(got, []int{3, 1}) {
		t.Errorf("pages %v, want 3 and 1", got)
	}
}
