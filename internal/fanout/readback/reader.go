// Package readback reads a job's pages back from the ledger: progress that is not
// older than what this claim has recorded, and openids that are as many as the page
// says. A node of the database that lags behind is waited for.
package readback

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"pushd"
	"pushd/internal/retry"
)

// How much is read at once.
const (
	Pages      = 50      // rows of progress
	SomeBytes  = 8 << 10 // bytes of openids: about 280 recipients
	wholeBytes = 4 << 20 // a page has less
)

// ErrForgotten says that the ledger lacks what this claim has written: its
// database went back, by less than its counter shows.
var ErrForgotten = errors.New("the ledger lacks what was written")

// Damaged says that a stored page does not hold what its row says.
type Damaged struct{ Page int }

func (e *Damaged) Error() string { return fmt.Sprintf("stored page %d is damaged", e.Page) }

// Reader reads the pages of one job for one claim. It is safe for concurrent use.
type Reader struct {
	Ledger pushd.Pages
	Lease  pushd.Lease
	Retry  retry.Retrier
	// Written is what this claim has recorded of the pages, Claimed how many there
	// were when it began.
	Written *Written
	Claimed int
}

// Progress reads the progress of some pages. ErrForgotten: they will not be again
// what this claim has made of them.
func (r *Reader) Progress(ctx context.Context, from, to int) (rows []pushd.Progress, err error) {
	forgotten := false
	err = r.Retry.Patiently(ctx, "read progress", func(ctx context.Context) (err error) {
		if rows, err = r.Ledger.Progress(ctx, r.Lease.Job, from, to); err != nil {
			return err
		}
		missing := len(rows) < to-from+1
		forgotten = r.stale(rows) || missing && from+len(rows) > r.Claimed
		if missing || forgotten {
			return retry.ErrStale
		}
		return nil
	})
	if errors.Is(err, pushd.ErrNotFound) && forgotten {
		err = ErrForgotten
	}
	return rows, err
}

// stale says that rows are older than the claim, or than what it has recorded:
// a node of the database lags behind. Whoever was sent to since would be sent to
// again.
func (r *Reader) stale(rows []pushd.Progress) bool {
	for _, row := range rows {
		if row.Epoch != r.Lease.Epoch || r.Written.Differs(row) {
			return true
		}
	}
	return false
}

// OpenIDs reads all recipients of a page. ErrForgotten as Progress.
func (r *Reader) OpenIDs(ctx context.Context, row pushd.Progress) ([]pushd.OpenID, error) {
	ids, _, err := r.read(ctx, row, 0, wholeBytes)
	if err == nil && len(ids) != row.People {
		err = &Damaged{row.Page}
	}
	return ids, err
}

// Some reads some recipients of a page, from a byte of its text on, and says at which
// byte the next begin. There must be some.
func (r *Reader) Some(ctx context.Context, row pushd.Progress, from int) (ids []pushd.OpenID, next int, err error) {
	ids, n, err := r.read(ctx, row, from, SomeBytes)
	return ids, from + n, err
}

// read reads up to limit bytes of a page's openids, and says how many of them are
// whole lines.
func (r *Reader) read(ctx context.Context, row pushd.Progress, from, limit int) (ids []pushd.OpenID, n int, err error) {
	var text []byte
	err = r.Retry.Patiently(ctx, "read openids", func(ctx context.Context) (err error) {
		text, err = r.Ledger.People(ctx, r.Lease.Job, row.Page, from, limit)
		return err
	})
	if errors.Is(err, pushd.ErrNotFound) && row.Page > r.Claimed { // it was there: this claim has stored it
		err = ErrForgotten
	}
	if err != nil {
		return nil, 0, err
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	if len(text) == 0 {
		return nil, 0, &Damaged{row.Page}
	}
	ids = make([]pushd.OpenID, 0, bytes.Count(text, []byte("\n")))
	for line := range bytes.Lines(text) {
		ids = append(ids, pushd.OpenID(line[:len(line)-1]))
	}
	return ids, len(text), nil
}
