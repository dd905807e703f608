package fanout

import (
	"context"
	"slices"
	"strings"

	"pushd"
	"pushd/internal/deferral"
	"pushd/internal/pagebuffer"
)

// earlier is what is known of recipients of a list that a job has dropped: they
// may be on its next list, too. It outlives a claim, but not the process; after a
// crash they are sent to again under the same id.
type earlier struct {
	job    pushd.JobID
	doubts map[pushd.OpenID]pushd.Time   // who may have the message: when they were sent to
	put    map[pushd.OpenID]pushd.Person // whom WeChat asked to be left alone for a while
}

// of returns what is known of a job's earlier lists. Of an account whose next job
// asks, the last one's is dropped; it has one at a time.
func (e *earlier) of(job pushd.JobID) earlier {
	if e.job != job {
		*e = earlier{job, map[pushd.OpenID]pushd.Time{}, map[pushd.OpenID]pushd.Person{}}
	}
	return *e
}

// remember keeps what is known of a page that will be dropped.
func (r *run) remember(ctx context.Context, row pushd.Progress) error {
	people, err := pushd.DecodePersons(row.Outcomes, row.People)
	if err != nil {
		return err
	}
	if row.Mark == 0 && !slices.ContainsFunc(people, func(p pushd.Person) bool { return p.Defers > 0 }) {
		return nil // nothing is known of anybody
	}
	openids, err := r.reader().openids(ctx, row.Page, len(people))
	if err != nil {
		return err
	}
	for i, id := range openids {
		switch p := people[i]; {
		case p.State == pushd.InDoubt, p.State == pushd.Untouched && i < row.Mark:
			r.earlier.doubts[id] = row.DoubtAt
		case p.State == pushd.Refused && p.Defers > 0:
			r.earlier.put[id] = p
		default: // WeChat's patience is not the list's
			if before, ok := deferral.GivenUp(p); ok {
				r.earlier.put[id] = before
			}
		}
	}
	return nil
}

// recall notes on a page of a new list who was put off when they were on an
// earlier one.
func (f *feeder) recall(ctx context.Context, page *pagebuffer.Buffer) error {
	if len(f.earlier.put) == 0 {
		return nil
	}
	openids, err := f.openids(ctx, page.No(), page.Len())
	if err != nil {
		return err
	}
	for i, id := range openids {
		if p, put := f.earlier.put[id]; put {
			page.Recall(i, p)
		}
	}
	return nil
}

// openids reads a whole page, which has so many recipients.
func (f *feeder) openids(ctx context.Context, page, people int) ([]pushd.OpenID, error) {
	var text []byte
	err := f.retry.Patiently(ctx, "read openids", func(ctx context.Context) (err error) {
		text, err = f.ledger.People(ctx, f.lease.Job, page, 0, 4<<20)
		return err
	})
	if err != nil {
		return nil, err
	}
	ids := make([]pushd.OpenID, 0, people)
	for line := range strings.Lines(string(text)) {
		ids = append(ids, pushd.OpenID(strings.TrimSuffix(line, "\n")))
	}
	if len(ids) != people {
		return nil, &damagedPage{page}
	}
	return ids, nil
}
