package fanout

import (
	"slices"
	"testing"
	"testing/synctest"

	"pushd"
	"pushd/internal/fanout/deferral"
	"pushd/internal/fanout/pagebuffer"
)

// Whom WeChat asked to be left alone is left alone on the next list, too, and who
// may have the message is sent to as somebody who may.
func TestRun_RemembersAForgottenList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := claimed(t, newFakeLedger(), nil, pushd.Walk{})
		l, ctx := r.e.cfg.Ledger, t.Context()
		walk := pushd.Walk{Pass: 1, Pages: 1, Walked: 4, PassAt: r.e.clock.Now()}
		put := pushd.Person{State: pushd.Refused, Code: pushd.CodeDuplicate, Defers: 1}
		late := pushd.Person{State: pushd.Refused, Code: pushd.CodeTooFrequent, Defers: 16} // as it was before
		people := []pushd.Person{put, {State: pushd.InDoubt}, {State: pushd.Refused, Code: 40001}, {State: pushd.PersonFailed, Code: pushd.CodeTooFrequent}}
		store := func(openids []pushd.OpenID, people []pushd.Person) {
			t.Helper()
			if err := l.StorePage(ctx, r.job.Lease(), pushd.Page{No: 1, OpenIDs: openids}, walk); err != nil {
				t.Fatal(err)
			}
			if people == nil {
				return
			}
			row := pushd.Progress{Page: 1, People: 4, Mark: 4, DoubtAt: walk.PassAt, Outcomes: pushd.EncodePersons(nil, people)}
			if err := r.record(ctx, []pushd.Progress{row}, nil); err != nil {
				t.Fatal(err)
			}
		}
		store([]pushd.OpenID{"put", "doubt", "refused", "late"}, people)
		r.frontier.Set(walk)
		if free, err := r.mayStartOver(ctx); err != nil || !free {
			t.Fatal(free, err)
		}
		if err := r.startOver(ctx); err != nil {
			t.Fatal(err)
		}
		store([]pushd.OpenID{"refused", "put", "doubt", "late"}, nil)
		rows, err := l.Progress(ctx, r.job.ID, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		r.frontier.Set(walk)
		r.frontier.End()
		var asked []pushd.Person
		f := &feeder{pages: r.pages, again: pagebuffer.NewReopening(pushd.AgainNobody), frontier: r.frontier, earlier: r.earlier,
			due: func(p pushd.Person) deferral.Turn { asked = append(asked, p); return deferral.Later }, out: make(chan batch, 1)}
		if err := f.page(ctx, rows[0]); err != nil {
			t.Fatal(err)
		}
		if again := r.e.newRun(t.Context(), r.job, r.tenure); !again.earlier.PutOff() || again.earlier.Doubts() != 1 {
			t.Errorf("of the job's next claim: %+v", again.earlier)
		}
		next := r.job
		next.ID = "next"
		if other := r.e.newRun(t.Context(), next, r.tenure); other.earlier.PutOff() || other.earlier.Doubts() != 0 {
			t.Errorf("of the account's next job: %+v", other.earlier)
		}
		b := <-f.out
		row, changed := b.page.Take()
		kept, err := pushd.DecodePersons(row.Outcomes, row.People)
		if !slices.Equal(asked, []pushd.Person{put, late}) || err != nil || !changed || kept[1] != put || kept[3] != late {
			t.Errorf("put off: %+v; on the page %+v, %v", asked, kept, err)
		}
		if len(b.deliveries) != 2 {
			t.Fatalf("deliveries %+v", b.deliveries)
		}
		if refused, doubt := b.deliveries[0], b.deliveries[1]; refused.To != "refused" || refused.InDoubt() || doubt.To != "doubt" || !doubt.InDoubt() || doubt.Since() != walk.PassAt {
			t.Errorf("deliveries %+v, %+v", refused, doubt)
		}
	})
}
