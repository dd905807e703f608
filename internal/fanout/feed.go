package fanout

import (
	"context"

	"pushd"
	"pushd/internal/fanout/allowance"
	"pushd/internal/fanout/deferral"
	"pushd/internal/fanout/earlier"
	"pushd/internal/fanout/frontier"
	"pushd/internal/fanout/pagebuffer"
	"pushd/internal/fanout/readback"
	"pushd/internal/fanout/refusal"
)

// feeder reads the unsettled recipients of a job from the ledger, page by page,
// as the walk stores them. It runs ahead of the sends by one batch and never
// holds a whole page.
type feeder struct {
	pages    *readback.Reader
	frontier *frontier.Frontier
	// earlier is what is known of recipients of a list that was dropped.
	earlier earlier.Lists
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
		rows, err := f.pages.Progress(ctx, next, min(walk.Pages, next+readback.Pages-1))
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := f.first.Page(row); err != nil {
				return err
			}
			if !row.Done() || f.again.Wants(row) {
				if err := f.page(ctx, row); err != nil {
					return err
				}
			}
			if f.first.Reached() { // what the walk adds meanwhile is for a later claim
				return nil
			}
		}
		next = min(walk.Pages, next+readback.Pages-1) + 1
	}
}

// page feeds one page.
func (f *feeder) page(ctx context.Context, row pushd.Progress) error {
	page, err := pagebuffer.Open(row)
	if err != nil {
		return err
	}
	if f.earlier.PutOff() {
		openids, err := f.pages.OpenIDs(ctx, row)
		if err != nil {
			return err
		}
		f.earlier.Recall(page, openids)
	}
	// The page belongs to the sender from the first batch on; what it was when it
	// was opened is all that matters here.
	view := page.View(f.again.Of(row.Page))
	for i, offset := 0, 0; i < row.People; {
		openids, next, err := f.pages.Some(ctx, row, offset)
		if err != nil {
			return err
		}
		if i+len(openids) > row.People {
			return &readback.Damaged{Page: row.Page}
		}
		offset = next
		b := batch{page: page, last: i+len(openids) == row.People}
		for _, id := range openids {
			if d := view.Delivery(i, id, f.due); d != nil {
				if at, may := f.earlier.Doubtful(id); may {
					d.Doubtful(at)
				}
				b.deliveries = append(b.deliveries, d)
			}
			i++
		}
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
