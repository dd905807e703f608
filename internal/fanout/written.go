package fanout

import (
	"encoding/binary"
	"hash/maphash"
	"sync"

	"pushd"
)

// written remembers what this claim has recorded of each page, so that a read
// which shows something else is known to be older: nobody else writes.
type written struct {
	mu   sync.Mutex
	seed maphash.Seed
	rows map[int]uint64
}

func newWritten() written { return written{seed: maphash.MakeSeed(), rows: map[int]uint64{}} }

// recorded notes what has landed in the ledger.
func (w *written) recorded(rows []pushd.Progress) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, row := range rows {
		w.rows[row.Page] = w.digest(row)
	}
}

// differs says that row is not what was recorded last.
func (w *written) differs(row pushd.Progress) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	last, known := w.rows[row.Page]
	return known && last != w.digest(row)
}

// any says that something was recorded.
func (w *written) any() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.rows) > 0
}

// forget forgets the pages of a list that is in the ledger no more.
func (w *written) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.rows)
}

func (w *written) digest(row pushd.Progress) uint64 {
	b := binary.AppendVarint(nil, int64(row.Mark))
	b = binary.AppendVarint(b, int64(row.DoubtAt))
	return maphash.Bytes(w.seed, append(b, row.Outcomes...))
}
