package wechatsim

import (
	"slices"
	"sync"
	"sync/atomic"
)

// followers is who follows an account, in the order in which user/get lists
// them. A follower is a number: those below named have an openid given by the
// test, those from base up joined later.
type followers struct {
	naming  naming
	given   []string // openids of the first of them
	byName  map[string]int
	base    int // followers from the start
	refusal []refusal
	odd     atomic.Bool // left or codes hold anything

	mu     sync.RWMutex
	joined []int         // by k: follower base+k stands behind this one
	behind map[int][]int // the same the other way round; -1 is the front
	left   map[int]bool
	codes  map[int]int // answers set for single followers
}

// refusal: followers whose hash lies below the bound, and above the one before,
// answer with the code.
type refusal struct {
	below uint64
	code  int
}

func newFollowers(seed uint64, appid string, opts AccountOptions) *followers {
	f := &followers{
		naming: newNaming(seed, appid),
		given:  opts.OpenIDs,
		byName: make(map[string]int, len(opts.OpenIDs)),
		base:   max(opts.Followers, len(opts.OpenIDs)),
		behind: make(map[int][]int),
		left:   make(map[int]bool),
		codes:  make(map[int]int),
	}
	for i, id := range opts.OpenIDs {
		f.byName[id] = i
	}
	shares := append([]Refusal{{43004, opts.Unsubscribed}, {43101, opts.Refusing}}, opts.Refusals...)
	sum := 0.0
	for _, r := range shares {
		if sum += r.Share; r.Share > 0 {
			f.refusal = append(f.refusal, refusal{uint64(min(sum, 1) * (1<<63 - 1)), r.Code})
		}
	}
	return f
}

// appendOpenID appends the openid of follower i.
func (f *followers) appendOpenID(dst []byte, i int) []byte {
	if i < len(f.given) {
		return append(dst, f.given[i]...)
	}
	return f.naming.append(dst, i)
}

func (f *followers) openID(i int) string {
	var buf [openidLen]byte
	return string(f.appendOpenID(buf[:0], i))
}

// index finds the follower with this openid among all who ever followed.
func (f *followers) index(openid []byte) (int, bool) {
	if i, ok := f.byName[string(openid)]; ok {
		return i, true
	}
	i, ok := f.naming.index(openid)
	if !ok || i < len(f.given) || i < f.base {
		return i, ok && i >= len(f.given)
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	return i, i < f.base+len(f.joined)
}

// code is what a send to follower i answers because of who that is: 0, 43004
// for one who left, 43101, 43117, ….
func (f *followers) code(i int) int {
	if f.odd.Load() {
		f.mu.RLock()
		left, code := f.left[i], f.codes[i]
		_, set := f.codes[i]
		f.mu.RUnlock()
		if left {
			return 43004
		}
		if set {
			return code
		}
	}
	if len(f.refusal) == 0 || i >= f.base {
		return 0
	}
	h := mix(f.naming.key, uint64(i), 4) >> 1
	for _, r := range f.refusal {
		if h < r.below {
			return r.code
		}
	}
	return 0
}

// total is how many follow now.
func (f *followers) total() int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.base + len(f.joined) - len(f.left)
}

// ever is how many ever followed.
func (f *followers) ever() int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.base + len(f.joined)
}

func (f *followers) gone(i int) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.left[i]
}

func (f *followers) leave(i int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left[i] = true
	f.odd.Store(true)
}

func (f *followers) comeBack(i int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.left, i)
}

func (f *followers) setCode(i, code int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.codes[i] = code
	f.odd.Store(true)
}

// join adds a follower, at a random place of the list: WeChat's order is not
// that of following.
func (f *followers) join() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := f.base + len(f.joined)
	at := -1
	if f.base > 0 {
		at = int(mix(f.naming.key, uint64(i), 5) % uint64(f.base))
	}
	f.joined = append(f.joined, at)
	f.behind[at] = append(f.behind[at], i)
	return i
}

// list calls yield for those who follow and stand behind follower from, in
// order, until it returns false; from -1 is the start.
func (f *followers) list(from int, yield func(i int) bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	at, skip := from, 0
	if from >= f.base {
		at = f.joined[from-f.base]
		skip = slices.Index(f.behind[at], from) + 1
	}
	for {
		if len(f.behind) > 0 {
			for _, i := range f.behind[at][skip:] {
				if !f.left[i] && !yield(i) {
					return
				}
			}
		}
		if at++; at >= f.base {
			return
		}
		skip = 0
		if !f.left[at] && !yield(at) {
			return
		}
	}
}
