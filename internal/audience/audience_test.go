package audience

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"pushd"
	"pushd/internal/account"
	"pushd/internal/retry"
)

// wechat has tags, and lists who carries them.
type wechat struct {
	pushd.WeChat
	carriers map[int64][]pushd.OpenID
	tags     []pushd.Tag
	answer   pushd.Answer // to the question for tags
	asked    int          // how often
}

func (w *wechat) Page(context.Context, pushd.Token, pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
	return pushd.FollowerPage{Total: 70, OpenIDs: []pushd.OpenID{"oA"}, Next: "oA"}, pushd.Answer{}
}

func (w *wechat) Tagged(_ context.Context, _ pushd.Token, tag int64, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
	all, there := w.carriers[tag]
	if !there {
		return pushd.FollowerPage{}, pushd.Answer{Verdict: pushd.Other, Code: 45159, Cause: pushd.CauseAudience, Text: "invalid tag id"}
	}
	at := slices.Index(all, cursor) + 1
	p := pushd.FollowerPage{Uncounted: true, OpenIDs: all[at:min(len(all), at+2)]}
	if n := len(p.OpenIDs); n > 0 {
		p.Next = p.OpenIDs[n-1]
	}
	return p, pushd.Answer{}
}

func (w *wechat) Tags(context.Context, pushd.Token) ([]pushd.Tag, pushd.Answer) {
	w.asked++
	return w.tags, w.answer
}

// oneToken always has the same token.
type oneToken struct{ pushd.Tokens }

func (oneToken) Token(context.Context, pushd.AppID, pushd.ActID) (pushd.Token, error) {
	return "t", nil
}

func (oneToken) Doubted(context.Context, pushd.AppID, pushd.ActID, pushd.Token) (pushd.Token, error) {
	return "t", nil
}

// mixedUp is a PHP that gave another account's token, and gives the right one when
// it is asked again.
type mixedUp struct {
	pushd.Tokens
	asked int
}

func (m *mixedUp) Token(context.Context, pushd.AppID, pushd.ActID) (pushd.Token, error) {
	return []pushd.Token{"another's", "t"}[m.asked], nil
}

func (m *mixedUp) Doubted(context.Context, pushd.AppID, pushd.ActID, pushd.Token) (pushd.Token, error) {
	m.asked = 1
	return "t", nil
}

// another account has no tag.
type another struct{ *wechat }

func (a another) Tagged(ctx context.Context, tok pushd.Token, tag int64, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
	if tok != "t" {
		tag = 0
	}
	return a.wechat.Tagged(ctx, tok, tag, cursor)
}

// A tag that another account does not have is asked for with the right token.
func TestTagged_OfAnotherAccount(t *testing.T) {
	w := another{&wechat{carriers: map[int64][]pushd.OpenID{101: {"oA"}}}}
	jitter := retry.NewJitter(rand.New(rand.NewPCG(1, 2)))
	l := Of("tag:101", account.New(w, &mixedUp{}, jitter).Of("wx", 1), 1, nil, retry.Retrier{})
	if page, by, a, err := l.Page(t.Context(), ""); err != nil || !a.OK() || by != "t" || len(page.OpenIDs) != 1 {
		t.Errorf("%+v by %q, %+v, %v", page, string(by), a, err)
	}
}

// table is the platform's; it fails before it answers.
type table struct {
	ids   []pushd.OpenID
	fails []error
	calls int
}

func (t *table) Subscribers(_ context.Context, _ pushd.ActID, after pushd.OpenID, limit int) (pushd.FollowerPage, error) {
	if t.calls++; len(t.fails) > 0 {
		err := t.fails[0]
		t.fails = t.fails[1:]
		return pushd.FollowerPage{}, err
	}
	at, _ := slices.BinarySearch(t.ids, after+"\x00")
	p := pushd.FollowerPage{OpenIDs: t.ids[at:min(len(t.ids), at+limit)], Odd: 1}
	if len(p.OpenIDs) == limit {
		p.Next = p.OpenIDs[limit-1]
	}
	return p, nil
}

// of is the list of an audience.
func of(who pushd.Audience, w pushd.WeChat, t Tables) List {
	jitter := retry.NewJitter(rand.New(rand.NewPCG(1, 2)))
	r := retry.Retrier{Log: slog.New(slog.DiscardHandler), Jitter: jitter, Failures: new(atomic.Uint64)}
	return Of(who, account.New(w, oneToken{}, jitter).Of("wx", 1), 1, t, r)
}

