package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// TakeBack lapses the leases of an earlier start. See pushd.Leases.
func (s *Store) TakeBack(ctx context.Context, owner pushd.Owner) (int, error) {
	n, err := s.execRetry(ctx, `
UPDATE pushd_job SET `+lapse+`
WHERE owner = ?
  AND boot <> ?
  AND lease_until <> 0`, owner.Instance, owner.Boot)
	return int(n), wrap(err, "take back leases")
}

// lapse frees a lease whose worker has not given it back. Owner and epoch stay,
// so that the worker may renew the lease as long as no one has taken the job.
// The account is freed unless the job still counts as running: then the job is
// the one that goes on.
const lapse = `
  lease_until = 0,
  active_appid = CASE WHEN state = 'running' THEN active_appid ELSE NULL END`

// Leases lists the leases that are held. See pushd.Leases.
func (s *Store) Leases(ctx context.Context) (held []pushd.Observation, err error) {
	var rows []struct {
		ID    pushd.JobID `db:"id"`
		Epoch int64       `db:"epoch"`
		Until int64       `db:"lease_until"`
		Term  int64       `db:"lease_term"`
	}
	err = s.retry(ctx, func() error {
		rows = nil
		return s.db.SelectContext(ctx, &rows, `
SELECT id, epoch, lease_until, lease_term
FROM pushd_job
WHERE owner > ''
  AND lease_until <> 0`)
	})
	for _, r := range rows {
		held = append(held, pushd.Observation{
			Lease: pushd.Lease{Job: r.ID, Epoch: r.Epoch}, Mark: r.Until, Term: time.Duration(r.Term) * time.Microsecond,
		})
	}
	return held, wrap(err, "list leases")
}

// Lapse frees a lease that was observed not to change. See pushd.Leases.
func (s *Store) Lapse(ctx context.Context, seen pushd.Observation) (bool, error) {
	n, err := s.execRetry(ctx, `
UPDATE pushd_job SET `+lapse+`
WHERE id = ?
  AND epoch = ?
  AND lease_until = ?`, seen.Job, seen.Epoch, seen.Mark)
	return n == 1, wrap(err, "lapse lease of job %s", seen.Job)
}

// renewBatch bounds one statement of Renew.
const renewBatch = 200

// renewable is the condition under which a lease may be renewed. One that has
// lapsed only as long as the job counts as running: of a job that a command has
// stopped the account may be another's by now.
const renewable = `
      owner = ?
  AND boot = ?
  AND (lease_until <> 0 OR state = 'running')`

// Renew prolongs leases. See pushd.Leases.
func (s *Store) Renew(ctx context.Context, owner pushd.Owner, term time.Duration, held []pushd.Held) (lost []pushd.JobID, err error) {
	held = slices.Clone(held)
	slices.SortFunc(held, func(a, b pushd.Held) int { return strings.Compare(string(a.Job), string(b.Job)) })
	for batch := range slices.Chunk(held, renewBatch) {
		n, err := s.renew(ctx, owner, term, batch)
		if err != nil {
			return nil, wrap(err, "renew leases")
		}
		if n == int64(len(batch)) {
			continue
		}
		gone, err := s.notRenewed(ctx, owner, batch)
		if err != nil {
			return nil, wrap(err, "renew leases")
		}
		lost = append(lost, gone...)
	}
	return lost, nil
}

