package store_test

import (
	"errors"
	"slices"
	"testing"

	"pushd"
	"pushd/internal/store"
)

func TestStore_Expire(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
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
		early := f.create(46, "wx5")
		if ids, err := f.Expire(f.ctx, 10); err != nil || len(ids) != 0 {
			t.Fatalf("expired before the deadline: %v %v", ids, err)
		}
		f.set(`UPDATE pushd_job SET deadline = 1 WHERE id <> ?`, early.ID)
		f.set(`UPDATE pushd_job SET notified = 1 WHERE id = ?`, queued.ID)
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
		for act := actID; act <= 46; act++ { // the column follows, see MendStatus
			if f.status(act) != 1 {
				t.Errorf("status of channel %d: %d", act, f.status(act))
			}
		}
		if ids, err := f.Expire(f.ctx, 10); err != nil || len(ids) != 0 {
			t.Errorf("expired a job that somebody holds: %v %v", ids, err)
		}
	})
}

func TestStore_Standing(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		end := func(id pushd.JobID, at pushd.Time) {
			_, err := f.Command(f.ctx, id, pushd.Command{From: pushd.ActiveStates, To: pushd.Canceled})
			f.ok(err)
			f.set(`UPDATE pushd_job SET finished_at = ? WHERE id = ?`, at, id)
		}
		active := f.create(43, "wx2")
		old := f.create(44, "wx3")
		end(old.ID, 1000)
		recent := f.create(45, "wx4")
		end(recent.ID, 2000)
		first := f.create(actID, appID)
		end(first.ID, 2000)
		f.set(`UPDATE pushd_job SET created_at = created_at - 1 WHERE id = ?`, first.ID)
		second, err := f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: start, Run: 1, Deadline: future})
		f.ok(err)

		var got []pushd.JobID
		for after := pushd.JobID(""); ; {
			jobs, err := f.Standing(f.ctx, 2000, after, 2)
			f.ok(err)
			if len(jobs) == 0 {
				break
			}
			for _, j := range jobs {
				got = append(got, j.ID)
				after = j.ID
			}
		}
		want := []pushd.JobID{active.ID, recent.ID, second.ID}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("standing %v, want %v", got, want)
		}
		f.set(`UPDATE pushd_job SET created_at = 1`) // made in one microsecond
		jobs, err := f.Standing(f.ctx, 2000, "", 10)
		f.ok(err)
		if len(jobs) != 3 {
			t.Errorf("%d jobs stand for three channels", len(jobs))
		}
	})
}

func TestStore_Purge(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
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
		if more, err := f.Purge(f.ctx, ended); err != nil || more || f.number(`SELECT COUNT(*) FROM pushd_page`) != 45 {
			t.Errorf("purged too early: %v %v", more, err)
		}
		if more, err := f.Purge(f.ctx, ended+1); err != nil || more {
			t.Errorf("purge: %v %v", more, err)
		}
		if n := f.number(`SELECT COUNT(*) FROM pushd_page`) + f.number(`SELECT COUNT(*) FROM pushd_progress`); n != 0 {
			t.Errorf("%d rows are left", n)
		}
		got := f.job(j.ID)
		if got.PurgedAt == 0 || got.Counts.Failed != 45 || got.Counts.Errors[40003] != 45 || f.job(active.ID).PurgedAt != 0 {
			t.Errorf("purged: %+v", got)
		}
		_, err := f.Recipient(f.ctx, j.ID, "A")
		f.want(err, pushd.ErrNotFound)
		_, err = f.Command(f.ctx, j.ID, pushd.Command{From: pushd.EndedStates, To: pushd.Queued})
		f.want(err, pushd.ErrLost)
	})
}

// The worker of a canceled job died before it gave the lease back: what it
// recorded last must outlive the pages all the same.
func TestStore_PurgeTakesTheLastSums(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		j := f.walked(openids("oA", "oB"))
		_, err := f.Command(f.ctx, j.ID, pushd.Command{From: pushd.ActiveStates, To: pushd.Canceled})
		f.ok(err)
		f.record(j.Lease(), 1, sent, sent)
		_, err = f.Purge(f.ctx, future)
		f.ok(err)
		if got := f.job(j.ID); got.Counts.Sent != 2 || got.PurgedAt == 0 {
			t.Errorf("purged: %+v", got)
		}
	})
}

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

