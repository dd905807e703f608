package store

import (
	"context"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// identity is what tells a job to be made from the others of its channel.
type identity struct {
	run   int
	msgID pushd.MsgID
	// after is when the channel's newest job was made: the new one is newer,
	// also where the database's clock was set back in between.
	after pushd.Time
}

// identify returns the identity of a job to be made. ErrExists: its run is
// taken.
//
// A job that followed its channel to another start has left its (actid,
// start_time, run) to others and kept its id. A new job there takes the next
// run whose id is free: under the same id WeChat would take its messages for
// repeated ones and deliver none of them.
//
// It reads in a transaction, so that a proxy asks the primary, and in one of
// its own, so that the transaction that inserts begins with a write.
func (s *Store) identify(ctx context.Context, j pushd.Job) (id identity, err error) {
	salt, err := s.Salt(ctx)
	if err != nil {
		return id, err
	}
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		taken, err := s.count(ctx, tx, `actid = ? AND start_time = ? AND run = ?`, j.ActID, j.StartTime, j.Run)
		if err == nil && taken > 0 {
			return pushd.ErrExists // whoever asked has not seen that job yet
		}
		for id.run = j.Run; err == nil; id.run++ { // at most once for each job of the channel
			id.msgID = pushd.ReminderMsgID(salt, j.AppID, j.ActID, j.StartTime, id.run)
			if taken, err = s.count(ctx, tx, `msg_id = ?`, id.msgID); err == nil && taken == 0 {
				return tx.GetContext(ctx, &id.after, `SELECT COALESCE(MAX(created_at), 0) FROM pushd_job WHERE actid = ?`, j.ActID)
			}
		}
		return err
	})
	return id, err
}

// count counts jobs.
func (s *Store) count(ctx context.Context, tx *sqlx.Tx, where string, args ...any) (n int, err error) {
	err = tx.GetContext(ctx, &n, `SELECT COUNT(*) FROM pushd_job WHERE `+where, args...)
	return n, err
}
