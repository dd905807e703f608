package ledgertest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pushd"
)

// StorePage stores a page of followers. See pushd.Pages.
func (l *Memory) StorePage(ctx context.Context, lease pushd.Lease, p pushd.Page, w pushd.Walk) error {
	return l.StorePageAs(ctx, lease, p, w, l.nextRev())
}

// nextRev numbers a write of whoever calls StorePage and Record.
func (l *Memory) nextRev() int64 {
	l.Lock()
	defer l.Unlock()
	l.rev++
	return l.rev
}

// StorePageAs is StorePage; rev orders the writes of one process, as package
// store does, so that one that was given up can't land on top of a later one.
func (l *Memory) StorePageAs(ctx context.Context, lease pushd.Lease, p pushd.Page, w pushd.Walk, rev int64) error {
	for _, id := range p.OpenIDs {
		if id == "" || strings.Contains(string(id), "\n") {
			return fmt.Errorf("store page %d of job %s: openid %q cannot be stored", p.No, lease.Job, id)
		}
	}
	now := l.begin()
	defer l.Unlock()
	j := l.writable(lease)
	switch {
	case j == nil:
		return pushd.ErrLost
	case j.Walk.Pages >= p.No:
		return pushd.ErrExists
	case j.Walk.Pages != p.No-1:
		return pushd.ErrLost // a page before it was forgotten
	}
	j.Walk = copyWalk(w)
	var blob []byte
	for i, id := range p.OpenIDs {
		if _, there := j.Where[id]; there {
			j.Twice = append(j.Twice, id)
		}
		j.Where[id] = [2]int{p.No - 1, i}
		blob = append(append(blob, id...), '\n')
	}
	j.Pages = append(j.Pages, pushd.Page{No: p.No, OpenIDs: slices.Clone(p.OpenIDs)})
	j.Blobs = append(j.Blobs, blob)
	j.Progress = append(j.Progress, Progress{pushd.Progress{Page: p.No, People: len(p.OpenIDs)}, lease.Epoch, rev})
	if w.Complete {
		l.event(ctx, pushd.WalkedEvent(j.ID, w), now)
	}
	return nil
}

// SaveWalk stores where the walk stands. See pushd.Pages.
func (l *Memory) SaveWalk(ctx context.Context, lease pushd.Lease, w pushd.Walk) error {
	now := l.begin()
	defer l.Unlock()
	j := l.writable(lease)
	if j == nil || j.Walk.Pages != w.Pages {
		return pushd.ErrLost
	}
	j.Walk = copyWalk(w)
	if w.Complete {
		l.event(ctx, pushd.WalkedEvent(j.ID, w), now)
	}
	return nil
}

// StartOver forgets the list of a job and what came of it. See pushd.Pages.
func (l *Memory) StartOver(_ context.Context, lease pushd.Lease, passAt pushd.Time) error {
	l.begin()
	defer l.Unlock()
	j := l.endable(lease)
	if j == nil || j.Walk.PassAt != 0 && j.Walk.PassAt != passAt {
		return pushd.ErrLost
	}
	j.Walk = pushd.Walk{}
	j.forget()
	return nil
}

// forget removes the pages and what came of them.
func (j *Job) forget() {
	j.Pages, j.Blobs, j.Progress, j.Where, j.receipts = nil, nil, nil, map[pushd.OpenID][2]int{}, nil
}

// Progress reads the progress of some pages. See pushd.Pages.
func (l *Memory) Progress(_ context.Context, id pushd.JobID, from, to int) (rows []pushd.Progress, err error) {
	l.begin()
	defer l.Unlock()
	j := l.ByID[id]
	for no := max(from, 1); j != nil && no <= min(to, len(j.Progress)); no++ {
		rows = append(rows, j.Progress[no-1].read())
	}
	return rows, nil
}

func (p *Progress) read() pushd.Progress {
	row := copyProgress(p.Progress)
	row.Epoch = p.epoch
	return row
}

func copyProgress(p pushd.Progress) pushd.Progress {
	p.Outcomes = slices.Clone(p.Outcomes)
	p.Counts.Errors = maps.Clone(p.Counts.Errors)
	return p
}

// people returns the recipients of the page as they are shown: who stands before
// the watermark without an outcome is in doubt.
func (p *Progress) people() []pushd.Person {
	people, err := pushd.DecodePersons(p.Outcomes, p.People)
	if err != nil {
		panic(err)
	}
	for i := range people {
		if people[i].State == pushd.Untouched && i < p.Mark {
			people[i] = pushd.Person{State: pushd.InDoubt, Code: pushd.CodeInDoubt}
		}
	}
	return people
}

// People reads a slice of a page's openids. See pushd.Pages.
func (l *Memory) People(_ context.Context, id pushd.JobID, page, offset, limit int) ([]byte, error) {
	l.begin()
	defer l.Unlock()
	j := l.ByID[id]
	if j == nil || page < 1 || page > len(j.Blobs) {
		return nil, pushd.ErrNotFound
	}
	b := j.Blobs[page-1]
	b = b[min(offset, len(b)):]
	return slices.Clone(b[:min(limit, len(b))]), nil
}

// Record writes the progress of some pages. See pushd.Pages.
func (l *Memory) Record(_ context.Context, lease pushd.Lease, rows []pushd.Progress) error {
	return l.RecordAs(lease, rows, l.nextRev())
}

// RecordAs is Record, and rev is that of StorePageAs.
func (l *Memory) RecordAs(lease pushd.Lease, rows []pushd.Progress, rev int64) error {
	l.begin()
	defer l.Unlock()
	j := l.ByID[lease.Job]
	for _, p := range rows {
		if j == nil || p.Page < 1 || p.Page > len(j.Progress) {
			return pushd.ErrLost
		}
		row := &j.Progress[p.Page-1]
		if row.epoch != lease.Epoch || row.rev > rev {
			return pushd.ErrLost
		}
		people := row.People
		*row = Progress{copyProgress(p), lease.Epoch, rev}
		row.People = people
	}
	return nil
}
