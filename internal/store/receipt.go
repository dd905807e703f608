package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"pushd"
)

const (
	// sentJobs bounds how far back a receipt's job is looked for: an account has
	// not had more jobs in the time for which receipts are taken.
	sentJobs = 50
	// closeReceipts bounds one call of CloseReceipts.
	closeReceipts = 20
	// staleTries bounds how often a page is read again because another process
	// has written it.
	staleTries = 20
)

// errStale says that another process has written what was read.
var errStale = errors.New("another process has written the same receipts")

// SentJobs lists the jobs that a receipt may belong to. See pushd.Receipts. The
// newest jobs are read and the others left out here, so that an account with a
// long past costs no more.
func (s *Store) SentJobs(ctx context.Context, app pushd.AppID) (jobs []pushd.SentJob, err error) {
	var rows []struct {
		ID        pushd.JobID `db:"id"`
		State     pushd.State `db:"state"`
		StartedAt pushd.Time  `db:"started_at"`
		LastSent  pushd.Time  `db:"last_sent_at"`
		PurgedAt  pushd.Time  `db:"purged_at"`
		Pages     int         `db:"walk_pages"`
		PassAt    pushd.Time  `db:"walk_pass_at"`
		Now       pushd.Time  `db:"db_now"`
	}
	err = s.retry(ctx, func() error {
		rows = nil
		return s.db.SelectContext(ctx, &rows, s.withClock(`
SELECT id, state, started_at, last_sent_at, purged_at, walk_pages, walk_pass_at, {now} AS db_now
FROM pushd_job
WHERE appid = ?
ORDER BY created_at DESC, id DESC
LIMIT ?`), app, sentJobs)
	})
	for _, r := range rows {
		if r.StartedAt == 0 || r.PurgedAt != 0 {
			continue
		}
		j := pushd.SentJob{ID: r.ID, StartedAt: r.StartedAt, LastSent: max(r.LastSent, r.StartedAt), Pages: r.Pages, PassAt: r.PassAt}
		if r.State == pushd.Running {
			j.LastSent = r.Now
		}
		jobs = append(jobs, j)
	}
	return jobs, wrap(err, "list the jobs of an account that has receipts")
}

// SentPages lists the pages on which anyone may have been sent to. See
// pushd.Receipts.
func (s *Store) SentPages(ctx context.Context, id pushd.JobID) (pages []int, err error) {
	err = s.retry(ctx, func() error {
		pages = nil
		return s.db.SelectContext(ctx, &pages, `
SELECT page_no
FROM pushd_progress
WHERE job_id = ?
  AND mark > 0
ORDER BY page_no DESC`, id)
	})
	return pages, wrap(err, "list the pages of job %s that were sent to", id)
}

// SaveReceipts merges receipts. See pushd.Receipts.
//
// The pages come in the order of their numbers and the sums last, for every
// process: none waits for another that waits for it.
func (s *Store) SaveReceipts(ctx context.Context, id pushd.JobID, pages []pushd.FoundReceipts) (gain pushd.ReceiptCounts, err error) {
	pages = slices.SortedFunc(slices.Values(pages), func(a, b pushd.FoundReceipts) int { return cmp.Compare(a.Page, b.Page) })
	for range staleTries {
		err = s.tx(ctx, func(tx *sqlx.Tx) (err error) {
			gain, err = s.saveReceipts(ctx, tx, id, pages)
			return err
		})
		if !errors.Is(err, errStale) {
			break
		}
	}
	if err != nil {
		return pushd.ReceiptCounts{}, wrap(err, "save receipts of job %s", id)
	}
	return gain, nil
}

func (s *Store) saveReceipts(ctx context.Context, tx *sqlx.Tx, id pushd.JobID, pages []pushd.FoundReceipts) (gain pushd.ReceiptCounts, err error) {
	var purged pushd.Time
	if err := tx.GetContext(ctx, &purged, `SELECT purged_at FROM pushd_job WHERE id = ?`, id); err != nil || purged != 0 {
		if err == nil || errors.Is(err, sql.ErrNoRows) {
			err = pushd.ErrNotFound
		}
		return gain, err
	}
	for _, p := range pages {
		got, err := s.mergeReceipts(ctx, tx, id, p)
		if err != nil {
			return gain, err
		}
		gain = gain.Plus(got)
	}
	if gain == (pushd.ReceiptCounts{}) {
		return gain, nil
	}
	return gain, s.addReceipts(ctx, tx, id, gain)
}

// mergeReceipts merges receipts into one page. Whoever writes it first makes the
// others read again.
func (s *Store) mergeReceipts(ctx context.Context, tx *sqlx.Tx, id pushd.JobID, p pushd.FoundReceipts) (gain pushd.ReceiptCounts, err error) {
	var page struct {
		Rev      int64  `db:"rev"`
		Receipts []byte `db:"receipts"`
	}
	err = tx.GetContext(ctx, &page, `
SELECT rev, receipts
FROM pushd_receipt_page
WHERE job_id = ?
  AND page_no = ?`, id, p.Page)
	fresh := errors.Is(err, sql.ErrNoRows)
	if err != nil && !fresh {
		return gain, err
	}
	merged, gain := pushd.PageReceipts(page.Receipts).Merge(p.Receipts)
	if gain == (pushd.ReceiptCounts{}) {
		return gain, nil
	}
	if fresh {
		_, err = s.exec(ctx, tx, `
INSERT INTO pushd_receipt_page (job_id, page_no, rev, receipts)
VALUES (?, ?, 1, ?)`, id, p.Page, []byte(merged))
		return gain, s.stale(1, err)
	}
	n, err := s.exec(ctx, tx, `
UPDATE pushd_receipt_page SET
  rev = rev + 1,
  receipts = ?
WHERE job_id = ?
  AND page_no = ?
  AND rev = ?`, []byte(merged), id, p.Page, page.Rev)
	return gain, s.stale(n, err)
}

