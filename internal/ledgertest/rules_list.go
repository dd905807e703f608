package ledgertest

import (
	"errors"
	"slices"
	"testing"

	"pushd"
)

func listRules() []rule {
	return []rule{
		{"ListIsStable", listIsStable},
		{"QueuePosition", queuePosition},
	}
}

func listIsStable(t *testing.T, f *bench) {
	var ids []pushd.JobID
	for i := range 9 {
		ids = append(ids, f.create(pushd.ActID(50+i), pushd.AppID("wx"+string(rune('a'+i%2)))).ID)
	}
	newer := pushd.ActID(100)
	list := func(flt pushd.Filter) (got []pushd.JobID) {
		for {
			jobs, next, err := f.Jobs(f.ctx, flt)
			f.ok(err)
			for _, j := range jobs {
				got = append(got, j.ID)
			}
			if next == "" {
				return got
			}
			if len(got) == flt.Limit { // a newer job changes nothing for a reader on the way
				newer++
				f.create(newer, "wxnew")
			}
			flt.Cursor = next
		}
	}
	got := list(pushd.Filter{Limit: 2})
	sorted, all := slices.Clone(got), slices.Clone(ids)
	slices.Sort(sorted)
	slices.Sort(all)
	if !slices.Equal(sorted, all) {
		t.Errorf("list %v, want every one of %v once", got, ids)
	}
	if got := list(pushd.Filter{Limit: 100, AppID: "wxa"}); len(got) != 5 {
		t.Errorf("by account: %v", got)
	}
	if got := list(pushd.Filter{Limit: 100, ActID: 52}); len(got) != 1 || got[0] != ids[2] {
		t.Errorf("by channel: %v", got)
	}
	if got := list(pushd.Filter{Limit: 100, States: []pushd.State{pushd.Running, pushd.Failed}}); len(got) != 0 {
		t.Errorf("by state: %v", got)
	}
	if got := list(pushd.Filter{Limit: 100, Since: future}); len(got) != 0 {
		t.Errorf("since the future: %v", got)
	}
	if got := list(pushd.Filter{Limit: 100, AppID: "\xff'"}); len(got) != 0 {
		t.Errorf("by an account that cannot be: %v", got)
	}
	for _, bad := range []string{"x", "!!", "MTIz"} {
		if _, _, err := f.Jobs(f.ctx, pushd.Filter{Limit: 2, Cursor: bad}); !errors.Is(err, pushd.ErrCursor) {
			t.Errorf("cursor %q: %v", bad, err)
		}
	}
}

func queuePosition(t *testing.T, f *bench) {
	running := f.claimed(alice)
	a, b, other := f.create(43, appID), f.create(44, appID), f.create(45, "wx2")
	f.due(b.ID, future-1)
	for id, want := range map[pushd.JobID]int{running.ID: 0, b.ID: 1, a.ID: 2, other.ID: 1, "none": 0} {
		if n, err := f.QueuePosition(f.ctx, id); err != nil || n != want {
			t.Errorf("position of %s: %d %v, want %d", id, n, err, want)
		}
	}
}
