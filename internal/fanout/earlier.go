package fanout

import (
	"bytes"
	"context"

	"pushd"
	"pushd/internal/retry"
)

// earlier is what is known of recipients of a list that a job has forgotten: they
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

// remember keeps what is known of a page that will be forgotten.
func (r *run) remember(ctx context.Context, row pushd.Progress) error {
	people, err := pushd.DecodePersons(row.Outcomes, row.People)
	if err != nil {
		return err
	}
	worth := row.Mark > 0
	for _, p := range people {
		worth = worth || p.Defers > 0
	}
	if !worth {
		return nil
	}
	openids, err := readPage(ctx, r.retry, r.e.cfg.Ledger, r.job.ID, row.Page)
	if err != nil {
		return err
	}
	i := 0
	for line := range bytes.Lines(openids) {
		if i == len(people) {
			return &damagedPage{row.Page}
		}
		id := pushd.OpenID(bytes.TrimSuffix(line, []byte("\n")))
		switch p := people[i]; {
		case p.State == pushd.InDoubt, p.State == pushd.Untouched && i < row.Mark:
			r.earlier.doubts[id] = row.DoubtAt
		case p.State == pushd.Refused && p.Defers > 0:
			r.earlier.put[id] = p
		}
		i++
	}
	return nil
}

// recall notes on a page of a new list who was put off when they were on an
// earlier one.
func (f *feeder) recall(ctx context.Context, sh *sheet) error {
	if len(f.earlier.put) == 0 {
		return nil
	}
	openids, err := readPage(ctx, f.retry, f.ledger, f.lease.Job, sh.no)
	if err != nil {
		return err
	}
	i := 0
	for line := range bytes.Lines(openids) {
		if i == len(sh.people) {
			return &damagedPage{sh.no}
		}
		p, put := f.earlier.put[pushd.OpenID(bytes.TrimSuffix(line, []byte("\n")))]
		if put && i >= sh.mark && sh.people[i].State == pushd.Untouched {
			sh.people[i], sh.dirty = p, true
		}
		i++
	}
	return nil
}

// readPage reads all openids of a page.
func readPage(ctx context.Context, again retry.Retrier, ledger pushd.Pages, id pushd.JobID, page int) (openids []byte, err error) {
	err = again.Patiently(ctx, "read openids", func(ctx context.Context) (err error) {
		openids, err = ledger.People(ctx, id, page, 0, 4<<20)
		return err
	})
	return openids, err
}
