package accountstate

import (
	"sync"
	"time"

	"pushd"
	"pushd/internal/pace"
)

// keepFor is for how long the state of an account is kept that has no job.
const keepFor = time.Hour

// Table has the state of every account that had a job lately. It is safe for
// concurrent use.
type Table struct {
	newPacer func() *pace.Pacer
	mu       sync.Mutex
	states   map[pushd.AppID]*State
}

// NewTable makes an empty table; newPacer makes the pacer of an account.
func NewTable(newPacer func() *pace.Pacer) *Table {
	return &Table{newPacer: newPacer, states: map[pushd.AppID]*State{}}
}

// Of returns the state of an account.
func (t *Table) Of(id pushd.AppID) *State {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.states[id]
	if s == nil {
		s = &State{Pacer: t.newPacer()}
		t.states[id] = s
	}
	s.used = time.Now()
	return s
}

// Expire drops the accounts that have been idle for keepFor; inUse are those of the
// jobs at work.
func (t *Table) Expire(inUse []*State) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for _, s := range inUse {
		s.used = now
	}
	for id, s := range t.states {
		if now.Sub(s.used) > keepFor {
			delete(t.states, id)
		}
	}
}

// Down is how many accounts WeChat was not answering when last heard of.
func (t *Table) Down(now time.Time) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.states {
		if s.Outage.IsDown(now) {
			n++
		}
	}
	return n
}
