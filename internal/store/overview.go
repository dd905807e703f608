package store

import (
	"context"
	"database/sql"
	"errors"

	"pushd"
)

// endedMax is how many of the jobs that ended last are counted.
const endedMax = 5000

// Overview reads what the ledger says of the whole. See pushd.Housekeeping. Each
// of its statements reads one row, or a bounded part of an index.
func (s *Store) Overview(ctx context.Context) (o pushd.Overview, err error) {
	in, err := s.Installation(ctx)
	if err != nil {
		return o, err
	}
	o = pushd.Overview{Now: in.Now, HostSeen: in.HostSeen, Ended: map[pushd.State]int{}}
	for _, read := range []func(context.Context, *pushd.Overview) error{s.newestJob, s.activeJobs, s.endedJobs, s.countHolds} {
		if err := s.retry(ctx, func() error { return read(ctx, &o) }); err != nil {
			return o, wrap(err, "read the overview")
		}
	}
	return o, nil
}

func (s *Store) newestJob(ctx context.Context, o *pushd.Overview) error {
	err := s.db.GetContext(ctx, &o.NewestJob, `
SELECT created_at
FROM pushd_job
ORDER BY created_at DESC
LIMIT 1`)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

// countHolds counts the rows of a table that is nearly always empty.
func (s *Store) countHolds(ctx context.Context, o *pushd.Overview) error {
	return s.db.GetContext(ctx, &o.Holds, `SELECT COUNT(*) FROM pushd_hold`)
}

// activeJobs sums up the jobs that have not ended.
func (s *Store) activeJobs(ctx context.Context, o *pushd.Overview) error {
	var rows []struct {
		State     pushd.State  `db:"state"`
		Reason    pushd.Reason `db:"reason"`
		Jobs      int          `db:"jobs"`
		Since     pushd.Time   `db:"since"`
		Late      int          `db:"late"`
		Short     int          `db:"short_jobs"`
		Shortfall int64        `db:"missing"`
		Deadline  pushd.Time   `db:"earliest"`
	}
	err := s.db.SelectContext(ctx, &rows, `
SELECT state, reason,
  COUNT(*) AS jobs,
  MIN(CASE WHEN waiting_since = 0 THEN created_at ELSE waiting_since END) AS since,
  SUM(CASE WHEN state <> 'running' AND (parked_until >= deadline OR deadline <= ?) THEN 1 ELSE 0 END) AS late,
  SUM(CASE WHEN shortfall > 0 THEN 1 ELSE 0 END) AS short_jobs,
  SUM(COALESCE(shortfall, 0)) AS missing,
  MIN(deadline) AS earliest
FROM (
  SELECT state, reason, created_at, waiting_since, parked_until, deadline, shortfall
  FROM pushd_job
  WHERE active_actid IS NOT NULL
  ORDER BY active_actid
  LIMIT ?
) a
GROUP BY state, reason`, o.Now.Add(pushd.LateWithin), pushd.OverviewMax)
	if err != nil {
		return err
	}
	o.Queued, o.Running, o.Parked, o.Paused, o.Held, o.Tried = pushd.Group{}, pushd.Group{}, pushd.Group{}, pushd.Group{}, pushd.Group{}, pushd.Group{}
	o.TriedDeadline = 0
	o.Late, o.Short, o.Shortfall = 0, 0, 0
	for _, r := range rows {
		if g := o.Group(r.State, r.Reason); g != nil {
			g.Add(r.Jobs, r.Since)
		}
		o.Due(r.State, r.Reason, r.Deadline)
		o.Late, o.Short, o.Shortfall = o.Late+r.Late, o.Short+r.Short, o.Shortfall+r.Shortfall
	}
	return nil
}

// endedJobs counts the jobs that ended a short while ago.
func (s *Store) endedJobs(ctx context.Context, o *pushd.Overview) error {
	var rows []struct {
		State pushd.State `db:"state"`
		Jobs  int         `db:"jobs"`
	}
	err := s.db.SelectContext(ctx, &rows, `
SELECT state, COUNT(*) AS jobs
FROM (
  SELECT state
  FROM pushd_job
  WHERE finished_at > ?
  ORDER BY finished_at DESC
  LIMIT ?
) e
GROUP BY state`, o.Now.Add(-pushd.EndedWithin), endedMax)
	for _, r := range rows {
		o.Ended[r.State] = r.Jobs
	}
	return err
}

// Size is how many bytes pushd's tables take, indexes included, as the database
// estimates it. See pushd.Housekeeping.
func (s *Store) Size(ctx context.Context) (bytes int64, err error) {
	err = s.retry(ctx, func() error { return s.db.GetContext(ctx, &bytes, s.d.Size) })
	return bytes, wrap(err, "read the size of the tables")
}
