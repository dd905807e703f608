package store_test

import (
	"testing"

	"pushd"
	"pushd/internal/store"
)

// A database that forgets a job gives the same id when the reminder is posted
// again, and another run gives another id.
func TestStore_MsgIDFollowsFromTheReminder(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		first := f.create(actID, appID)
		if first.MsgID == "" || string(first.MsgID) == string(first.ID) {
			t.Fatalf("id %q of job %q", first.MsgID, first.ID)
		}
		f.set(`DELETE FROM pushd_job`)
		second := f.create(actID, appID)
		if second.ID == first.ID || second.MsgID != first.MsgID {
			t.Errorf("job %s again got id %s, job %s had %s", second.ID, second.MsgID, first.ID, first.MsgID)
		}
		f.set(`UPDATE pushd_job SET state = 'failed', active_actid = NULL`)
		third, err := f.Create(f.ctx, pushd.Job{ActID: actID, AppID: appID, StartTime: start, Run: 1, Deadline: future})
		f.ok(err)
		if third.Run != 1 || third.MsgID == first.MsgID {
			t.Errorf("run %d has id %s, run 0 has %s", third.Run, third.MsgID, first.MsgID)
		}
		if got := f.job(third.ID).MsgID; got != third.MsgID {
			t.Errorf("read again the id is %s, was %s", got, third.MsgID)
		}
	})
}

// No two jobs have one id, whoever writes it.
func TestStore_MsgIDIsUnique(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		f.create(actID, appID)
		f.create(43, "wx0000000000000002")
		if _, err := f.raw.ExecContext(f.ctx, `UPDATE pushd_job SET msg_id = 'same'`); err == nil {
			t.Error("two jobs got one id")
		}
	})
}

// A job of an earlier version sends under its own id, as it began.
func TestStore_MsgIDOfOldJobs(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		a, b := f.create(actID, appID), f.create(43, "wx0000000000000002")
		f.set(`UPDATE pushd_job SET msg_id = NULL`)
		for _, id := range []pushd.JobID{a.ID, b.ID} {
			if got := f.job(id); string(got.MsgID) != string(id) {
				t.Errorf("job %s has id %s", id, got.MsgID)
			}
		}
	})
}

// Whoever copies tables that no job was ever posted to copies the salt: a
// database that goes back to before the first reminder knows its ids again.
func TestStore_MigrateDrawsTheSalt(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		var copied string
		f.ok(f.raw.QueryRowContext(f.ctx, `SELECT salt FROM pushd_install`).Scan(&copied))
		f.ok(f.Migrate(f.ctx)) // of another version, later
		salt, err := f.Salt(f.ctx)
		f.ok(err)
		if salt != copied || salt == "" {
			t.Errorf("salt %q, the copy has %q", salt, copied)
		}
	})
}

// Of many processes that start at once all have one salt, the committed one.
func TestStore_SaltIsDrawnOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		f.set(`DELETE FROM pushd_install`) // tables that "pushd migrate --print" made have none
		stores := make([]*store.Store, 12)
		for i := range stores {
			stores[i] = f.again()
		}
		salts := make([]string, len(stores))
		atOnce(len(stores), func(i int) {
			salt, err := stores[i].Salt(f.ctx)
			if err != nil {
				t.Error(err)
			}
			salts[i] = salt
		})
		var kept string
		f.ok(f.raw.QueryRowContext(f.ctx, `SELECT salt FROM pushd_install`).Scan(&kept))
		for i, salt := range salts {
			if salt != kept || len(salt) < 32 {
				t.Errorf("process %d has salt %q, the database %q", i, salt, kept)
			}
		}
	})
}

// A salt that is in no database is not kept: what could not be drawn is drawn
// another time.
func TestStore_SaltIsNotKeptBeforeItIsCommitted(t *testing.T) {
	everywhere(t, func(t *testing.T, f *fixture) {
		f.set(`DELETE FROM pushd_install`)
		f.set(`ALTER TABLE pushd_install RENAME TO pushd_away`)
		if salt, err := f.Salt(f.ctx); err == nil {
			t.Fatalf("salt %q without a table", salt)
		}
		f.set(`ALTER TABLE pushd_away RENAME TO pushd_install`)
		f.set(`INSERT INTO pushd_install (id, salt, counter) VALUES (1, 'another', 0)`)
		salt, err := f.Salt(f.ctx)
		f.ok(err)
		if salt != "another" {
			t.Errorf("salt %q, the database has another", salt)
		}
	})
}
