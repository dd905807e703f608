package ledgertest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pushd"
)

func refusalRules() []rule {
	return []rule{
		{"Refusals", refusals},
		{"RefusalsOfMany", refusalsOfMany},
		{"RefusalsAge", refusalsAge},
	}
}

// refusers are those of some who have refused.
func (f *bench) refusers(app pushd.AppID, id pushd.TemplateID, within time.Duration, who ...pushd.OpenID) []pushd.OpenID {
	f.t.Helper()
	all, err := f.Again().Refused(f.ctx, app, id, within, who)
	f.ok(err)
	slices.Sort(all)
	return all
}

// A refusal is one account's, one recipient's, byte for byte, and of the template
// that was refused last.
func refusals(t *testing.T, f *bench) {
	f.ok(f.Refuse(f.ctx, appID, "t1", openids("oA", "oB", "o-_")))
	f.ok(f.Refuse(f.ctx, appID, "t1", openids("oA"))) // once more
	f.ok(f.Refuse(f.ctx, appID, "t1", nil))
	all := openids("oA", "oa", "oB", "oC", "o-_", "o-x")
	if got := f.refusers(appID, "t1", time.Hour, all...); !slices.Equal(got, openids("o-_", "oA", "oB")) {
		t.Errorf("refused %v", got)
	}
	if got := f.refusers(otherApp, "t1", time.Hour, all...); len(got) != 0 {
		t.Errorf("of another account %v", got)
	}
	if got := f.refusers(appID, "T1", time.Hour, all...); len(got) != 0 {
		t.Errorf("of another template %v", got)
	}
	if got := f.refusers(appID, "t1", time.Hour); len(got) != 0 {
		t.Errorf("of nobody %v", got)
	}
	f.ok(f.Refuse(f.ctx, appID, "t2", openids("oB")))
	if got := f.refusers(appID, "t1", time.Hour, all...); !slices.Equal(got, openids("o-_", "oA")) {
		t.Errorf("who has refused another template since: %v", got)
	}
	for _, want := range []bool{true, false} {
		if was, err := f.DropRefusal(f.ctx, appID, "oA"); err != nil || was != want {
			t.Errorf("dropped %v, %v, want %v", was, err, want)
		}
	}
	if got := f.refusers(appID, "t1", time.Hour, all...); !slices.Equal(got, openids("o-_")) {
		t.Errorf("after one was dropped: %v", got)
	}
}

// A page full of them is looked up as one.
func refusalsOfMany(t *testing.T, f *bench) {
	var all, odd []pushd.OpenID
	for i := range 2500 {
		id := pushd.OpenID(fmt.Sprintf("o%04d", i))
		if all = append(all, id); i%2 == 1 {
			odd = append(odd, id)
		}
	}
	f.ok(f.Refuse(f.ctx, appID, "t1", odd))
	if got := f.refusers(appID, "t1", time.Hour, all...); !slices.Equal(got, odd) {
		t.Errorf("%d of %d, want %d", len(got), len(all), len(odd))
	}
	now := f.tick()
	for n := 0; ; n++ {
		more, err := f.PurgeRefusals(f.ctx, now)
		f.ok(err)
		if !more {
			break
		}
		if n == 10 {
			t.Fatal("there is always more to purge")
		}
	}
	if got := f.refusers(appID, "t1", time.Hour, all...); len(got) != 0 {
		t.Errorf("%d are left", len(got))
	}
}

// An old refusal does not count, and goes.
func refusalsAge(t *testing.T, f *bench) {
	f.ok(f.Refuse(f.ctx, appID, "t1", openids("oA")))
	between := f.tick()
	f.ok(f.Refuse(f.ctx, appID, "t1", openids("oB")))
	f.tick()
	if got := f.refusers(appID, "t1", time.Microsecond, "oA", "oB"); len(got) != 0 {
		t.Errorf("within a microsecond %v", got)
	}
	if more, err := f.PurgeRefusals(f.ctx, between); err != nil || more {
		t.Errorf("purged: more %v, %v", more, err)
	}
	if got := f.refusers(appID, "t1", time.Hour, "oA", "oB"); !slices.Equal(got, openids("oB")) {
		t.Errorf("after the purge %v", got)
	}
}
