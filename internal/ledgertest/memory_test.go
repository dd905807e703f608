package ledgertest_test

import (
	"slices"
	"testing"
	"time"

	"pushd"
	"pushd/internal/ledgertest"
)

// open makes a ledger on maps.
func open(*testing.T) ledgertest.Database {
	l := ledgertest.NewMemory()
	on, minutes := true, int64(30)
	return ledgertest.Database{
		Ledger: l,
		Again:  func() ledgertest.Ledger { return l },
		SetChannel: func(ch pushd.Channel) {
			l.Lock()
			defer l.Unlock()
			ch.LiveNotify, ch.ConfigEnabled, ch.NotifyMinutes, ch.TemplateID = &on, &on, &minutes, "tpl1"
			l.Channels[ch.ActID] = &ch
		},
		SetSubscribers: func(id pushd.ActID, who []pushd.OpenID) {
			l.Lock()
			defer l.Unlock()
			l.Subscribed[id] = slices.Sorted(slices.Values(who))
		},
		EndAt: func(ids []pushd.JobID, at pushd.Time) {
			l.Lock()
			defer l.Unlock()
			for _, id := range ids {
				l.ByID[id].FinishedAt = at
			}
		},
	}
}

func TestLedger(t *testing.T) { ledgertest.Run(t, open) }

// A write that was given up can't land on top of a later one of the same
// process, nor on the page that has the number of a forgotten one.
func TestMemory_LateRecord(t *testing.T) {
	l, ctx := ledgertest.NewMemory(), t.Context()
	j, err := l.Create(ctx, pushd.Job{ActID: 1, AppID: "wx1", Deadline: 1})
	if err != nil {
		t.Fatal(err)
	}
	if j, err = l.Claim(ctx, pushd.Owner{Instance: "a", Boot: "1"}, j.ID, time.Second); err != nil {
		t.Fatal(err)
	}
	page := func(rev int64) error {
		return l.StorePageAs(t.Context(), j.Lease(), pushd.Page{No: 1, OpenIDs: []pushd.OpenID{"a"}}, pushd.Walk{Pages: 1, Walked: 1}, rev)
	}
	record := func(rev int64) error {
		return l.RecordAs(j.Lease(), []pushd.Progress{{Page: 1, People: 1, Mark: 1}}, rev)
	}
	for i, step := range []func() error{
		func() error { return page(1) },
		func() error { return record(3) },
		func() error { return record(3) },
		func() error { return l.StartOver(ctx, j.Lease(), 0) },
		func() error { return page(5) },
	} {
		if err := step(); err != nil {
			t.Errorf("step %d: %v", i, err)
		}
		if err := record(2); i > 0 && err != pushd.ErrLost {
			t.Errorf("a late record after step %d: %v", i, err)
		}
	}
}

// The newest job of a channel is the one that was made last, also where the clock
// was set back in between.
func TestMemory_NewestWhateverTheClockSays(t *testing.T) {
	l, ctx := ledgertest.NewMemory(), t.Context()
	l.Step = time.Hour
	first, err := l.Create(ctx, pushd.Job{ActID: 1, AppID: "wx1", Deadline: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Command(ctx, first.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Canceled}); err != nil {
		t.Fatal(err)
	}
	l.Step = 0
	second, err := l.Create(ctx, pushd.Job{ActID: 1, AppID: "wx1", Deadline: 1, Run: 1})
	if err != nil {
		t.Fatal(err)
	}
	if last, err := l.Last(ctx, 1); err != nil || last.ID != second.ID || second.CreatedAt <= first.CreatedAt {
		t.Errorf("the newest is %s of %s, %v", last.ID, second.ID, err)
	}
}

// A ledger that came back as it was has forgotten what happened since, and what
// it was copied from is not changed by that.
func TestMemory_Restore(t *testing.T) {
	l, ctx := ledgertest.NewMemory(), t.Context()
	j, err := l.Create(ctx, pushd.Job{ActID: 1, AppID: "wx1", Deadline: 1})
	if err != nil {
		t.Fatal(err)
	}
	old := l.Copy()
	cancel := pushd.Command{From: pushd.ActiveStates, To: pushd.Canceled}
	if _, err := l.Command(ctx, j.ID, cancel); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		l.Restore(old)
		if got, err := l.Command(ctx, j.ID, cancel); err != nil || got.State != pushd.Canceled {
			t.Errorf("after it came back: %s, %v", got.State, err)
		}
	}
	if l.Life() != 2 {
		t.Errorf("life %d", l.Life())
	}
}
