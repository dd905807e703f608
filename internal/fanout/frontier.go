package fanout

import (
	"cmp"
	"sync"

	"pushd"
)

// frontier is how far the walk has come, for those who follow it.
type frontier struct {
	mu    sync.Mutex
	walk  pushd.Walk
	shut  bool          // there is no more to come, complete or not
	moved chan struct{} // closed and replaced at every change
}

func newFrontier(w pushd.Walk) *frontier { return &frontier{walk: w, moved: make(chan struct{})} }

// set moves the frontier.
func (f *frontier) set(w pushd.Walk) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.walk = w
	f.change()
}

// advance moves the frontier to w, unless that is a walk of the same list which
// is not as far: a node of the database may lag behind what this claim has
// stored.
func (f *frontier) advance(w pushd.Walk) {
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

// end says that the walk has ended; begin takes that back.
func (f *frontier) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shut = true
	f.change()
}

func (f *frontier) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shut = false
}

func (f *frontier) change() {
	close(f.moved)
	f.moved = make(chan struct{})
}

// ended says whether there is no more to come.
func (f *frontier) ended() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.shut
}

// look is ended and get at one moment: whoever asked for one after the other
// could miss the end in between, and wait for a change that never comes.
func (f *frontier) look() (pushd.Walk, bool, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.walk, f.shut, f.moved
}

// get returns where the walk stands, and a channel that closes when it moves.
func (f *frontier) get() (pushd.Walk, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.walk, f.moved
}
