package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"pushd"
)

// walkSet are the columns of a walk, in the order of walkArgs.
const walkSet = `
  walk_pass = ?, walk_cursor = ?, walk_pages = ?, walk_walked = ?, walk_total = ?,
  walk_seen = ?, walk_fresh = ?, walk_pass_at = ?, walk_complete = ?`

func walkArgs(w pushd.Walk) []any {
	return []any{w.Pass, []byte(w.Cursor), w.Pages, w.Walked, w.Total, w.Seen, w.Fresh, w.PassAt, w.Complete}
}

// writable is the condition under which a worker may write about its job's recipients:
// its claim is the last one, was not given back, and the job has not ended. What
// it knows of them is also true of a job that was paused meanwhile.
const writable = `
      id = ?
  AND epoch = ?
  AND owner <> ''
  AND active_actid IS NOT NULL`

// endable is the condition under which a worker may decide about its job: no
// command has taken it out of its hands. What a command has queued again is for
// the next claim.
const endable = writable + `
  AND state = 'running'`

// StorePage stores a page of followers and the walk after it. See
// pushd.Pages.
//
// The job's row is written first: it is the fence, and whoever wants to claim
// the job waits until the page is in. The page's progress begins with a number
// above that of every record so far: one that was given up, of a page of that
// number on a list that was dropped since, can't land on it.
func (s *Store) StorePage(ctx context.Context, l pushd.Lease, p pushd.Page, w pushd.Walk) error {
	openids, err := joinOpenIDs(p.OpenIDs)
	if err != nil {
		return fmt.Errorf("store page %d of job %s: %w", p.No, l.Job, err)
	}
	rev := s.rev.Add(1)
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		n, err := s.exec(ctx, tx, `
UPDATE pushd_job SET `+walkSet+`
WHERE `+writable+`
  AND walk_pages = ?`, append(walkArgs(w), l.Job, l.Epoch, p.No-1)...)
		if err != nil {
			return err
		}
		if n == 0 {
			return s.whyNoPage(ctx, tx, l, p.No)
		}
		if _, err := s.exec(ctx, tx, `
INSERT INTO pushd_page (job_id, page_no, people, openids)
VALUES (?, ?, ?, ?)`, l.Job, p.No, len(p.OpenIDs), openids); err != nil {
			return s.casResult(0, err, pushd.ErrExists)
		}
		_, err = s.exec(ctx, tx, `
INSERT INTO pushd_progress (job_id, page_no, people, epoch, rev, outcomes)
VALUES (?, ?, ?, ?, ?, ?)`, l.Job, p.No, len(p.OpenIDs), l.Epoch, rev, []byte{})
		if err != nil || !w.Complete {
			return err
		}
		return s.events.Write(ctx, tx, pushd.WalkedEvent(l.Job, w))
	})
	return wrap(err, "store page %d of job %s", p.No, l.Job)
}

// whyNoPage tells a page that is stored already from a lost lease. Where the page
// before it is missing the database went back: the claim is worth nothing then.
func (s *Store) whyNoPage(ctx context.Context, tx *sqlx.Tx, l pushd.Lease, no int) error {
	var pages int
	err := tx.GetContext(ctx, &pages, `SELECT walk_pages FROM pushd_job WHERE `+writable, l.Job, l.Epoch)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return pushd.ErrLost
	case err != nil:
		return err
	case pages >= no:
		return pushd.ErrExists
	}
	return pushd.ErrLost
}

// SaveWalk stores where the walk stands. See pushd.Pages.
//
// A write that was given up and arrives late must not set the walk back
// before a page that was stored since, hence the condition on walk_pages.
func (s *Store) SaveWalk(ctx context.Context, l pushd.Lease, w pushd.Walk) error {
	err := s.tx(ctx, func(tx *sqlx.Tx) error {
		n, err := s.exec(ctx, tx, `
UPDATE pushd_job SET `+walkSet+`
WHERE `+writable+`
  AND walk_pages = ?`, append(walkArgs(w), l.Job, l.Epoch, w.Pages)...)
		if err := s.casResult(n, err, pushd.ErrLost); err != nil || !w.Complete {
			return err
		}
		return s.events.Write(ctx, tx, pushd.WalkedEvent(l.Job, w))
	})
	return wrap(err, "save walk of job %s", l.Job)
}

// StartOver drops the list of a job and what came of it. See pushd.Pages.
//
// A statement that was given up and arrives late must not remove the pages of
// the next list, hence the condition on the time at which the pass began.
func (s *Store) StartOver(ctx context.Context, l pushd.Lease, passAt pushd.Time) error {
	err := s.tx(ctx, func(tx *sqlx.Tx) error {
		n, err := s.exec(ctx, tx, `
UPDATE pushd_job SET `+walkSet+`
WHERE `+endable+`
  AND walk_pass_at IN (0, ?)`, append(walkArgs(pushd.Walk{}), l.Job, l.Epoch, passAt)...)
		if err := s.casResult(n, err, pushd.ErrLost); err != nil {
			return err
		}
		if _, err := s.exec(ctx, tx, `DELETE FROM pushd_progress WHERE job_id = ?`, l.Job); err != nil {
			return err
		}
		_, err = s.exec(ctx, tx, `DELETE FROM pushd_page WHERE job_id = ?`, l.Job)
		return err
	})
	return wrap(err, "start job %s over", l.Job)
}

// People reads a slice of a page's openids. See pushd.Pages.
func (s *Store) People(ctx context.Context, id pushd.JobID, page int, offset, limit int) (b []byte, err error) {
	err = s.retry(ctx, func() error {
		return s.db.GetContext(ctx, &b, `
SELECT SUBSTR(openids, ?, ?)
FROM pushd_page
WHERE job_id = ?
  AND page_no = ?`, offset+1, limit, id, page)
	})
	if errors.Is(err, sql.ErrNoRows) {
		err = pushd.ErrNotFound
	}
	return b, wrap(err, "read page %d of job %s", page, id)
}

// joinOpenIDs puts a newline after each openid.
func joinOpenIDs(ids []pushd.OpenID) ([]byte, error) {
	size := 0
	for _, id := range ids {
		if id == "" || strings.Contains(string(id), "\n") {
			return nil, fmt.Errorf("openid %q cannot be stored", id)
		}
		size += len(id) + 1
	}
	b := make([]byte, 0, size)
	for _, id := range ids {
		b = append(append(b, id...), '\n')
	}
	return b, nil
}
