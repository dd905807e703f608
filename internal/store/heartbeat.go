package store

import (
	"context"

	"pushd"
)

// Heartbeat notes that the host is alive, and returns when that was, by the
// database's clock.
func (s *Store) Heartbeat(ctx context.Context) (pushd.Time, error) {
	if _, err := s.Salt(ctx); err != nil { // there is a row then
		return 0, err
	}
	if _, err := s.execRetry(ctx, `UPDATE pushd_install SET host_seen_at = {now} WHERE id = 1`); err != nil {
		return 0, wrap(err, "note the host's heartbeat")
	}
	in, err := s.readInstall(ctx)
	return in.HostSeen, wrap(err, "note the host's heartbeat")
}

// Overdue counts the reminders that were due at a time and have not been posted,
// by PUSHD_DUE_QUERY. It is asked once: the query is the operator's.
func (s *Store) Overdue(ctx context.Context, at pushd.Time) (n int64, err error) {
	args := make([]any, s.opt.DueMarks)
	for i := range args {
		args[i] = at.Std().Unix()
	}
	err = s.db.GetContext(ctx, &n, s.opt.DueQuery, args...)
	return n, wrap(err, "count overdue reminders (PUSHD_DUE_QUERY)")
}
