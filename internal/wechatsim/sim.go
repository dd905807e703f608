// Package wechatsim is a WeChat that misbehaves on request, and an outside
// ledger of who got what. It plays the part of WeChat's API that pushd calls
// (send.go and checks.go, userget.go, token.go, template.go, quota.go,
// qrcode.go), and that its hosts call (userinfo.go, tag.go), of the platform's
// PHP token endpoint (php.go) and of WeChat's callbacks (callback.go), for
// tests, benchmarks and the demo. Tests judge by its Report, never by the program's own counters.
//
// What WeChat is known to do is done by default; what is not known, and what
// goes wrong, is a knob: Behaviour for how an account is, Fault for what
// happens to some requests. All randomness comes from Options.Seed.
//
// It is no part of the product: the production binary does not link it.
package wechatsim

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options are the settings of a simulator. The zero value is usable.
type Options struct {
	// Seed decides everything that is random: names, who refuses, which
	// request meets a fault, latencies. The same seed gives the same.
	Seed uint64
	// Clock is the simulator's clock; default time.Now. Sleeping uses
	// package time, so that testing/synctest governs it.
	Clock func() time.Time
	// TokenKey is what the PHP token endpoint wants to see in
	// Authorization: Bearer or X-Pushd-Key; empty: no check.
	TokenKey string
	// TokenShape is how the PHP token endpoint spells its answer.
	TokenShape TokenShape
	// Exact makes latencies end on time, for benchmarks. Go's timers are late
	// by up to a millisecond in a process that has little to do: a WeChat of
	// 50 ms would be one of 51. It is not for testing/synctest.
	Exact bool
}

// Sim is a simulated WeChat with its accounts. Its methods may be called from
// several goroutines, also while it serves.
type Sim struct {
	// Faults is the script of what goes wrong.
	Faults Faults

	opts   Options
	start  time.Time
	offset atomic.Int64 // what Advance added, in ns
	serial atomic.Uint64
	stray  atomic.Int64

	mu        sync.RWMutex
	accounts  map[string]*Account
	listeners []*Listener
	qr        qrCodes
	tokens    tokenBook
	php       phpBook

	cert     certOnce
	sendings *sync.Pool
	life     context.Context // ends with Close
	end      context.CancelFunc
	work     sync.WaitGroup // callbacks
}

// New returns a simulator without accounts.
func New(opts Options) *Sim {
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	life, end := context.WithCancel(context.Background())
	s := &Sim{
		life: life, end: end,
		opts:     opts,
		start:    opts.Clock(),
		accounts: make(map[string]*Account),
		sendings: newSendingPool(),
	}
	s.Faults.sim = s
	return s
}

// Seed returns the seed, for a test to print.
func (s *Sim) Seed() uint64 { return s.opts.Seed }

// Now is the simulator's time: its clock and what Advance added.
func (s *Sim) Now() time.Time { return s.opts.Clock().Add(time.Duration(s.offset.Load())) }

// Advance moves the simulator's clock: tokens age, quotas and windows run
// out. What sleeps goes on sleeping.
func (s *Sim) Advance(d time.Duration) { s.offset.Add(int64(d)) }

// Stray says how many requests named no account: an unknown token or appid.
func (s *Sim) Stray() int64 { return s.stray.Load() }

// since is the milliseconds of the simulator's time since its start, as the
// ledger keeps them; never below 1, for 0 means "never".
func (s *Sim) since(t time.Time) uint32 { return uint32(max(1, t.Sub(s.start).Milliseconds()+1)) }

// at is the opposite of since.
func (s *Sim) at(ms uint32) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return s.start.Add(time.Duration(ms-1) * time.Millisecond)
}

// Account returns the account with this appid and makes it if it is new; of
// an account that exists the options are not looked at.
func (s *Sim) Account(appid string, opts AccountOptions) *Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.accounts[appid]; ok {
		return a
	}
	a := newAccount(s, appid, opts)
	s.accounts[appid] = a
	return a
}

// Find returns the account with this appid, or nil.
func (s *Sim) Find(appid string) *Account {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.accounts[appid]
}

// Accounts lists all accounts by appid.
func (s *Sim) Accounts() []*Account {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]*Account, 0, len(s.accounts))
	for _, a := range s.accounts {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *Account) int { return cmp.Compare(a.appid, b.appid) })
	return all
}

// Close ends what hangs, closes all listeners and waits for the callbacks. What
// the ledger holds can still be read.
func (s *Sim) Close() {
	s.end()
	s.mu.Lock()
	listeners := s.listeners
	s.listeners = nil
	s.mu.Unlock()
	for _, d := range listeners {
		d.Close()
	}
	s.work.Wait()
}

// pause sleeps for d and says whether the caller was still there at the end.
func (s *Sim) pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	end := time.Now().Add(d)
	if s.opts.Exact {
		d -= timersAreLate
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		if s.opts.Exact {
			sleepUntil(end)
		}
		return ctx.Err() == nil
	case <-ctx.Done():
	case <-s.life.Done():
	}
	return false
}

// mix is a hash of numbers: every random decision is one of its values, so
// that it depends on the seed and on what it is about, and on nothing else.
// The steps are those of the SplitMix64 generator.
func mix(parts ...uint64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, p := range parts {
		h += p + 0x9e3779b97f4a7c15
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}

// unit maps a hash to [0, 1).
func unit(h uint64) float64 { return float64(h>>11) / (1 << 53) }

// number hashes a name (FNV-1a).
func number(name string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h
}