// A page of a tag has the tag's own count, which is asked for once in a pass.
func TestTagged_Counts(t *testing.T) {
	w := &wechat{carriers: map[int64][]pushd.OpenID{101: {"oA", "oB", "oC"}}, tags: []pushd.Tag{{ID: 7, Count: 9}, {ID: 101, Count: 3}}}
	l := of("tag:101", w, nil)
	for pass := 1; pass <= 2; pass++ {
		for cursor := pushd.OpenID(""); ; {
			page, by, a, err := l.Page(t.Context(), cursor)
			if err != nil || !a.OK() || by != "t" || page.Uncounted || page.Total != 3 {
				t.Fatalf("%+v by %q, %+v, %v", page, string(by), a, err)
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if w.asked != pass {
			t.Errorf("asked for the count %d times in %d passes", w.asked, pass)
		}
	}
	for name, change := range map[string]func(){
		"the tag is not listed": func() { w.tags = w.tags[:1] },
		"no quota":              func() { w.answer = pushd.Answer{Verdict: pushd.Quota, Code: 45009} },
	} {
		change()
		if page, _, a, err := of("tag:101", w, nil).Page(t.Context(), ""); err != nil || !a.OK() || !page.Uncounted || len(page.OpenIDs) != 2 {
			t.Errorf("%s: %+v, %+v, %v", name, page, a, err)
		}
	}
	if _, _, a, err := of("tag:8", w, nil).Page(t.Context(), ""); err != nil || a.Cause != pushd.CauseAudience || a.Code != 45159 {
		t.Errorf("a tag that does not exist: %+v, %v", a, err)
	}
}

// What a database does not answer is asked again; what it refuses is an answer,
// and so is what can't be used.
func TestSubscribers_Errors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := errors.New("connection refused")
		from := &table{ids: []pushd.OpenID{"oA"}, fails: []error{away, away, away, &pushd.AudienceError{Text: "Error 1146"}}}
		l := of(pushd.AudienceSubscribers, nil, from)
		_, by, a, err := l.Page(t.Context(), "")
		if err != nil || a.OK() || a.Cause != pushd.CauseAudience || a.Describe() != "Error 1146" || by != "" || from.calls != 4 {
			t.Errorf("%+v by %q, %v after %d calls", a, string(by), err, from.calls)
		}
		page, by, a, err := l.Page(t.Context(), "")
		if err != nil || !a.OK() || by != "" || !page.Uncounted || len(page.OpenIDs) != 1 || page.Next != "" {
			t.Errorf("%+v by %q, %+v, %v", page, string(by), a, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		from.fails = []error{away}
		if _, _, _, err := l.Page(ctx, ""); !errors.Is(err, context.Canceled) {
			t.Errorf("after its context has ended: %v", err)
		}
	})
}

// What each list takes for its end.
func TestList_Complete(t *testing.T) {
	for _, c := range []struct {
		who  pushd.Audience
		walk pushd.Walk
		most int64
		want bool
	}{
		{"", pushd.Walk{Pass: 1, Walked: 1000, Seen: 1000, Fresh: 1000}, 1000, true},
		{"", pushd.Walk{Pass: 1, Walked: 950, Seen: 950, Fresh: 950}, 1000, true},
		{"", pushd.Walk{Pass: 1, Walked: 949, Seen: 949, Fresh: 949}, 1000, false},
		{"", pushd.Walk{Pass: 1}, 0, false},
		{"", pushd.Walk{Pass: 2}, 0, true},
		{"", pushd.Walk{Pass: 2, Walked: 1900, Seen: 1900}, 2000, true},
		{"", pushd.Walk{Pass: 2, Walked: 1899, Seen: 1899}, 2000, false},
		{"", pushd.Walk{Pass: 2, Walked: 1000}, 1000, false},

		{"tag:1", pushd.Walk{Pass: 1, Walked: 40, Seen: 40, Fresh: 40}, 40, true},
		{"tag:1", pushd.Walk{Pass: 1, Walked: 39, Seen: 39, Fresh: 39}, 40, false}, // small tags have no margin
		{"tag:1", pushd.Walk{Pass: 1, Walked: 41, Seen: 41, Fresh: 41}, 40, true},
		{"tag:1", pushd.Walk{Pass: 1, Walked: 40, Seen: 40, Fresh: 40}, 0, false}, // not counted
		{"tag:1", pushd.Walk{Pass: 1}, 0, false},
		{"tag:1", pushd.Walk{Pass: 2}, 0, true},
		{"tag:1", pushd.Walk{Pass: 3}, -1, false}, // no one is listed, and that is not counted
		{"tag:1", pushd.Walk{Pass: 2}, 40, false}, // there are some, and none was listed twice
		{"tag:1", pushd.Walk{Pass: 2, Walked: 40, Seen: 40}, 0, true},
		{"tag:1", pushd.Walk{Pass: 2, Walked: 400, Seen: 400}, 420, true},  // its own count can be wrong
		{"tag:1", pushd.Walk{Pass: 2, Walked: 400, Seen: 400}, 500, false}, // but by so much only if a third pass says the same
		{"tag:1", pushd.Walk{Pass: 3, Walked: 400, Seen: 400}, 500, true},
		{"tag:1", pushd.Walk{Pass: 2, Walked: 400, Seen: 100, Fresh: 100}, 100, true}, // it was taken off the others
		{"tag:1", pushd.Walk{Pass: 2, Walked: 400, Seen: 100, Fresh: 100}, 0, false},
		{"tag:1", pushd.Walk{Pass: 2, Walked: 400}, 0, false}, // the pass broke off at once
		{"tag:1", pushd.Walk{Pass: 2, Walked: 400, Seen: 300}, 0, false},
		{"tag:1", pushd.Walk{Pass: 2, Walked: 400, Seen: 400, Fresh: 1}, 0, false},
		{"tag:1", pushd.Walk{Pass: 2, Walked: 400, Seen: 400, Fresh: 1}, 400, true},
		{"tag:1", pushd.Walk{Pass: 3, Walked: 400, Seen: 400, Fresh: 1}, 0, true},
		{"tag:1", pushd.Walk{Pass: 3, Walked: 400, Seen: 400, Fresh: 100}, 0, false},

		{pushd.AudienceSubscribers, pushd.Walk{Pass: 1, Walked: 9, Seen: 9, Fresh: 9}, 0, false},
		{pushd.AudienceSubscribers, pushd.Walk{Pass: 2, Walked: 9, Seen: 9, Fresh: 3}, 0, true},
		{pushd.AudienceSubscribers, pushd.Walk{Pass: 2}, 0, true},
	} {
		l := of(c.who, nil, nil)
		if tag, ok := l.(*tagged); ok {
			tag.asked, tag.count = c.walk.Pass > 1, c.most
		}
		if got := l.Complete(c.walk, c.most); got != c.want {
			t.Errorf("%q, %+v of %d: %t", c.who, c.walk, c.most, got)
		}
		if l.Grows() != (c.who == pushd.AudienceSubscribers) {
			t.Errorf("%q grows: %t", c.who, l.Grows())
		}
	}
}

// The tag was taken from many while the job waited: passes that agree, and find none who
// are new, are the list; one that differs begins the count again.
func TestTagged_TakenFromMany(t *testing.T) {
	l := of("tag:1", nil, nil)
	for i, seen := range []int64{300, 300, 300, 299, 299, 299, 299} {
		last := i == 6
		if got := l.Complete(pushd.Walk{Pass: i + 2, Walked: 400, Seen: seen}, 0); got != last {
			t.Errorf("pass %d lists %d: complete %t", i+1, seen, got)
		}
	}
}

// How many an audience has.
func TestNumber(t *testing.T) {
	var many []pushd.OpenID
	for i := range 25_000 {
		many = append(many, pushd.OpenID(fmt.Sprintf("o%06d", i)))
	}
	w := &wechat{carriers: map[int64][]pushd.OpenID{1: {"oA"}, 2: {"oB"}}, tags: []pushd.Tag{{ID: 1, Count: 31}}}
	for who, want := range map[pushd.Audience]int64{"": 70, "followers": 70, "tag:1": 31, "tag:2": 1, pushd.AudienceSubscribers: 25_000} {
		from := &table{ids: many}
		n, a, err := Number(t.Context(), of(who, w, from))
		if err != nil || !a.OK() || n.Total == nil || *n.Total != want {
			t.Errorf("%q: %+v, %+v, %v; want %d", who, n, a, err, want)
		}
		if who == pushd.AudienceSubscribers && (from.calls != 3 || n.Odd != 3) {
			t.Errorf("%d calls, %d odd", from.calls, n.Odd)
		}
	}
	if n, a, err := Number(t.Context(), of("tag:3", w, nil)); err != nil || a.Cause != pushd.CauseAudience || n.Total != nil {
		t.Errorf("of a tag that does not exist: %+v, %+v, %v", n, a, err)
	}
}
