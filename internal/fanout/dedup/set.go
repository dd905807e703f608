// Package dedup knows which followers a walk has stored already: a Bloom filter
// off the heap, and an exact look-up in the stored pages where it says yes.
package dedup

import (
	"bytes"
	"context"
	"hash/maphash"
	"math/bits"
	"strings"

	"pushd"
	"pushd/internal/retry"
)

// Set knows whom a walk has stored already, in memory that does not grow
// with the number of followers: a Bloom filter says "certainly new" of nearly
// everyone who is, and whoever it is not certain about is looked up in the
// stored pages and compared byte for byte. So no one is mistaken for anyone
// else, whatever the filter thinks.
type Set struct {
	ledger pushd.Pages
	job    pushd.JobID
	retry  retry.Retrier
	seed   maphash.Seed

	words []uint64
	free  func()
	mask  uint64 // bits in the filter, less one
	added int64
	near  int // the page where the last repeated followers were found

	once  map[pushd.OpenID]bool // the followers of one answer, by whether they may be stored already
	list  []pushd.OpenID        // the same, in order
	known int                   // how many of them are stored
}

const (
	filterHashes    = 12
	filterPerPerson = 24        // bits
	filterLarge     = 16 << 20  // bytes: what an account of 500,000 to 5.5 million gets
	filterLargeFrom = 500_000   // followers
	filterSmallest  = 1 << 16   // bits
	lookUpBytes     = 256 << 10 // openids read at once when followers are looked up
	// WeChat's total can be wrong by any factor. What it claims beyond this
	// is believed when the followers come; the filter then grows.
	filterClaimed = 10_000_000 // followers
)

// New makes an empty set for about total followers, as WeChat claims.
func New(ledger pushd.Pages, job pushd.JobID, retry retry.Retrier, total int64) *Set {
	s := &Set{ledger: ledger, job: job, retry: retry, seed: maphash.MakeSeed(), near: 1}
	s.resize(min(total, filterClaimed))
	return s
}

func (s *Set) resize(people int64) {
	n := uint64(filterSmallest)
	if need := uint64(max(people, 1)) * filterPerPerson; need > n {
		n = 1 << bits.Len64(need-1)
	}
	if people >= filterLargeFrom {
		n = max(n, filterLarge*8)
	}
	if s.free != nil {
		s.free()
	}
	s.words, s.free = offHeap(int(n / 64))
	s.mask, s.added = n-1, 0
}

// Close gives the memory back.
func (s *Set) Close() { s.free() }

// Load fills the memory with the followers of the pages stored so far.
func (s *Set) Load(ctx context.Context, pages int) error {
	for page := 1; page <= pages; page++ {
		if err := s.scan(ctx, page, func(id []byte) { s.add(maphash.Bytes(s.seed, id)) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *Set) add(h uint64) {
	step := h>>32 | 1
	for range filterHashes {
		s.words[h&s.mask>>6] |= 1 << (h & 63)
		h += step
	}
	s.added++
}

func (s *Set) maybe(h uint64) bool {
	step := h>>32 | 1
	for range filterHashes {
		if s.words[h&s.mask>>6]&(1<<(h&63)) == 0 {
			return false
		}
		h += step
	}
	return true
}

// Fresh returns those of ids, each once, who are not stored in
// pages 1..pages, in order, and remembers them. What it returns is valid until
// the next call.
func (s *Set) Fresh(ctx context.Context, ids []pushd.OpenID, pages int) ([]pushd.OpenID, error) {
	if (s.added+int64(len(ids)))*filterPerPerson > int64(s.mask+1) {
		s.resize((s.added + int64(len(ids))) * 2)
		if err := s.Load(ctx, pages); err != nil {
			return nil, err
		}
	}
	if s.once == nil {
		s.once = make(map[pushd.OpenID]bool, len(ids))
	}
	clear(s.once)
	once, list, suspects := s.once, s.list[:0], 0
	for _, id := range ids {
		if _, repeated := once[id]; repeated || !storable(id) {
			continue
		}
		maybe := s.maybe(maphash.String(s.seed, string(id)))
		if maybe {
			suspects++
		}
		once[id] = maybe
		list = append(list, id)
	}
	s.list = list
	all := len(list)
	if err := s.lookUp(ctx, once, suspects, pages); err != nil {
		return nil, err
	}
	fresh := list[:0]
	for _, id := range list {
		if _, ok := once[id]; ok {
			s.add(maphash.String(s.seed, string(id)))
			fresh = append(fresh, id)
		}
	}
	s.known = all - len(fresh)
	return fresh, nil
}

// Known is how many of the last answer's were stored already.
func (s *Set) Known() int { return s.known }

// storable says whether an openid can be one: pages hold one to a line.
func storable(id pushd.OpenID) bool { return id != "" && !strings.Contains(string(id), "\n") }

// lookUp removes from ids those who are stored. It begins where the last ones
// were found: lists repeat in runs.
func (s *Set) lookUp(ctx context.Context, ids map[pushd.OpenID]bool, suspects, pages int) error {
	from := s.near
	for i := 0; i < pages && suspects > 0; i++ {
		page := (from-1+i)%pages + 1
		found := 0
		err := s.scan(ctx, page, func(id []byte) {
			if ids[pushd.OpenID(id)] {
				delete(ids, pushd.OpenID(id))
				found++
			}
		})
		if err != nil {
			return err
		}
		if found > 0 {
			suspects -= found
			s.near = page
		}
	}
	return nil
}

// scan calls f with every openid of a stored page.
func (s *Set) scan(ctx context.Context, page int, f func(id []byte)) error {
	for offset := 0; ; {
		var chunk []byte
		err := s.retry.Patiently(ctx, "read openids", func(ctx context.Context) (err error) {
			chunk, err = s.ledger.People(ctx, s.job, page, offset, lookUpBytes)
			return err
		})
		if err != nil {
			return err
		}
		end := bytes.LastIndexByte(chunk, '\n') + 1
		if end == 0 {
			return nil
		}
		for line := range bytes.Lines(chunk[:end]) {
			f(line[:len(line)-1])
		}
		offset += end
		if len(chunk) < lookUpBytes {
			return nil
		}
	}
}
