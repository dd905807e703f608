// Package frontier says how far the walk of a job's followers has come: the walk
// moves it, and whoever follows the walk waits for it to move.
package frontier

import (
	"cmp"
	"sync"

	"pushd"
)

// Frontier is how far the walk has come. It is safe for concurrent use.
type Frontier struct {
	mu    sync.Mutex
	walk  pushd.Walk
	shut  bool          // there is no more to come, complete or not
	moved chan struct{} // closed and replaced at every change
}

// New is the frontier of a walk that stands at w, and goes on.
func New(w pushd.Walk) *Frontier { return &Frontier{walk: w, moved: make(chan struct{})} }

// Set moves the frontier.
func (f *Frontier) Set(w pushd.Walk) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.walk = w
	f.change()
}

// Advance moves the frontier to w, unless that is a walk of the same list which
// is not as far: a node of the database may lag behind what this claim has
// stored.
func (f *Frontier) Advance(w pushd.Walk) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if before(w, f.walk) {
		return
	}
	f.walk = w
	f.change()
}

// before says that a is an earlier state of b. Pages are only added, and so are
// passes; what a pass has seen only grows.
func before(a, b pushd.Walk) bool {
	c := cmp.Or(cmp.Compare(a.Pages, b.Pages), cmp.Compare(a.Pass, b.Pass), cmp.Compare(a.Seen, b.Seen))
	return c < 0 || c == 0 && b.Complete && !a.Complete
}

// End says that the walk has ended, complete or not.
func (f *Frontier) End() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shut = true
	f.change()
}

// Begin takes back that the walk has ended.
func (f *Frontier) Begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shut = false
}

func (f *Frontier) change() {
	close(f.moved)
	f.moved = make(chan struct{})
}

// Ended says whether there is no more to come.
func (f *Frontier) Ended() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.shut
}

// Look is Ended and Get at one moment: whoever asked for one after the other
// could miss the end in between, and wait for a change that never comes.
func (f *Frontier) Look() (pushd.Walk, bool, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.walk, f.shut, f.moved
}

// Get returns where the walk stands, and a channel that closes when it moves.
func (f *Frontier) Get() (pushd.Walk, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.walk, f.moved
}
