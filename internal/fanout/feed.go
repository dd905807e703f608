package fanout

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"pushd"
	"pushd/internal/allowance"
	"pushd/internal/deferral"
	"pushd/internal/frontier"
	"pushd/internal/pagebuffer"
	"pushd/internal/refusal"
	"pushd/internal/retry"
)

// feeder reads the unsettled recipients of a job from the ledger, page by page,
// as the walk stores them. It runs ahead of the sends by one batch and never
// holds a whole page.
type feeder struct {
	ledger   pushd.Pages
	lease    pushd.Lease
	frontier *frontier.Frontier
	retry    retry.Retrier
	// earlier is what is known of recipients of a list that was dropped.
	earlier earlier
	// written is what this claim has recorded of the pages, claimed how many there
	// were when it began.
	written *pagebuffer.Written
	claimed int
	// due says whether a refused recipient may be sent to in this round.
	due func(pushd.Person) deferral.Turn
	// again says who is sent to again although they have an outcome.
	again *pagebuffer.Reopening
	// only are those who are sent to; nil is everyone. first is how many are before a
	// person lets the rest follow.
	only  map[pushd.OpenID]bool
	first *allowance.Allowance
	// refusals are those of the template, which is known once prepared is closed.
	refusals *refusal.Memory
	prepared <-chan struct{}
	template func() pushd.TemplateID
	out      chan batch
}

// batch is some recipients of one page. The first batch of a page brings it, the
// last one says so; both may be empty.
type batch struct {
	page       *pagebuffer.Buffer
	deliveries []*delivery
	spared     []spared
	last       bool
}

// spared is a recipient who is skipped without being asked, and the code for why.
type spared struct {
	*delivery
	code int
}

const (
	feedBytes = 8 << 10 // openids read at once: about 280 recipients
	feedPages = 50      // progress rows read at once
)

// run feeds one round: every page from the first to the walk's last.
func (f *feeder) run(ctx context.Context) error {
	defer close(f.out)
	for next := 1; ; {
		walk, ended, moved := f.frontier.Look()
		if next > walk.Pages {
			if ended {
				return nil
			}
			select {
			case <-moved:
				continue
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		rows, err := f.progress(ctx, next, min(walk.Pages, next+feedPages-1))
		if err != nil {
			return err
		}
		for _, row := range rows {
			if f.first.Reached() {
				return nil
			}
			if err := f.first.Page(row); err != nil {
				return err
			}
			if !row.Done() || f.again.Wants(row) {
				if err := f.page(ctx, row); err != nil {
					return err
				}
			}
		}
		next = min(walk.Pages, next+feedPages-1) + 1
	}
}

// progress reads the progress of some pages, and waits out a node of the database
// that lags behind. errForgotten: they will not be again what this claim has made
// of them.
func (f *feeder) progress(ctx context.Context, from, to int) (rows []pushd.Progress, err error) {
	forgotten := false
	err = f.retry.Patiently(ctx, "read progress", func(ctx context.Context) (err error) {
		if rows, err = f.ledger.Progress(ctx, f.lease.Job, from, to); err != nil {
			return err
		}
		missing := len(rows) < to-from+1
		forgotten = f.stale(rows) || missing && from+len(rows) > f.claimed
		if missing || forgotten {
			return retry.ErrStale
		}
		return nil
	})
	if errors.Is(err, pushd.ErrNotFound) && forgotten {
		err = errForgotten
	}
	return rows, err
}

// stale says that rows are older than the claim, or than what it has recorded:
// a node of the database lags behind. Whoever was sent to since would be sent to
// again.
func (f *feeder) stale(rows []pushd.Progress) bool {
	for _, row := range rows {
		if row.Epoch != f.lease.Epoch || f.written.Differs(row) {
			return true
		}
	}
	return false
}

// page feeds one page.
func (f *feeder) page(ctx context.Context, row pushd.Progress) error {
	page, err := pagebuffer.Open(row)
	if err != nil {
		return err
	}
	if err := f.recall(ctx, page); err != nil {
		return err
	}
	// The page belongs to the sender from the first batch on; what it was when it
	// was opened is all that matters here.
	view := page.View(f.again.Of(row.Page))
	offset := 0
	for i := 0; i < row.People; {
		var chunk []byte
		err := f.retry.Patiently(ctx, "read openids", func(ctx context.Context) (err error) {
			chunk, err = f.ledger.People(ctx, f.lease.Job, row.Page, offset, feedBytes)
			return err
		})
		if err != nil {
			return err
		}
		end := bytes.LastIndexByte(chunk, '\n') + 1
		if end == 0 {
			return &damagedPage{row.Page}
		}
		offset += end
		b := batch{page: page}
		for line := range bytes.Lines(chunk[:end]) {
			if i == row.People {
				return &damagedPage{row.Page}
			}
			if d := view.Delivery(i, pushd.OpenID(line[:len(line)-1]), f.due); d != nil {
				if at, may := f.earlier.doubts[d.To]; may {
					d.Doubtful(at)
				}
				b.deliveries = append(b.deliveries, d)
			}
			i++
		}
		b.last = i == row.People
		if err := f.sift(ctx, &b); err != nil {
			return err
		}
		select {
		case f.out <- b:
			f.again.Fed(row.Page, b.last)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// sift takes those out of a batch who are skipped without being asked, and those
// whom a person has to let follow.
func (f *feeder) sift(ctx context.Context, b *batch) error {
	unwilling, err := f.unwilling(ctx, b.deliveries)
	if err != nil {
		return err
	}
	all := b.deliveries
	b.deliveries = all[:0]
	for _, d := range all {
		switch {
		case f.only != nil && !f.only[d.To]:
			b.spared = append(b.spared, spared{d, pushd.CodeNotOnList})
		case unwilling(d.To):
			b.spared = append(b.spared, spared{d, pushd.CodeRefusedBefore})
		case !d.Untouched() || f.first.Take():
			b.deliveries = append(b.deliveries, d)
		}
	}
	return nil
}

// unwilling says who of some has refused the template lately. Whoever may have the
// message is none of them: WeChat is asked what became of it.
func (f *feeder) unwilling(ctx context.Context, some []*delivery) (func(pushd.OpenID) bool, error) {
	if f.refusals == nil {
		return f.refusals.Among(ctx, "", nil)
	}
	select {
	case <-f.prepared:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	var who []pushd.OpenID
	for _, d := range some {
		if !d.InDoubt() {
			who = append(who, d.To)
		}
	}
	return f.refusals.Among(ctx, f.template(), who)
}

// damagedPage says that a stored page does not hold what its row says.
type damagedPage struct{ page int }

func (e *damagedPage) Error() string { return fmt.Sprintf("stored page %d is damaged", e.page) }
