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

// hunt is the look for the recipients of some receipts on the pages of a job.
type hunt struct {
	k       *Keeper
	job     *pushd.SentJob
	found   map[int][]located // by page
	missing []receipt
	read    int // pages that were not kept
}

// locate finds recipients on the pages of a job: on those that are kept first, then
// on some others, which it reads. missing are those that are not found so far.
func (k *Keeper) locate(ctx context.Context, j *pushd.SentJob, all []receipt) (found map[int][]located, missing []receipt, err error) {
	h := &hunt{k: k, job: j, found: map[int][]located{}, missing: all}
	for no := j.Pages; no > 0 && len(h.missing) > 0; no-- {
		if p := k.shelf.pages[h.place(no)]; p != nil {
			h.look(no, p)
		}
	}
	if len(h.missing) > 0 {
		err = h.search(ctx)
	}
	return h.found, h.missing, err
}

func (h *hunt) place(no int) place { return place{h.job.ID, h.job.PassAt, no} }

// look looks for those who are missing on a page.
func (h *hunt) look(no int, p *page) {
	var rest []receipt
	for _, r := range h.missing {
		if index, ok := p.find(r.OpenID); ok {
			h.found[no] = append(h.found[no], located{r, index})
		} else {
			rest = append(rest, r)
		}
	}
	if len(rest) < len(h.missing) {
		h.k.shelf.use(h.place(no))
	}
	h.missing = rest
}

// search looks on pages that are not kept: on those that are sent to now, and on
// those that come next in the search of the rounds before.
func (h *hunt) search(ctx context.Context) error {
	sent, err := h.k.Ledger.SentPages(ctx, h.job.ID)
	if err != nil {
		return err
	}
	s := h.k.searches[h.job.ID]
	if s == nil {
		s = &search{}
		h.k.searches[h.job.ID] = s
	}
	s.pages = len(sent)
	h.missing = s.join(h.job.ID, h.missing)
	for _, no := range sent[:min(len(sent), loads/2)] {
		if err := h.open(ctx, no); err != nil {
			return err
		}
	}
	for range sent {
		if h.read >= loads || len(h.missing) == 0 {
			break
		}
		no := next(sent, s.at)
		if err := h.open(ctx, no); err != nil {
			return err
		}
		s.at = no
		s.looked++
	}
	return nil
}

// open reads a page that is not kept, and looks on it.
func (h *hunt) open(ctx context.Context, no int) error {
	if h.k.shelf.pages[h.place(no)] != nil {
		return nil
	}
	openids, err := h.k.Ledger.People(ctx, h.job.ID, no, 0, pageMax)
	if errors.Is(err, pushd.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	h.read++
	p := newPage(openids)
	h.k.shelf.put(h.place(no), p)
	h.look(no, p)
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
