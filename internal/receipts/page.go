package receipts

import (
	"bytes"
	"cmp"
	"slices"

	"pushd"
)

// page finds recipients on one page of a job, exactly. It is the page's openids as
// they are stored, and their places in the order of the openids: 36 bytes a
// recipient.
type page struct {
	openids []byte
	starts  []uint32 // of each openid, by index; one more for the end
	order   []uint16 // indexes, by openid
}

// newPage takes openids, each followed by a newline.
func newPage(openids []byte) *page {
	n := bytes.Count(openids, []byte("\n"))
	p := &page{openids: openids, starts: make([]uint32, 0, n+1), order: make([]uint16, 0, n)}
	at := uint32(0)
	for line := range bytes.Lines(openids) {
		if len(p.order) == pushd.PageSize {
			break
		}
		p.starts = append(p.starts, at)
		p.order = append(p.order, uint16(len(p.order)))
		at += uint32(len(line))
	}
	p.starts = append(p.starts, at)
	slices.SortFunc(p.order, func(a, b uint16) int { return bytes.Compare(p.openid(a), p.openid(b)) })
	return p
}

// openid is that of the recipient at index.
func (p *page) openid(index uint16) []byte {
	return p.openids[p.starts[index] : p.starts[index+1]-1]
}

// find returns the index of a recipient.
func (p *page) find(id pushd.OpenID) (index int, found bool) {
	at, found := slices.BinarySearchFunc(p.order, id, func(i uint16, id pushd.OpenID) int {
		return cmp.Compare(string(p.openid(i)), string(id))
	})
	if !found {
		return 0, false
	}
	return int(p.order[at]), true
}

// size is what the page takes in memory.
func (p *page) size() int { return len(p.openids) + 4*len(p.starts) + 2*len(p.order) }

// place names a page of a job's list.
type place struct {
	job    pushd.JobID
	passAt pushd.Time // another one may be another list
	no     int
}

// pageCache keeps the pages that were used last.
type pageCache struct {
	pages map[place]*page
	used  []place // the last one last
	size  int
	most  int // bytes
}

func newPageCache(most int) *pageCache { return &pageCache{pages: map[place]*page{}, most: most} }

// use notes that a page was of use.
func (s *pageCache) use(at place) {
	s.used = append(slices.DeleteFunc(s.used, func(o place) bool { return o == at }), at)
}

// put keeps a page, and drops those that were used longest ago; the one that is
// put stays.
func (s *pageCache) put(at place, p *page) {
	s.pages[at], s.used, s.size = p, append(s.used, at), s.size+p.size()
	for s.size > s.most && len(s.used) > 1 {
		s.size -= s.pages[s.used[0]].size()
		delete(s.pages, s.used[0])
		s.used = s.used[1:]
	}
}
