package store_test

import (
	"testing"

	"pushd"
	"pushd/internal/ledgertest"
)

// A statement that its sender has given up may still be under way in the
// server. It must not land on top of what was written since.
func TestStore_LateRecordLosesToANewerOne(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		j := f.walked([]pushd.OpenID{"oA", "oB"})
		l := j.Lease()
		f.record(l, 1, sent, sent)
		rev := f.number(`SELECT rev FROM pushd_progress`)
		f.set(`UPDATE pushd_progress SET rev = ?`, rev+100) // written meanwhile
		f.want(f.Record(f.ctx, l, []pushd.Progress{ledgertest.ProgressOf(1, sent, pushd.Person{})}), pushd.ErrLost)
		if n := f.number(`SELECT sent FROM pushd_progress`); n != 2 {
			t.Errorf("%d sent, want 2", n)
		}
	})
}

// Whether a lease has lapsed is not read off a clock, for another node of the
// database may have written it by its own.
func TestStore_Leases(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		f.claimed(alice)
		for _, at := range []int64{1, 1 << 60} {
			f.set(`UPDATE pushd_job SET lease_until = ?`, at)
			if due, err := f.Due(f.ctx, 10); err != nil || len(due) != 0 {
				t.Errorf("a lease until %d counts as lapsed: %v, %v", at, due, err)
			}
		}
	})
}
