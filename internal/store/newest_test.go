package store_test

import (
	"testing"

	"pushd"
)

// The newest job of a channel is the one that was made last, also where the
// database's clock was set back in between.
func TestStore_NewestWhateverTheClockSays(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		first := f.create(actID, appID)
		f.set(`UPDATE pushd_job SET created_at = ?, active_actid = NULL, state = 'canceled' WHERE id = ?`, future*2, first.ID)
		second, err := f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: start + 60, Deadline: future})
		f.ok(err)
		if last, err := f.Last(f.ctx, actID); err != nil || last.ID != second.ID {
			t.Errorf("the newest job is %s of %s, %v; it was made at %d, and the one before at %d", last.ID, second.ID, err, second.CreatedAt, future*2)
		}
		other := f.create(43, "wx2")
		if other.CreatedAt >= future*2 {
			t.Errorf("another channel's job was made at %d", other.CreatedAt)
		}
	})
}

// A record that was given up, of a page on a list that was forgotten since,
// can't land on the page that has its number now.
func TestStore_LateRecordOfAForgottenList(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		j := f.walked([]pushd.OpenID{"oA", "oB"})
		f.record(j.Lease(), 1, sent, failed)
		rev := f.number(`SELECT rev FROM pushd_progress`)
		f.ok(f.StartOver(f.ctx, j.Lease(), f.job(j.ID).Walk.PassAt))
		f.ok(f.StorePage(f.ctx, j.Lease(), pushd.Page{No: 1, OpenIDs: []pushd.OpenID{"oC", "oD"}}, pushd.Walk{Pages: 1, Walked: 2}))
		if now := f.number(`SELECT rev FROM pushd_progress`); now <= rev {
			t.Errorf("the new page takes records from %d on, the last one of the old list was %d", now, rev)
		}
	})
}
