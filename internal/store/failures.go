package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"slices"

	"pushd"
)

// Failures calls yield for everyone of a job who is in one of the states, in
// the order of the walk, page by page: one page is in memory, whatever the
// job's size. It ends early with yield's error.
func (s *Store) Failures(ctx context.Context, id pushd.JobID, states []pushd.PersonState, yield func(pushd.Failure) error) error {
	for no := 0; ; {
		p, openids, receipts, err := s.nextPage(ctx, id, no, slices.Contains(states, pushd.PersonSent))
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return wrap(err, "list failures of job %s", id)
		}
		no = p.Page
		people, err := pushd.DecodePersons(p.Outcomes, p.People)
		if err != nil {
			return wrap(err, "list failures of job %s, page %d", id, no)
		}
		i := 0
		for openid := range bytes.Lines(openids) {
			if i >= len(people) {
				break
			}
			person := people[i]
			if person.State == pushd.Untouched && i < p.Mark { // may have been sent to
				person = pushd.Person{State: pushd.InDoubt, Code: pushd.CodeInDoubt}
			}
			if slices.Contains(states, person.State) {
				f := pushd.Failure{
					OpenID: pushd.OpenID(bytes.TrimSuffix(openid, []byte("\n"))),
					State:  person.State, Code: int(person.Code), Page: no, Receipt: receipts.Of(i),
				}
				if err := yield(f); err != nil {
					return err
				}
			}
			i++
		}
	}
}

// nextPage reads the page after no on which anyone is not simply sent to, or any
// page.
func (s *Store) nextPage(ctx context.Context, id pushd.JobID, no int, any bool) (progressRow, []byte, pushd.PageReceipts, error) {
	var r struct {
		progressRow
		OpenIDs  []byte `db:"openids"`
		Receipts []byte `db:"receipts"`
	}
	err := s.retry(ctx, func() error {
		return s.db.GetContext(ctx, &r, `
SELECT g.page_no, g.people, g.mark, g.doubt_at, g.outcomes, p.openids, r.receipts
FROM pushd_progress g
JOIN pushd_page p ON p.job_id = g.job_id AND p.page_no = g.page_no
LEFT JOIN pushd_receipt_page r ON r.job_id = g.job_id AND r.page_no = g.page_no
WHERE g.job_id = ?
  AND g.page_no > ?
  AND (? OR g.sent < g.people)
ORDER BY g.page_no
LIMIT 1`, id, no, any)
	})
	return r.progressRow, r.OpenIDs, r.Receipts, err
}

// Recipient says what became of one recipient, and what WeChat says of the message;
// ErrNotFound if the walk has not met them. Openids compare byte for byte. Who
// stands before the watermark without an outcome shows as in doubt.
func (s *Store) Recipient(ctx context.Context, id pushd.JobID, openid pushd.OpenID) (pushd.Recipient, error) {
	for no := 0; openid != ""; {
		page, index, err := s.locate(ctx, id, openid, no)
		if errors.Is(err, sql.ErrNoRows) {
			break
		}
		if err != nil {
			return pushd.Recipient{}, wrap(err, "find recipient in job %s", id)
		}
		if no = page; index < 0 {
			continue // only a part of a longer openid
		}
		rows, err := s.Progress(ctx, id, page, page)
		if err != nil {
			return pushd.Recipient{}, err
		}
		if len(rows) == 0 {
			break // purged this moment
		}
		people, err := pushd.DecodePersons(rows[0].Outcomes, rows[0].People)
		if err == nil && index >= len(people) {
			err = errors.New("the page is damaged")
		}
		if err != nil {
			return pushd.Recipient{}, wrap(err, "find recipient in job %s", id)
		}
		person := people[index]
		if person.State == pushd.Untouched && index < rows[0].Mark {
			person = pushd.Person{State: pushd.InDoubt, Code: pushd.CodeInDoubt}
		}
		receipts, err := s.pageReceipts(ctx, id, page)
		return pushd.Recipient{Person: person, Receipt: receipts.Of(index)}, wrap(err, "find recipient in job %s", id)
	}
	return pushd.Recipient{}, pushd.ErrNotFound
}

// locate finds the next page after no that holds the bytes of openid, and the
// person's index on it, -1 if the bytes are a part of another openid.
func (s *Store) locate(ctx context.Context, id pushd.JobID, openid pushd.OpenID, no int) (page, index int, err error) {
	var r struct {
		Page    int    `db:"page_no"`
		OpenIDs []byte `db:"openids"`
	}
	line := []byte(openid + "\n")
	err = s.retry(ctx, func() error {
		return s.db.GetContext(ctx, &r, `
SELECT page_no, openids
FROM pushd_page
WHERE job_id = ?
  AND page_no > ?
  AND INSTR(openids, ?) > 0
ORDER BY page_no
LIMIT 1`, id, no, line)
	})
	if err != nil {
		return 0, 0, err
	}
	index = 0
	for l := range bytes.Lines(r.OpenIDs) {
		if bytes.Equal(l, line) {
			return r.Page, index, nil
		}
		index++
	}
	return r.Page, -1, nil
}