func (s *Store) renew(ctx context.Context, owner pushd.Owner, term time.Duration, batch []pushd.Held) (int64, error) {
	rates := strings.Repeat(" WHEN ? THEN ?", len(batch))
	sends := strings.Repeat(" WHEN ? THEN CASE WHEN last_sent_at < ? THEN ? ELSE last_sent_at END", len(batch))
	leases := "id = ? AND epoch = ?" + strings.Repeat(" OR id = ? AND epoch = ?", len(batch)-1)
	args := []any{micros(term), micros(term), micros(term), micros(term), micros(term)}
	for _, h := range batch {
		args = append(args, h.Job, h.SendRate)
	}
	for _, h := range batch {
		args = append(args, h.Job, h.LastSent, h.LastSent)
	}
	args = append(args, owner.Instance, owner.Boot)
	for _, h := range batch {
		args = append(args, h.Job, h.Epoch)
	}
	// What waits is judged by the rate of the renewal before: MySQL assigns from
	// left to right, others all at once.
	//
	// lease_until changes with each renewal, also when the clock was set back:
	// whoever observes a lease takes one that does not change for lapsed. Of one that
	// has lapsed it is 0, and may become what it was before: then the term changes.
	return s.execRetry(ctx, `
UPDATE pushd_job SET
  lease_term = CASE WHEN lease_until = 0 AND lease_term = ? THEN ? + 1 ELSE ? END,
  lease_until = CASE WHEN {now} + ? > lease_until THEN {now} + ? ELSE lease_until + 1 END,
  waiting_since = CASE WHEN send_rate > 0 THEN 0 ELSE waiting_since END,
  send_rate = CASE id`+rates+` END,
  last_sent_at = CASE id`+sends+` END
WHERE `+renewable+`
  AND (`+leases+`)`, args...)
}

// notRenewed finds the leases among held that could not be renewed: they are
// another's, or have lapsed.
func (s *Store) notRenewed(ctx context.Context, owner pushd.Owner, held []pushd.Held) ([]pushd.JobID, error) {
	var rows []struct {
		ID    pushd.JobID `db:"id"`
		Epoch int64       `db:"epoch"`
	}
	err := s.retry(ctx, func() error {
		rows = nil
		return s.db.SelectContext(ctx, &rows, `
SELECT id, epoch
FROM pushd_job
WHERE `+renewable, owner.Instance, owner.Boot)
	})
	if err != nil {
		return nil, err
	}
	renewed := make(map[pushd.Lease]bool, len(rows))
	for _, r := range rows {
		renewed[pushd.Lease{Job: r.ID, Epoch: r.Epoch}] = true
	}
	var lost []pushd.JobID
	for _, h := range held {
		if !renewed[h.Lease] {
			lost = append(lost, h.Job)
		}
	}
	return lost, nil
}

// Orders reads what commands have made of held jobs. See pushd.Leases.
func (s *Store) Orders(ctx context.Context, owner pushd.Owner) (orders []pushd.Order, err error) {
	var rows []struct {
		ID       pushd.JobID `db:"id"`
		Epoch    int64       `db:"epoch"`
		State    pushd.State `db:"state"`
		Rate     int         `db:"rate"`
		Deadline pushd.Time  `db:"deadline"`
		OnHold   bool        `db:"on_hold"`
	}
	err = s.retry(ctx, func() error {
		rows = nil
		return s.db.SelectContext(ctx, &rows, `
SELECT id, epoch, state, rate, deadline,
  CASE WHEN `+onHold+` THEN 1 ELSE 0 END AS on_hold
FROM pushd_job
WHERE owner = ?
  AND boot = ?`, owner.Instance, owner.Boot)
	})
	if err != nil {
		return nil, wrap(err, "read orders")
	}
	for _, r := range rows {
		orders = append(orders, pushd.Order{
			Lease: pushd.Lease{Job: r.ID, Epoch: r.Epoch}, State: r.State,
			Rate: r.Rate, Deadline: r.Deadline, OnHold: r.OnHold,
		})
	}
	return orders, nil
}

// Release gives a lease back. See pushd.Leases.
//
// What was in flight when a command ended the job has been recorded by now,
// so the sums are taken once more.
func (s *Store) Release(ctx context.Context, l pushd.Lease) error {
	err := s.tx(ctx, func(tx *sqlx.Tx) error {
		n, err := s.exec(ctx, tx, `
UPDATE pushd_job SET
  owner = '',
  boot = '',
  lease_until = 0,
  send_rate = 0,
  active_appid = NULL,
  `+waits+`,
  state = CASE WHEN state = 'running' THEN 'queued' ELSE state END
WHERE id = ?
  AND epoch = ?
  AND owner <> ''`, l.Job, l.Epoch)
		if err != nil || n == 0 {
			return err
		}
		_, err = s.storeTotals(ctx, tx, l.Job)
		return err
	})
	return wrap(err, "release job %s", l.Job)
}
