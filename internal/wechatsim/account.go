package wechatsim

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// AccountOptions are what an account is from the start.
type AccountOptions struct {
	Secret string // app secret; empty: any is right
	// Followers is how many follow. They are computed, not stored: five
	// million cost nothing until they are sent to.
	Followers int
	// OpenIDs names the first followers; they count among Followers.
	OpenIDs []string
	// Unsubscribed and Refusing are the shares of followers that are
	// listed but answer 43004 or 43101; Refusals are further ones.
	Unsubscribed, Refusing float64
	Refusals               []Refusal
	// Templates are the account's; default: DefaultTemplates.
	Templates []Template
	// Tags are the labels of its followers.
	Tags []Tag
	// Behaviour is how it behaves; nil: Default.
	Behaviour *Behaviour
}

// Refusal is a share of followers that answer with a code, such as 43019.
type Refusal struct {
	Code  int
	Share float64
}

// Account is one Official Account with its followers, tokens and ledger.
type Account struct {
	sim    *Sim
	appid  string
	secret atomic.Pointer[string]
	key    uint64

	followers *followers
	counters  counters
	quota     quota
	inFlight  atomic.Int64
	perSecond tokenBucket
	behaviour atomic.Pointer[Behaviour]
	tuning    sync.Mutex
	walk      walkState
	tokens    accountTokens
	templates templates
	tags      []Tag
	ledger    ledger
	bodies    bodyTemplates
	callback  atomic.Pointer[Callback]
	events    eventQueue
	receipts  receiptBook
}

func newAccount(s *Sim, appid string, opts AccountOptions) *Account {
	a := &Account{
		sim: s, appid: appid,
		key:       mix(s.opts.Seed, number(appid)),
		followers: newFollowers(s.opts.Seed, appid, opts),
		tags:      opts.Tags,
	}
	a.secret.Store(&opts.Secret)
	a.walk.before, a.walk.second = -1, -1
	b := Default()
	if opts.Behaviour != nil {
		b = *opts.Behaviour
	}
	a.behaviour.Store(&b)
	a.walk.retune(b.Walk)
	if opts.Templates == nil {
		opts.Templates = DefaultTemplates(appid)
	}
	for _, t := range opts.Templates {
		a.SetTemplate(t)
	}
	a.ledger.account = a
	return a
}

// AppID returns the appid.
func (a *Account) AppID() string { return a.appid }

// Behaviour returns how the account behaves now.
func (a *Account) Behaviour() Behaviour { return *a.behaviour.Load() }

// Tune changes how the account behaves from the next request on.
func (a *Account) Tune(change func(*Behaviour)) {
	a.tuning.Lock()
	defer a.tuning.Unlock()
	b := *a.behaviour.Load()
	change(&b)
	a.behaviour.Store(&b)
	a.walk.retune(b.Walk)
}

// ResetSecret gives the account another app secret, as its owner does in WeChat's
// console: the one before is refused from then on. Tokens stay as they are.
func (a *Account) ResetSecret(secret string) { a.secret.Store(&secret) }

// OpenID returns the openid of the follower at this place, from 0.
func (a *Account) OpenID(i int) string { return a.followers.openID(i) }

// Followers is how many follow now.
func (a *Account) Followers() int { return a.followers.total() }

// Join adds a new follower and returns the openid.
func (a *Account) Join() string { return a.followers.openID(a.followers.join()) }

// Leave makes a follower leave: sends answer 43004, user/get does not list
// them. It says whether there is such a one.
func (a *Account) Leave(openid string) bool {
	i, ok := a.followers.index([]byte(openid))
	if ok {
		a.followers.leave(i)
	}
	return ok
}

// SetCode makes sends to one follower answer with a code; 0: as a normal one.
func (a *Account) SetCode(openid string, code int) bool {
	i, ok := a.followers.index([]byte(openid))
	if ok {
		a.followers.setCode(i, code)
	}
	return ok
}

// Stats returns the account's counters.
func (a *Account) Stats() Stats { return a.counters.stats() }

// Wait returns when done says so of the account's counters, or with the
// context's error. done must be quick and must not keep the Stats's map.
func (a *Account) Wait(ctx context.Context, done func(Stats) bool) error {
	return a.counters.wait(ctx, done)
}

// WaitSends waits until n sends have arrived.
func (a *Account) WaitSends(ctx context.Context, n int64) error {
	return a.Wait(ctx, func(t Stats) bool { return t.Sends >= n })
}

// Rates is how many sends arrived in each second since the first.
func (a *Account) Rates() []uint32 { return a.counters.rates() }

func (a *Account) now() time.Time { return a.sim.Now() }
