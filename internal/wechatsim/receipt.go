package wechatsim

import (
	"fmt"
	"sync"
	"time"
)

// Receipt is an event TEMPLATESENDJOBFINISH: what became of a message, as WeChat
// posts it to the platform.
type Receipt struct {
	ClientMsgID string
	OpenID      string // "" where it is of no follower
	Status      string
	// Answered is when the platform has taken it, for the first time; zero if it
	// has not.
	Answered time.Time
	Times    int // how often it has
}

// receiptBook is what WeChat has said of messages.
type receiptBook struct {
	mu  sync.Mutex
	all []*Receipt
}

func (b *receiptBook) add(r *Receipt) *Receipt {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, r)
	return r
}

// answered notes that the platform has taken a receipt.
func (b *receiptBook) answered(r *Receipt, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.Times++; r.Times == 1 {
		r.Answered = now
	}
}

// Receipts lists what was posted, or is going to be, of the messages with one
// client_msg_id, in the order in which it was drawn; those of strangers too.
func (a *Account) Receipts(clientMsgID string) (all []Receipt) {
	a.receipts.mu.Lock()
	defer a.receipts.mu.Unlock()
	for _, r := range a.receipts.all {
		if r.ClientMsgID == clientMsgID {
			all = append(all, *r)
		}
	}
	return all
}

// success is the good value of Status.
const success = "success"

// failures are the bad values of Status; the second has a space, and the last is
// one that was not seen yet.
var failures = [...]string{"failed:user block", "failed: system failed", "failed:freq limit", "failed:something new"}

// jobFinished posts what becomes of a delivered message.
func (a *Account) jobFinished(campaign string, follower int, msgid int64) {
	c := a.callback.Load()
	if c == nil || !c.JobFinish {
		return
	}
	key := mix(a.key, uint64(follower), uint64(msgid), 21)
	failed := failures[mix(key, 2)%uint64(len(failures))]
	status, contrary := success, failed
	if unit(mix(key, 1)) < c.Failed {
		status, contrary = failed, success
	}
	finish := func(status string, nth uint64) {
		r := a.receipts.add(&Receipt{ClientMsgID: campaign, OpenID: a.followers.openID(follower), Status: status})
		e := event{kind: "TEMPLATESENDJOBFINISH", follower: follower, msgid: msgid, receipt: r, made: a.now()}
		if unit(mix(key, 3, nth)) < c.Late {
			a.postLater(e, c.Lateness.at(unit(mix(key, 4, nth))))
		} else {
			a.post(e)
		}
	}
	finish(status, 0)
	if unit(mix(key, 5)) < c.Contrary {
		finish(contrary, 1)
	}
	if unit(mix(key, 6)) < c.Strange {
		r := a.receipts.add(&Receipt{ClientMsgID: campaign, Status: status})
		a.post(event{kind: "TEMPLATESENDJOBFINISH", follower: follower, msgid: msgID(mix(key, 7)), receipt: r, made: a.now()})
	}
}

// postLater posts an event after others.
func (a *Account) postLater(e event, after time.Duration) {
	a.counters.change(func(t *Stats) { t.CallbacksMade++ })
	a.sim.work.Go(func() {
		if a.sim.pause(a.sim.life, after) {
			a.post(e)
			a.counters.change(func(t *Stats) { t.CallbacksMade-- }) // it is counted where it is posted
		}
	})
}

// eventOpenID is whom an event is about. A strange receipt has the openid of no follower.
func (a *Account) eventOpenID(e event) string {
	if e.receipt != nil && e.receipt.OpenID == "" {
		return fmt.Sprintf("o%027d", e.msgid)
	}
	return a.followers.openID(e.follower)
}
