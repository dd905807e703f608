package doctor

import (
	"context"
	"database/sql"
	"time"

	"pushd"
	"pushd/internal/daemon"
	"pushd/internal/store"
)

// checkState holds the ledger's counter against the one that pushd has kept
// outside of the database.
func (o Options) checkState(ctx context.Context, r *report, db *sql.DB, s *store.Store) {
	if o.StateDir == "" {
		return // said with the settings
	}
	file, err := daemon.OpenState(o.StateDir)
	if err != nil {
		r.fail("state", "PUSHD_STATE_DIR: %v", err)
		return
	}
	kept, err := file.Load()
	switch {
	case err != nil:
		r.warn("state", "%v; pushd begins a new file. Was the database restored from a copy? Then start with --hold", err)
		return
	case kept.Value == 0:
		r.ok("state", "no counter is kept in %s yet", o.StateDir)
		return
	}
	var rows int
	if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM pushd_install").Scan(&rows); err != nil {
		r.fail("state", "%v", err)
		return
	}
	var in pushd.Installation
	if rows > 0 { // reading makes the row where there is none
		if in, err = s.Installation(ctx); err != nil {
			r.fail("state", "%v", err)
			return
		}
	}
	checkCounter(r, kept, in)
}

// checkCounter says whether the ledger went back.
func checkCounter(r *report, kept pushd.Counter, in pushd.Installation) {
	const restore = "see \"After a restore\" in docs/operations.md"
	switch {
	case kept.Installation != in.Installation:
		r.warn("state", "the counter in PUSHD_STATE_DIR is of another installation than the database. Was that restored from a copy? Then start with --hold; %s", restore)
	case in.Value < kept.Value:
		r.warn("state", "the database went back: its counter is %d of %s, that in PUSHD_STATE_DIR %d of %s. At its start pushd holds all jobs that have not ended, unless WeChat still recognises what was sent since; %s",
			in.Value, when(in.At), kept.Value, when(kept.At), restore)
	default:
		r.ok("state", "the database has not gone back; its counter is %d of %s", in.Value, when(in.At))
	}
}

func when(t pushd.Time) string { return t.Std().Format(time.RFC3339) }