func TestStore_PurgeSaysWhetherThereIsMore(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
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
		if n := f.number(`SELECT COUNT(*) FROM pushd_job WHERE purged_at > 0`); n != 7 {
			t.Errorf("%d of 7 purged", n)
		}
	})
}

func TestStore_ListIsStable(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		var ids []pushd.JobID
		for i := range 9 {
			ids = append(ids, f.create(pushd.ActID(50+i), pushd.AppID("wx"+string(rune('a'+i%2)))).ID)
		}
		f.set(`UPDATE pushd_job SET created_at = created_at - created_at % 1000000000 + actid - actid % 3`) // ties
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
					f.create(pushd.ActID(f.number(`SELECT MAX(actid) + 1 FROM pushd_job`)), "wxnew")
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
	})
}

func TestStore_QueuePosition(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		running := f.claimed(alice)
		a, b, other := f.create(43, appID), f.create(44, appID), f.create(45, "wx2")
		f.set(`UPDATE pushd_job SET deadline = deadline - 1 WHERE id = ?`, b.ID)
		for id, want := range map[pushd.JobID]int{running.ID: 0, b.ID: 1, a.ID: 2, other.ID: 1, "none": 0} {
			if n, err := f.QueuePosition(f.ctx, id); err != nil || n != want {
				t.Errorf("position of %s: %d %v, want %d", id, n, err, want)
			}
		}
	})
}

func TestStore_MendStatus(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		j := f.claimed(alice)
		mend := func(seen pushd.Job, status int) bool {
			done, err := f.MendStatus(f.ctx, seen, start, status)
			f.ok(err)
			return done
		}
		f.set(`UPDATE activity_detail SET live_notify_status = 0 WHERE act_id = ?`, actID)
		if !mend(j, 1) || f.status(actID) != 1 {
			t.Errorf("status %d, want 1", f.status(actID))
		}
		f.ok(f.Finish(f.ctx, j.Lease(), pushd.Ending{State: pushd.Failed, Reason: pushd.WeChatRefused}))
		if mend(j, 1) || f.status(actID) != 3 {
			t.Errorf("a job that has ended meanwhile: status %d, want 3", f.status(actID))
		}
		ended := f.job(j.ID)
		_, err := f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: start, Run: 9, Deadline: future})
		f.ok(err)
		if mend(ended, 3) || f.status(actID) != 1 {
			t.Errorf("a channel that has a newer job: status %d, want 1", f.status(actID))
		}
	})
}

// What the reconciler read of a channel may be old when it writes: a save that
// came in between, with another start and a 0 that asks for a new reminder, is
// not overwritten.
func TestStore_MendStatusAfterASave(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		j := f.claimed(alice)
		f.set(`UPDATE activity SET start_time = start_time + 3600`)
		f.set(`UPDATE activity_detail SET live_notify_status = 0`)
		if done, err := f.MendStatus(f.ctx, j, start, 1); err != nil || done || f.status(actID) != 0 {
			t.Errorf("written %v %v: status %d, want the platform's 0", done, err, f.status(actID))
		}
		f.set(`UPDATE activity SET start_time = 1`) // a row that can't be used says nothing of its start
		if done, err := f.MendStatus(f.ctx, j, 1, 1); err != nil || done || f.status(actID) != 0 {
			t.Errorf("written %v %v: status %d, want the platform's 0", done, err, f.status(actID))
		}
	})
}

func TestStore_Texts(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
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
	})
}

func TestStore_Channel(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		_, err := f.Channel(f.ctx, 999)
		f.want(err, pushd.ErrNotFound)
		f.set(`INSERT INTO activity (id, uin) VALUES (77, 77)`) // nothing else is known
		c, err := f.Channel(f.ctx, 77)
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
