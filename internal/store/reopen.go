package store

import (
	"context"

	"github.com/jmoiron/sqlx"

	"pushd/internal/fanout"
)

// Reopen gives people back that had an outcome. See fanout.Book.
//
// It takes the progress over by an epoch of its own: a worker that still
// writes about the ended job would undo it. ErrLost: the job is active, its
// pages are gone, or its worker has not let go of it yet.
func (s *Store) Reopen(ctx context.Context, id fanout.JobID, unknown bool) (people int64, err error) {
	l := fanout.Lease{Job: id}
	var pages int
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		n, err := s.exec(ctx, tx, `
UPDATE pushd_job SET
  epoch = epoch + 1,
  owner = '',
  boot = '',
  lease_until = 0
WHERE id = ?
  AND active_actid IS NULL
  AND purged_at = 0
  AND lease_until <= {now}`, id)
		if err := s.won(n, err, fanout.ErrLost); err != nil {
			return err
		}
		if err := s.adopt(ctx, tx, id); err != nil {
			return err
		}
		return tx.QueryRowxContext(ctx, `SELECT epoch, walk_pages FROM pushd_job WHERE id = ?`, id).Scan(&l.Epoch, &pages)
	})
	for no := 1; no <= pages && err == nil; no++ {
		var n int64
		n, err = s.reopenPage(ctx, l, no, unknown)
		people += n
	}
	if err == nil && people > 0 {
		err = s.tx(ctx, func(tx *sqlx.Tx) error {
			_, err := s.keepSums(ctx, tx, id)
			return err
		})
	}
	return people, wrap(err, "reopen job %s", id)
}

func (s *Store) reopenPage(ctx context.Context, l fanout.Lease, no int, unknown bool) (int64, error) {
	rows, err := s.Progress(ctx, l.Job, no, no)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	p := rows[0]
	if p.Counts.Failed == 0 && (!unknown || p.Counts.Unknown == 0) {
		return 0, nil
	}
	everyone, err := fanout.DecodePersons(p.Outcomes, p.People)
	if err != nil {
		return 0, err
	}
	var n int64
	for i, person := range everyone {
		if person.State == fanout.PersonFailed {
			p.Counts.Failed--
		} else if unknown && person.State == fanout.PersonUnknown {
			p.Counts.Unknown--
		} else {
			continue
		}
		everyone[i] = fanout.Person{State: fanout.Refused, Code: person.Code}
		n++
	}
	p.Outcomes = fanout.EncodePersons(nil, everyone)
	return n, s.Record(ctx, l, []fanout.Progress{p})
}
