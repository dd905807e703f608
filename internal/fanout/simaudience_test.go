package fanout

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"pushd"
)

// simTag is the tag that followers of the simulation may carry.
const simTag = 107

// migrated is how the openids begin that the platform's tables hold of before the
// account was migrated: WeChat does not know them.
const migrated = "o-old-"

// choose draws who is reminded: all jobs of a world have one audience.
func (w *sim) choose(d *rand.Rand) {
	switch w.knobs[reminded] {
	case remindAll:
		w.audience = []pushd.Audience{"", pushd.AudienceFollowers}[d.IntN(2)]
	case remindTag, remindUncounted:
		w.audience, w.byPost = pushd.TagAudience(simTag), d.IntN(2) == 0
	default:
		w.audience, w.byPost = pushd.AudienceSubscribers, w.knobs[reminded] == remindAsked
	}
	share := 1 + d.IntN(3)
	for _, who := range w.wechat.followers {
		in := d.IntN(3) < share
		if w.wechat.tag(who, in); in {
			w.subscribe(who)
		}
	}
	if w.audience == pushd.AudienceSubscribers {
		strangers := d.IntN(5)
		if d.IntN(3) == 0 {
			strangers = 15 + d.IntN(150)
		}
		for i := range strangers {
			who := pushd.OpenID(fmt.Sprintf("o-not-%d", i)) // asked for the stream, and does not follow
			if d.IntN(4) > 0 {
				w.wechat.gone[who] = true
			} else {
				who = pushd.OpenID(fmt.Sprintf("%s%d", migrated, i)) // is of before the account was migrated
				w.wechat.codes[who] = fakePerson{code: 40003}
			}
			w.subscribe(who)
		}
	}
	w.atFirst = slices.Clone(w.ledger.Subscribed[1])
}

// subscribe is somebody asking for both streams on the platform's pages.
func (w *sim) subscribe(who pushd.OpenID) {
	for id := pushd.ActID(1); id <= 2; id++ {
		w.ledger.Subscribe(id, who)
	}
	w.outside.note(func(f *outside) { f.asked[who] = true })
}

// meanwhile lets people ask for the streams, and take that back.
func (w *sim) meanwhile() {
	if !w.has(churn) || w.audience != pushd.AudienceSubscribers {
		return
	}
	d := w.dice("meanwhile")
	w.wechat.mu.Lock()
	who := w.wechat.followers[d.IntN(len(w.wechat.followers))]
	w.wechat.mu.Unlock()
	if d.IntN(3) > 0 {
		w.subscribe(who)
		return
	}
	w.outside.note(func(f *outside) { f.left[who] = true })
	for id := pushd.ActID(1); id <= 2; id++ {
		w.ledger.Unsubscribe(id, who)
	}
}

// mayGet says whether somebody may be on a job's list: who never was on the list
// of its audience may not.
func (w *sim) mayGet(who pushd.OpenID) bool {
	switch _, tag := w.audience.Tag(); {
	case tag:
		return w.wechat.carried[who] || who[0] == 'x' // or another account's list was read
	case w.audience == pushd.AudienceSubscribers:
		return w.outside.asked[who]
	}
	return true
}

// mustGet are those of the audience who were on its list all the time.
func (w *sim) mustGet() (all []pushd.OpenID) {
	_, tag := w.audience.Tag()
	if w.audience == pushd.AudienceSubscribers {
		return slices.DeleteFunc(slices.Clone(w.atFirst), func(who pushd.OpenID) bool { return w.outside.left[who] })
	}
	for _, who := range w.wechat.followers {
		if len(who) <= 5 && (!tag || w.wechat.carries[who] && !w.wechat.dropped[who]) { // the others have joined
			all = append(all, who)
		}
	}
	return all
}

// Subscribers reads the platform's table, as a process does. Now and then the
// query is refused, as where a right was taken away.
func (c wire) Subscribers(ctx context.Context, id pushd.ActID, after pushd.OpenID, limit int) (pushd.FollowerPage, error) {
	w, d := c.p.w, c.p.w.dice("subscribers", string(after))
	if w.has(oddPages) && d.IntN(6) == 0 {
		return pushd.FollowerPage{}, &pushd.AudienceError{Text: "the query is refused"}
	}
	if limit > 1 {
		limit = w.wechat.pageSize
	}
	return read(c, ctx, "subscribers", func(l *fakeLedger) (pushd.FollowerPage, error) { return l.Subscribers(ctx, id, after, limit) })
}
