package store

import (
	"context"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// identify returns the run and the client_msg_id of a job to be made.
// ErrExists: its run is taken.
//
// A job that followed its channel to another start has left its (actid,
// start_time, run) to others and kept its id. A new job there takes the next
// run whose id is free: under the same id WeChat would take its messages for
// repeated ones and deliver none of them.
//
// It reads in a transaction, so that a proxy asks the primary, and in one of
// its own, so that the transaction that inserts begins with a write.
func (s *Store) identify(ctx context.Context, j pushd.Job) (run int, id pushd.MsgID, err error) {
	salt, err := s.Salt(ctx)
	if err != nil {
		return 0, "", err
	}
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		taken, err := s.count(ctx, tx, `actid = ? AND start_time = ? AND run = ?`, j.ActID, j.StartTime, j.Run)
		if err == nil && taken > 0 {
			return pushd.ErrExists // whoever asked has not seen that job yet
		}
		for run = j.Run; err == nil; run++ { // at most once for each job of the channel
			id = pushd.ReminderMsgID(salt, j.AppID, j.ActID, j.StartTime, run)
			if taken, err = s.count(ctx, tx, `msg_id = ?`, id); err == nil && taken == 0 {
				return nil
			}
		}
		return err
	})
	return run, id, err
}

// count counts jobs.
func (s *Store) count(ctx context.Context, tx *sqlx.Tx, where string, args ...any) (n int, err error) {
	err = tx.GetContext(ctx, &n, `SELECT COUNT(*) FROM pushd_job WHERE `+where, args...)
	return n, err
}
