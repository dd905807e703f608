package store_test

import (
	"errors"
	"slices"
	"testing"

	"pushd"
	"pushd/internal/store"
)

// A purge that was cut short after its first step shows the same sums, and is
// finished later.
func TestStore_PurgeCutShort(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		j := f.walked([]pushd.OpenID{"oA"}, []pushd.OpenID{"oB"})
		f.record(j.Lease(), 1, sent)
		f.record(j.Lease(), 2, sent)
		f.ok(f.Finish(f.ctx, j.Lease(), pushd.Ending{State: pushd.Succeeded}))
		f.set(`UPDATE pushd_job SET purged_at = 5`)
		f.set(`DELETE FROM pushd_page WHERE page_no = 1`)
		f.set(`DELETE FROM pushd_progress WHERE page_no = 1`)
		if _, err := f.Purge(f.ctx, future); err != nil {
			t.Fatal(err)
		}
		if got := f.job(j.ID); got.Counts.Sent != 2 || f.number(`SELECT COUNT(*) FROM pushd_page`) != 0 {
			t.Errorf("%d sent, %d pages", got.Counts.Sent, f.number(`SELECT COUNT(*) FROM pushd_page`))
		}
	})
}

// A list shows every job once, also those that were made in one moment.
func TestStore_ListIsStable(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		var want []pushd.JobID
		for i := range 9 {
			want = append(want, f.create(pushd.ActID(50+i), pushd.AppID("wx"+string(rune('a'+i%2)))).ID)
		}
		f.set(`UPDATE pushd_job SET created_at = created_at - created_at % 1000000000 + actid - actid % 3`)
		var got []pushd.JobID
		for flt := (pushd.Filter{Limit: 2}); ; {
			jobs, next, err := f.Jobs(f.ctx, flt)
			f.ok(err)
			for _, j := range jobs {
				got = append(got, j.ID)
			}
			if flt.Cursor = next; next == "" {
				break
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("list %v, want every one of %v once", got, want)
		}
	})
}

// A row that can't be used says nothing of its start.
func TestStore_CorrectStatusOfAnOddRow(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		j := f.claimed(alice)
		f.set(`UPDATE activity SET start_time = 1`)
		f.set(`UPDATE activity_detail SET live_notify_status = 0`)
		if done, err := f.CorrectStatus(f.ctx, j, 1, 1); err != nil || done || f.status(actID) != 0 {
			t.Errorf("written %v %v: status %d, want the platform's 0", done, err, f.status(actID))
		}
	})
}

func TestStore_Channel(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		_, err := f.Channel(f.ctx, 999)
		f.want(err, pushd.ErrNotFound)
		c, err := f.Channel(f.ctx, actID)
		f.ok(err)
		if c.AppID != appID || c.Title != "第一课" || c.StartTime != start || c.TemplateID != "tpl1" || c.UIN != "42" || *c.NotifyMinutes != 30 {
			t.Errorf("channel %+v", c)
		}
		f.set(`INSERT INTO activity (id, uin) VALUES (77, 77)`) // nothing else is known
		c, err = f.Channel(f.ctx, 77)
		f.ok(err)
		if c.AppID != "" || c.StartTime != 0 || c.TemplateID != "" || c.ConfigEnabled != nil || c.LiveNotify != nil || c.NotifyMinutes != nil || c.Status != nil {
			t.Errorf("channel %+v", c)
		}
		opt := f.opt
		opt.ChannelQuery = `SELECT id AS act_id, uin FROM activity WHERE id = ?`
		s, err := store.Open(f.ctx, opt)
		f.ok(err)
		defer s.Close()
		if _, err := s.Channel(f.ctx, actID); err == nil || errors.Is(err, pushd.ErrNotFound) {
			t.Errorf("a query without its columns: %v", err)
		}
	})
}
