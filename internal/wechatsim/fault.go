package wechatsim

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Path names a kind of request.
type Path string

// The kinds of requests.
const (
	PathSend      Path = "send"
	PathUserGet   Path = "user_get"
	PathToken     Path = "token"
	PathStable    Path = "stable_token"
	PathTemplates Path = "templates"
	PathQuota     Path = "quota"
	PathClear     Path = "clear_quota"
	PathQRCode    Path = "qrcode"
	PathShowQR    Path = "showqrcode"
	PathBlocked   Path = "blocked"
	PathUserInfo  Path = "user_info" // one follower, or up to 100
	PathTags      Path = "tags"
	PathTagUsers  Path = "tag_users"
	PathPHP       Path = "php" // the PHP token endpoint
)

// Action is what happens to a request that a Fault matches.
type Action string

// The actions. For all of them the request may take effect all the same, see
// Fault.Accept.
const (
	ActCode    Action = "code"     // answers the errcode Code
	ActDelay   Action = "delay"    // takes Delay longer, then goes on as usual
	ActDrop    Action = "drop"     // closes the connection without an answer
	ActReset   Action = "reset"    // resets it (TCP RST)
	ActHang    Action = "hang"     // no answer until the fault is cleared
	ActHalf    Action = "half"     // half of the answer, then closes
	ActEmpty   Action = "empty"    // 200 and no body
	ActHTML    Action = "html"     // an HTML page with Status, default 502
	ActNotJSON Action = "not_json" // 200 and Body, default some text
	// For the PHP token endpoint only:
	ActOldToken Action = "old_token" // the token that it gave last, again
	ActExpires  Action = "expires"   // the right token with ExpiresIn
	ActPHPError Action = "php_error" // {"code":Code,"msg":Body}
)

// Fault is one line of the script: which requests, and what happens to them.
// Of several faults that match, all delays count and the first other one.
type Fault struct {
	AppID  string // empty: every account
	Path   Path   // empty: every kind
	OpenID string // sends to this recipient only

	// From and To bound the matching requests, counted from 1; 0: no bound.
	From, To int64
	// Every: only each such matching request; 0: all.
	Every int64
	// Share is the share of matching requests; 0: all. For sends it
	// depends on the recipient and on which try it is, not on the order.
	Share float64
	// After and For are a time window from when the fault was added; a For
	// of 0 is for ever.
	After, For time.Duration

	Action    Action
	Code      int
	Status    int
	Body      string
	Delay     time.Duration // before any action
	ExpiresIn int           // seconds
	// Accept is the share of the requests that take effect although they
	// are answered badly; the others do not.
	Accept float64
}

// Faults is the script of a simulator, changeable at any time.
type Faults struct {
	sim    *Sim
	mu     sync.Mutex
	serial int
	rules  atomic.Pointer[[]*rule]
}

type rule struct {
	Fault
	id      string
	key     uint64
	start   time.Time
	seen    atomic.Int64
	hits    atomic.Int64
	cleared chan struct{}
}

// Add adds a fault and returns the name by which it is cleared.
func (f *Faults) Add(fault Fault) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.serial++
	r := &rule{
		Fault: fault, id: fmt.Sprintf("fault%d", f.serial),
		key:   mix(f.sim.opts.Seed, uint64(f.serial), 6),
		start: f.sim.Now(), cleared: make(chan struct{}),
	}
	rules := append(slices.Clone(f.list()), r)
	f.rules.Store(&rules)
	return r.id
}

// Clear ends a fault; what hangs because of it is dropped.
func (f *Faults) Clear(id string) {
	f.clear(func(r *rule) bool { return r.id == id })
}

// ClearAll ends all faults.
func (f *Faults) ClearAll() {
	f.clear(func(*rule) bool { return true })
}

func (f *Faults) clear(which func(*rule) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rules := slices.DeleteFunc(slices.Clone(f.list()), func(r *rule) bool {
		if !which(r) {
			return false
		}
		close(r.cleared)
		return true
	})
	f.rules.Store(&rules)
}

// Hits is how many requests a fault that is not cleared has met.
func (f *Faults) Hits(id string) int64 {
	for _, r := range f.list() {
		if r.id == id {
			return r.hits.Load()
		}
	}
	return 0
}

func (f *Faults) list() []*rule {
	if rules := f.rules.Load(); rules != nil {
		return *rules
	}
	return nil
}

// request is what faults look at.
type request struct {
	path   Path
	appid  string
	openid []byte
	key    uint64 // what chance depends on
	now    time.Time
}

// pick returns the fault that a request meets, or nil, and the sum of the
// delays.
func (f *Faults) pick(q request) (met *rule, delay time.Duration) {
	for _, r := range f.list() {
		if met != nil && r.Action != ActDelay || !r.matches(q) {
			continue
		}
		r.hits.Add(1)
		delay += r.Delay
		if r.Action != ActDelay {
			met = r
		}
	}
	return met, delay
}

func (r *rule) matches(q request) bool {
	if r.Path != "" && r.Path != q.path || r.AppID != "" && r.AppID != q.appid {
		return false
	}
	if r.OpenID != "" && r.OpenID != string(q.openid) {
		return false
	}
	age := q.now.Sub(r.start)
	if age < r.After || r.For > 0 && age >= r.After+r.For {
		return false
	}
	n := r.seen.Add(1)
	if n < r.From || r.To > 0 && n > r.To || r.Every > 1 && n%r.Every != 0 {
		return false
	}
	key := q.key
	if q.path != PathSend {
		key = uint64(n)
	}
	return r.Share == 0 || unit(mix(r.key, key)) < r.Share
}

// accepts says whether a request that met the fault takes effect.
func (r *rule) accepts(key uint64) bool {
	return r.Accept > 0 && unit(mix(r.key, key, 7)) < r.Accept
}
