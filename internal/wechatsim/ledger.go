package wechatsim

import (
	"math"
	"sync"
	"sync/atomic"
)

// ledger is what an account's followers were sent, per client_msg_id.
type ledger struct {
	account   *Account
	mu        sync.RWMutex
	campaigns map[string]*campaign
	any       *campaign // all messages together, for DuplicateWindow
}

// campaign is the sends with one client_msg_id.
type campaign struct {
	id  string
	key uint64

	mu      sync.Mutex // guards growth of pages
	pages   atomic.Pointer[[]*ledgerPage]
	strange atomic.Int64 // requests to openids of no follower

	requests, delivered, recognised     atomic.Int64
	repeats, reasked, overlaps          atomic.Int64
	afterGone, afterDoubt, afterRefusal atomic.Int64
	first, last                         atomic.Uint32
	lastRecipient, firstRecipient       atomic.Int64 // number + 1
}

const pageBits = 10

// ledgerPage holds the entries of 1,024 followers.
type ledgerPage struct {
	mu      sync.Mutex
	entries [1 << pageBits]entry
}

// entry is what one follower was sent: 16 bytes. Times are Sim.since.
type entry struct {
	first     uint32 // the first request
	got       uint32 // the last delivery
	requests  uint16
	body      uint16 // what was delivered, see bodyTemplates
	delivered uint8
	last      ending // of the newest request
}

// ending is how a request ended, as far as its sender can know.
type ending uint8

const (
	endNone    ending = iota
	endOpen           // still being served
	endFinal          // answered with an outcome: 0, or a code about the recipient
	endRefused        // answered with a definite refusal
	endBusy           // answered -1: may be accepted or not
	endBroken         // no proper answer
	endGone           // the sender left before the answer
)

// endingOf is the ending of a request that was answered with code.
func endingOf(code int) ending {
	switch code {
	case 0, 40003, 43004, 43019, 43101, 48002, 49003, 50005:
		return endFinal
	case -1, 268487001, 268487002:
		return endBusy
	}
	return endRefused
}

// campaign returns the campaign with this client_msg_id.
func (l *ledger) campaign(id string) *campaign {
	if c := l.find(id); c != nil {
		return c
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.campaigns[id]; c != nil {
		return c
	}
	if l.campaigns == nil {
		l.campaigns = make(map[string]*campaign)
		l.any = newCampaign("", l.account.key)
	}
	c := newCampaign(id, mix(l.account.key, number(id)))
	l.campaigns[id] = c
	return c
}

func newCampaign(id string, key uint64) *campaign {
	c := &campaign{id: id, key: key}
	c.pages.Store(new([]*ledgerPage))
	return c
}

func (l *ledger) find(id string) *campaign {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.campaigns[id]
}

// look returns the campaign with this client_msg_id, or an empty one that is
// not kept.
func (l *ledger) look(id string) *campaign {
	if c := l.find(id); c != nil {
		return c
	}
	return newCampaign(id, 0)
}

// everything returns the campaign of all messages together; it exists once
// any campaign does.
func (l *ledger) everything() *campaign {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.any
}

// page returns the page of follower i, or nil if there is none and make is
// false.
func (c *campaign) page(i int, create bool) *ledgerPage {
	no := i >> pageBits
	if all := *c.pages.Load(); no < len(all) && all[no] != nil {
		return all[no]
	}
	if !create {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	old := *c.pages.Load()
	if no < len(old) && old[no] != nil {
		return old[no]
	}
	all := make([]*ledgerPage, max(len(old), no+1))
	copy(all, old)
	all[no] = new(ledgerPage)
	c.pages.Store(&all)
	return all[no]
}

// entry reads what follower i was sent.
func (c *campaign) entry(i int) entry {
	p := c.page(i, false)
	if p == nil {
		return entry{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.entries[i&(1<<pageBits-1)]
}

// arrive notes a request to follower i and returns which one it is, from 1.
func (c *campaign) arrive(i int, now uint32) uint16 {
	c.requests.Add(1)
	c.first.CompareAndSwap(0, now)
	c.last.Store(now)
	p := c.page(i, true)
	p.mu.Lock()
	defer p.mu.Unlock()
	e := &p.entries[i&(1<<pageBits-1)]
	switch e.last {
	case endFinal:
		c.repeats.Add(1)
		if e.delivered == 0 {
			c.reasked.Add(1)
		}
	case endOpen:
		c.overlaps.Add(1)
	case endGone:
		c.afterGone.Add(1)
	case endBusy, endBroken:
		c.afterDoubt.Add(1)
	case endRefused:
		c.afterRefusal.Add(1)
	}
	if e.requests == 0 {
		e.first = now
	}
	if e.requests < math.MaxUint16 {
		e.requests++
	}
	e.last = endOpen
	return e.requests
}

// finish notes how the newest request to follower i ended.
func (c *campaign) finish(i int, end ending) {
	p := c.page(i, true)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.entries[i&(1<<pageBits-1)].last = end
}

// deliver gives follower i the message unless the last delivery is younger
// than window (milliseconds); it returns how many deliveries there are and
// whether this was one.
func (c *campaign) deliver(i int, now, window uint32, body uint16) (n uint8, fresh bool) {
	p := c.page(i, true)
	p.mu.Lock()
	defer p.mu.Unlock()
	e := &p.entries[i&(1<<pageBits-1)]
	if e.delivered > 0 && now-e.got < window {
		c.recognised.Add(1)
		return e.delivered, false
	}
	if e.delivered < math.MaxUint8 {
		e.delivered++
	}
	e.got, e.body = now, body
	c.delivered.Add(1)
	c.firstRecipient.CompareAndSwap(0, int64(i)+1)
	c.lastRecipient.Store(int64(i) + 1)
	return e.delivered, true
}
