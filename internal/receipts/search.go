package receipts

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"pushd"
)

// search is how far the pages of a job were looked at for receipts whose
// recipients are not on one of those that are kept.
type search struct {
	at     int // the page that was looked at last
	looked int // pages, over all rounds
	pages  int
}

// done says that a receipt has been looked for on every page.
func (s *search) done(r receipt) bool { return s.looked-r.seen >= s.pages }

// lookup is the search for the recipients of some receipts on the pages of a job.
type lookup struct {
	k       *Keeper
	job     *pushd.SentJob
	found   map[int][]located // by page
	missing []receipt
	read    int // pages that were not kept
}

// locate finds recipients on the pages of a job: on those that are kept first, then
// on some others, which it reads. missing are those that are not found so far.
func (k *Keeper) locate(ctx context.Context, j *pushd.SentJob, all []receipt) (found map[int][]located, missing []receipt, err error) {
	l := &lookup{k: k, job: j, found: map[int][]located{}, missing: all}
	for no := j.Pages; no > 0 && len(l.missing) > 0; no-- {
		if p := k.cache.pages[l.place(no)]; p != nil {
			l.look(no, p)
		}
	}
	if len(l.missing) > 0 {
		err = l.search(ctx)
	}
	return l.found, l.missing, err
}

func (l *lookup) place(no int) place { return place{l.job.ID, l.job.PassAt, no} }

// look looks for those who are missing on a page.
func (l *lookup) look(no int, p *page) {
	var rest []receipt
	for _, r := range l.missing {
		if index, ok := p.find(r.OpenID); ok {
			l.found[no] = append(l.found[no], located{r, index})
		} else {
			rest = append(rest, r)
		}
	}
	if len(rest) < len(l.missing) {
		l.k.cache.use(l.place(no))
	}
	l.missing = rest
}

// search looks on pages that are not kept: on those that are sent to now, and on
// those that come next in the search of the rounds before.
func (l *lookup) search(ctx context.Context) error {
	sent, err := l.k.Ledger.SentPages(ctx, l.job.ID)
	if err != nil {
		return err
	}
	s := l.k.searches[l.job.ID]
	if s == nil {
		s = &search{}
		l.k.searches[l.job.ID] = s
	}
	s.pages = len(sent)
	l.missing = s.join(l.job.ID, l.missing)
	for _, no := range sent[:min(len(sent), loads/2)] {
		if err := l.open(ctx, no); err != nil {
			return err
		}
	}
	for range sent {
		if l.read >= loads || len(l.missing) == 0 {
			break
		}
		no := next(sent, s.at)
		if err := l.open(ctx, no); err != nil {
			return err
		}
		s.at = no
		s.looked++
	}
	return nil
}

// open reads a page that is not kept, and looks on it.
func (l *lookup) open(ctx context.Context, no int) error {
	if l.k.cache.pages[l.place(no)] != nil {
		return nil
	}
	openids, err := l.k.Ledger.People(ctx, l.job.ID, no, 0, pageMax)
	if errors.Is(err, pushd.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	l.read++
	p := newPage(openids)
	l.k.cache.put(l.place(no), p)
	l.look(no, p)
	return nil
}

// pageMax bounds what is read of a page: openids have 28 characters.
const pageMax = pushd.PageSize * 130

// join notes for receipts that are new in a search how far it has come.
func (s *search) join(id pushd.JobID, all []receipt) []receipt {
	joined := make([]receipt, len(all))
	for i, r := range all {
		if r.of != id {
			r.of, r.seen = id, s.looked
		}
		joined[i] = r
	}
	return joined
}

// next is the page after at, in falling order and around.
func next(sent []int, at int) int {
	i, there := slices.BinarySearchFunc(sent, at, func(a, b int) int { return cmp.Compare(b, a) })
	if there {
		i++
	}
	return sent[i%len(sent)]
}