// pageReceipts reads the receipts of a page; none if there is no row.
func (s *Store) pageReceipts(ctx context.Context, id pushd.JobID, page int) (pushd.PageReceipts, error) {
	var receipts []byte
	err := s.retry(ctx, func() error {
		return s.db.GetContext(ctx, &receipts, `SELECT receipts FROM pushd_receipt_page WHERE job_id = ? AND page_no = ?`, id, page)
	})
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return receipts, err
}

// addReceipts adds to the sums of a job what its pages have gained in tx.
func (s *Store) addReceipts(ctx context.Context, tx *sqlx.Tx, id pushd.JobID, gain pushd.ReceiptCounts) error {
	n, err := s.exec(ctx, tx, `
UPDATE pushd_receipt SET
  delivered = delivered + ?,
  blocked = blocked + ?,
  freq_limit = freq_limit + ?,
  system_failed = system_failed + ?,
  other = other + ?,
  last_at = {now},
  closed = 0
WHERE job_id = ?`, gain.Delivered, gain.Blocked, gain.FreqLimit, gain.SystemFailed, gain.Other, id)
	if err != nil || n > 0 {
		return err
	}
	_, err = s.exec(ctx, tx, `
INSERT INTO pushd_receipt (job_id, delivered, blocked, freq_limit, system_failed, other, last_at)
VALUES (?, ?, ?, ?, ?, ?, {now})`, id, gain.Delivered, gain.Blocked, gain.FreqLimit, gain.SystemFailed, gain.Other)
	return s.stale(1, err)
}

// stale judges a write that another process may have been faster with.
func (s *Store) stale(rows int64, err error) error {
	if err == nil && rows == 0 || err != nil && s.d.Duplicate(err) {
		return errStale
	}
	return err
}

// receiptRow are the sums of a job's receipts.
type receiptRow struct {
	Job          pushd.JobID `db:"job_id"`
	Delivered    int64       `db:"delivered"`
	Blocked      int64       `db:"blocked"`
	FreqLimit    int64       `db:"freq_limit"`
	SystemFailed int64       `db:"system_failed"`
	Other        int64       `db:"other"`
	Last         pushd.Time  `db:"last_at"`
}

func (r *receiptRow) counts() pushd.ReceiptCounts {
	return pushd.ReceiptCounts{Delivered: r.Delivered, Blocked: r.Blocked, FreqLimit: r.FreqLimit, SystemFailed: r.SystemFailed, Other: r.Other}
}

const receiptColumns = `job_id, delivered, blocked, freq_limit, system_failed, other, last_at`

// ReceiptSums reads the sums of some jobs' receipts; who has none is left out.
func (s *Store) ReceiptSums(ctx context.Context, ids []pushd.JobID) (map[pushd.JobID]pushd.ReceiptCounts, error) {
	sums := make(map[pushd.JobID]pushd.ReceiptCounts, len(ids))
	if len(ids) == 0 {
		return sums, nil
	}
	query, args, err := sqlx.In(`SELECT `+receiptColumns+` FROM pushd_receipt WHERE job_id IN (?)`, ids)
	if err != nil {
		return nil, err
	}
	var rows []receiptRow
	err = s.retry(ctx, func() error {
		rows = nil
		return s.db.SelectContext(ctx, &rows, query, args...)
	})
	for i := range rows {
		sums[rows[i].Job] = rows[i].counts()
	}
	return sums, wrap(err, "read the receipts of jobs")
}

// CloseReceipts writes down what has come for jobs that get no more. See
// pushd.Receipts.
func (s *Store) CloseReceipts(ctx context.Context, quiet time.Duration) (closed int, err error) {
	var rows []receiptRow
	err = s.retry(ctx, func() error {
		rows = nil
		return s.db.SelectContext(ctx, &rows, s.withClock(`
SELECT `+receiptColumns+`
FROM pushd_receipt
WHERE closed = 0
  AND last_at < {now} - ?
ORDER BY last_at
LIMIT ?`), micros(quiet), closeReceipts)
	})
	for i := range rows {
		r := &rows[i]
		e, mine := pushd.ReceiptsEvent(r.Job, r.counts()), false
		err := s.tx(ctx, func(tx *sqlx.Tx) error {
			n, err := s.exec(ctx, tx, `UPDATE pushd_receipt SET closed = 1 WHERE job_id = ? AND closed = 0 AND last_at = ?`, r.Job, r.Last)
			if mine = n > 0; err != nil || !mine {
				return err
			}
			return s.events.Write(ctx, tx, e)
		})
		if err != nil {
			return closed, wrap(err, "close the receipts of job %s", r.Job)
		}
		if mine {
			closed++
			s.events.Say(ctx, nil, e)
		}
	}
	return closed, wrap(err, "close receipts")
}
