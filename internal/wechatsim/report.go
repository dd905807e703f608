package wechatsim

import (
	"slices"
	"time"
)

// Report is what became of a campaign: the sends with one client_msg_id.
// Everyone who followed from the start and still does is in exactly one of
// Once, More, Missing and Refusing.
type Report struct {
	ClientMsgID string

	Followers int // followed from the start and follow now
	Refusing  int // of them, those who can't be delivered to, and were not
	Once      int // of them, those who got it once
	More      int // of them, those who got it more than once
	Missing   int // of them, those who should have got it and did not
	Newborn   int // joined later and got it
	Left      int // left and got it before, or in spite of, that

	Requests   int64 // sends with this client_msg_id
	Deliveries int64 // messages that reached a phone
	Recognised int64 // sends recognised as repeats, and so not delivered
	Strangers  int64 // sends to openids of no follower

	// Requests beyond a recipient's first, by how the one before had ended:
	Repeats      int64 // it was answered with an outcome
	Reasked      int64 // of those, to recipients whose outcome was a refusal
	Overlaps     int64 // it was still being served
	AfterGone    int64 // its sender had left before the answer
	AfterDoubt   int64 // -1, or no proper answer
	AfterRefusal int64 // a definite refusal: token, quota, template, …

	FirstSend, LastSend time.Time
}

// Needless is how many requests a sender should not have made: one that had
// its answer, or did not wait for it.
func (r Report) Needless() int64 { return r.Repeats + r.Overlaps + r.AfterGone }

// Complete says that everyone who can be reached was reached.
func (r Report) Complete() bool { return r.Missing == 0 && r.Followers > 0 }

// Campaigns lists the client_msg_ids that were seen.
func (a *Account) Campaigns() []string {
	a.ledger.mu.RLock()
	defer a.ledger.mu.RUnlock()
	ids := make([]string, 0, len(a.ledger.campaigns))
	for id := range a.ledger.campaigns {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Report counts a campaign; one that was never seen has everyone missing.
func (a *Account) Report(clientMsgID string) Report {
	r := Report{ClientMsgID: clientMsgID}
	c := a.ledger.look(clientMsgID)
	for i := range a.followers.ever() {
		a.count(&r, i, c.entry(i).delivered)
	}
	r.Requests, r.Deliveries = c.requests.Load(), c.delivered.Load()
	r.Recognised, r.Strangers = c.recognised.Load(), c.strange.Load()
	r.Repeats, r.Reasked, r.Overlaps = c.repeats.Load(), c.reasked.Load(), c.overlaps.Load()
	r.AfterGone, r.AfterDoubt = c.afterGone.Load(), c.afterDoubt.Load()
	r.AfterRefusal = c.afterRefusal.Load()
	r.FirstSend, r.LastSend = a.sim.at(c.first.Load()), a.sim.at(c.last.Load())
	return r
}

// count puts follower i into the report.
func (a *Account) count(r *Report, i int, delivered uint8) {
	newborn := i >= a.followers.base
	switch {
	case a.followers.gone(i):
		if delivered > 0 {
			r.Left++
		}
		return
	case newborn && delivered > 0:
		r.Newborn++
	}
	if newborn {
		return
	}
	r.Followers++
	switch {
	case delivered == 1:
		r.Once++
	case delivered > 1:
		r.More++
	case a.refuses(i):
		r.Refusing++
	default:
		r.Missing++
	}
}

// refuses says that follower i can't be delivered to; those who only ask for
// patience (43117 for a while) can.
func (a *Account) refuses(i int) bool {
	code := a.followers.code(i)
	return code != 0 && (code != 43117 || a.Behaviour().FrequentFor == 0)
}

// Missing lists at most limit followers who should have got the message and did
// not; 0 is no limit.
func (a *Account) Missing(clientMsgID string, limit int) []string {
	return a.pick(clientMsgID, limit, func(i int, e entry) bool {
		return e.delivered == 0 && i < a.followers.base && !a.followers.gone(i) && !a.refuses(i)
	})
}

// Twice lists at most limit followers who got the message more than once; 0 is
// no limit.
func (a *Account) Twice(clientMsgID string, limit int) []string {
	return a.pick(clientMsgID, limit, func(_ int, e entry) bool { return e.delivered > 1 })
}

func (a *Account) pick(id string, limit int, want func(int, entry) bool) []string {
	var found []string
	c := a.ledger.look(id)
	for i := range a.followers.ever() {
		if want(i, c.entry(i)) {
			found = append(found, a.followers.openID(i))
			if len(found) == limit {
				break
			}
		}
	}
	return found
}

// Recipient is what one follower was sent in a campaign.
type Recipient struct {
	OpenID    string
	Code      int // what a send answers because of who it is
	Requests  int
	Delivered int
	First     time.Time // the first request
	Got       time.Time // the last delivery
}

// Recipient looks up one follower; false if there is none with that openid.
func (a *Account) Recipient(clientMsgID, openid string) (Recipient, bool) {
	i, ok := a.followers.index([]byte(openid))
	if !ok {
		return Recipient{}, false
	}
	e := a.ledger.look(clientMsgID).entry(i)
	return Recipient{
		OpenID: openid, Code: a.followers.code(i),
		Requests: int(e.requests), Delivered: int(e.delivered),
		First: a.sim.at(e.first), Got: a.sim.at(e.got),
	}, true
}

// Delivered calls yield with each openid that got the message, in the order
// of the list, until it returns false.
func (a *Account) Delivered(clientMsgID string, yield func(openid string, times int) bool) {
	c := a.ledger.look(clientMsgID)
	for i := range a.followers.ever() {
		if n := c.entry(i).delivered; n > 0 && !yield(a.followers.openID(i), int(n)) {
			return
		}
	}
}
