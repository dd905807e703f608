package store

import (
	"context"

	"pushd"
)

// progressRow is one row of pushd_progress.
type progressRow struct {
	Page     int        `db:"page_no"`
	People   int        `db:"people"`
	Mark     int        `db:"mark"`
	DoubtAt  pushd.Time `db:"doubt_at"`
	Outcomes []byte     `db:"outcomes"`
	Epoch    int64      `db:"epoch"`
	countsRow
}

func (r *progressRow) progress() pushd.Progress {
	return pushd.Progress{
		Page: r.Page, People: r.People, Mark: r.Mark,
		DoubtAt: r.DoubtAt, Outcomes: r.Outcomes, Counts: r.counts(), Epoch: r.Epoch,
	}
}

// Progress reads the progress of some pages. See pushd.Pages.
func (s *Store) Progress(ctx context.Context, id pushd.JobID, from, to int) ([]pushd.Progress, error) {
	var rows []progressRow
	err := s.retry(ctx, func() error {
		rows = nil
		return s.db.SelectContext(ctx, &rows, `
SELECT page_no, people, mark, doubt_at, outcomes, epoch, `+countsColumns+`
FROM pushd_progress
WHERE job_id = ?
  AND page_no >= ?
  AND page_no <= ?
ORDER BY page_no`, id, from, to)
	})
	if err != nil {
		return nil, wrap(err, "read progress of job %s", id)
	}
	pages := make([]pushd.Progress, len(rows))
	for i := range rows {
		pages[i] = rows[i].progress()
	}
	return pages, nil
}

// Record writes the progress of some pages. See pushd.Pages.
//
// The watermark, the outcomes and the counts of a page are one row and one
// statement, fenced by the row's own epoch: strict on every isolation level.
func (s *Store) Record(ctx context.Context, l pushd.Lease, rows []pushd.Progress) error {
	rev := s.rev.Add(1)
	for i := range rows {
		if err := s.record(ctx, l, &rows[i], rev); err != nil {
			return wrap(err, "record page %d of job %s", rows[i].Page, l.Job)
		}
	}
	return nil
}

func (s *Store) record(ctx context.Context, l pushd.Lease, p *pushd.Progress, rev int64) error {
	outcomes := p.Outcomes
	if outcomes == nil {
		outcomes = []byte{} // the column is NOT NULL
	}
	args := append([]any{rev, p.Mark, p.DoubtAt, outcomes}, countsArgs(p.Counts)...)
	n, err := s.execRetry(ctx, `
UPDATE pushd_progress SET
  rev = ?, mark = ?, doubt_at = ?, outcomes = ?,
  `+countsSet+`
WHERE job_id = ?
  AND page_no = ?
  AND epoch = ?
  AND rev <= ?`, append(args, l.Job, p.Page, l.Epoch, rev)...)
	return s.casResult(n, err, pushd.ErrLost)
}
