package store_test

import (
	"testing"

	"pushd"
	"pushd/internal/ledgertest"
)

// The rules that every ledger keeps hold on every dialect.
func TestLedger(t *testing.T) {
	t.Run("mariadb", func(t *testing.T) {
		ledgertest.Run(t, func(t *testing.T) ledgertest.Database { return onMariaDB(t).database() })
	})
	t.Run("sqlite", func(t *testing.T) {
		ledgertest.Run(t, func(t *testing.T) ledgertest.Database { return onSQLite(t).database() })
	})
}

// database is the fixture for the rules.
func (f *fixture) database() ledgertest.Database {
	return ledgertest.Database{
		Ledger: f.Store,
		Again:  func() ledgertest.Ledger { return f.again() },
		SetChannel: func(ch pushd.Channel) {
			f.t.Helper()
			if f.number(`SELECT COUNT(*) FROM activity WHERE id = ?`, ch.ActID) == 0 {
				f.channel(ch.ActID, ch.AppID)
			}
			f.set(`UPDATE activity SET start_time = ? WHERE id = ?`, ch.StartTime, ch.ActID)
			f.set(`UPDATE activity_detail SET live_notify_status = ?, audience = ? WHERE act_id = ?`, *ch.Status, ch.Audience.Or(""), ch.ActID)
		},
		SetSubscribers: func(id pushd.ActID, who []pushd.OpenID) {
			f.t.Helper()
			f.subscribers()
			f.set(`DELETE FROM subscriber WHERE act_id = ?`, id)
			for _, openid := range who {
				f.set(`INSERT INTO subscriber (act_id, openid) VALUES (?, ?)`, id, openid)
			}
		},
		EndAt: func(ids []pushd.JobID, at pushd.Time) {
			f.t.Helper()
			for _, id := range ids {
				f.set(`UPDATE pushd_job SET finished_at = ? WHERE id = ?`, at, id)
			}
		},
	}
}
