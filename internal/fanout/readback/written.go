package readback

import (
	"encoding/binary"
	"hash/maphash"
	"sync"

	"pushd"
)

// Written remembers what this claim has recorded of each page, so that a read
// which shows something else is known to be older: no other process writes. It is
// safe for concurrent use.
type Written struct {
	mu   sync.Mutex
	seed maphash.Seed
	rows map[int]uint64
}

// NewWritten remembers nothing yet.
func NewWritten() *Written { return &Written{seed: maphash.MakeSeed(), rows: map[int]uint64{}} }

// Recorded notes what has landed in the ledger.
func (w *Written) Recorded(rows []pushd.Progress) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, row := range rows {
		w.rows[row.Page] = w.digest(row)
	}
}

// Differs says that row is not what was recorded last.
func (w *Written) Differs(row pushd.Progress) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	last, known := w.rows[row.Page]
	return known && last != w.digest(row)
}

// Any says that something was recorded.
func (w *Written) Any() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.rows) > 0
}

// Forget forgets the pages of a list that is in the ledger no more.
func (w *Written) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.rows)
}

func (w *Written) digest(row pushd.Progress) uint64 {
	b := binary.AppendVarint(nil, int64(row.Mark))
	b = binary.AppendVarint(b, int64(row.DoubtAt))
	return maphash.Bytes(w.seed, append(b, row.Outcomes...))
}
