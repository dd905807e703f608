package fanout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
	"pushd/internal/lease"
)

// list is a WeChat that lists followers as a script says.
type list struct {
	pushd.WeChat
	page  func(call int, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer)
	calls []pushd.OpenID // the cursors asked for
}

func (l *list) Page(_ context.Context, _ pushd.Token, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
	l.calls = append(l.calls, cursor)
	return l.page(len(l.calls), cursor)
}

// oneToken always has the same token.
type oneToken struct{ pushd.Tokens }

func (oneToken) Token(context.Context, pushd.AppID, pushd.ActID) (pushd.Token, error) {
	return "t", nil
}
func (oneToken) Doubted(context.Context, pushd.AppID, pushd.ActID, pushd.Token) (pushd.Token, error) {
	return "t", nil
}
func (oneToken) Refused(context.Context, pushd.AppID, pushd.ActID, pushd.Token) (pushd.Token, error) {
	return "t", nil
}

// claimed makes a run of a job that has just been claimed from a ledger.
func claimed(t *testing.T, l *fakeLedger, wechat pushd.WeChat, started pushd.Walk) *run {
	t.Helper()
	e := New(Config{
		Ledger: l, WeChat: wechat, Tokens: oneToken{}, Owner: pushd.Owner{Instance: "i", Boot: "b"}, Log: slog.New(slog.DiscardHandler),
		Concurrency: 8, MaxJobs: 1, Lease: 15 * time.Second, DedupWindow: 9 * time.Minute, Grace: time.Hour,
		Boottime: sinceNow(), Rand: rand.New(rand.NewPCG(1, 2)),
	})
	ctx := t.Context()
	on := true
	l.Channels[1] = &pushd.Channel{ActID: 1, AppID: "wx", LiveNotify: &on}
	job, err := l.Create(ctx, pushd.Job{ID: pushd.NewJobID(), ActID: 1, AppID: "wx", Deadline: pushd.Time(time.Now().Add(6 * time.Hour).UnixMicro())})
	if err != nil {
		t.Fatal(err)
	}
	l.ByID[job.ID].Walk = started
	if job, err = l.Claim(ctx, e.cfg.Owner, job.ID, e.cfg.Lease); err != nil {
		t.Fatal(err)
	}
	e.clock.Read(job.Now, e.cfg.Boottime())
	hard, kill := context.WithCancel(ctx)
	t.Cleanup(kill)
	return e.newRun(hard, job, lease.NewTenure(e.cfg.Boottime, e.cfg.Lease, 0))
}

func ids(from, to int) (out []pushd.OpenID) {
	for i := from; i < to; i++ {
		out = append(out, pushd.OpenID(fmt.Sprintf("o%07d", i)))
	}
	return out
}

// honest lists people in pages of size, as user/get does.
func honest(people []pushd.OpenID, size int) func(int, pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
	return func(_ int, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
		at := slices.Index(people, cursor) + 1
		p := pushd.FollowerPage{Total: int64(len(people)), OpenIDs: slices.Clone(people[at:min(len(people), at+size)])}
		if n := len(p.OpenIDs); n > 0 {
			p.Next = p.OpenIDs[n-1]
		}
		return p, pushd.Answer{}
	}
}

func TestWalk(t *testing.T) {
	thousand := honest(ids(0, 1000), 100)
	at := func(call int, instead func(pushd.FollowerPage) (pushd.FollowerPage, pushd.Answer)) func(int, pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
		return func(n int, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
			p, a := thousand(n, cursor)
			if n == call {
				return instead(p)
			}
			return p, a
		}
	}
	answer := func(v pushd.Verdict, code int, cause pushd.Cause) func(pushd.FollowerPage) (pushd.FollowerPage, pushd.Answer) {
		return func(pushd.FollowerPage) (pushd.FollowerPage, pushd.Answer) {
			return pushd.FollowerPage{}, pushd.Answer{Verdict: v, Code: code, Cause: cause}
		}
	}
	for name, c := range map[string]struct {
		page   func(int, pushd.OpenID) (pushd.FollowerPage, pushd.Answer)
		walked int64
		passes int
		err    bool
	}{
		"nobody follows":      {honest(nil, 100), 0, 2, false},
		"one":                 {honest(ids(0, 1), 100), 1, 1, false},
		"9,999":               {honest(ids(0, 9999), pushd.PageSize), 9999, 1, false},
		"10,000":              {honest(ids(0, 10000), pushd.PageSize), 10000, 1, false},
		"10,001":              {honest(ids(0, 10001), pushd.PageSize), 10001, 1, false},
		"an answer of 25,000": {honest(ids(0, 25000), 25000), 25000, 1, false},
		"ten pages":           {thousand, 1000, 1, false},
		"breaks off once": {at(4, func(p pushd.FollowerPage) (pushd.FollowerPage, pushd.Answer) {
			return pushd.FollowerPage{Total: 1000}, pushd.Answer{}
		}), 1000, 1, false},
		"breaks off with total": {at(4, func(p pushd.FollowerPage) (pushd.FollowerPage, pushd.Answer) {
			return pushd.FollowerPage{}, pushd.Answer{}
		}), 1000, 1, false},
		"breaks off each time": {func(n int, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
			p, a := thousand(n, cursor)
			if cursor == "o0000299" {
				return pushd.FollowerPage{Total: 1000}, a
			}
			return p, a
		}, 300, 2, true},
		"nothing the first time": {at(1, func(p pushd.FollowerPage) (pushd.FollowerPage, pushd.Answer) {
			return pushd.FollowerPage{}, pushd.Answer{}
		}), 1000, 2, false},
		"nothing, and then nobody": {func(n int, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
			return pushd.FollowerPage{Total: int64(1000 * (2 - n))}, pushd.Answer{}
		}, 0, 2, true},
		"a second pass with nothing": {func(n int, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
			if n == 4 {
				return pushd.FollowerPage{Total: 1000}, pushd.Answer{}
			}
			if n > 4 {
				return pushd.FollowerPage{}, pushd.Answer{}
			}
			return thousand(n, cursor)
		}, 300, 2, true},
		"the last page is empty once": {func(n int, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
			if n == 2 {
				return pushd.FollowerPage{Total: 1039}, pushd.Answer{}
			}
			return honest(ids(0, 1039), 1000)(n, cursor)
		}, 1039, 1, false},
		"the last page but one has no cursor": {func(n int, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
			p, a := honest(ids(0, 1039), 1000)(n, cursor)
			if n == 1 {
				p.Next = ""
			}
			return p, a
		}, 1039, 1, false},
		"a page twice": {at(3, func(p pushd.FollowerPage) (pushd.FollowerPage, pushd.Answer) {
			p.OpenIDs = append(ids(100, 200), p.OpenIDs...)
			return p, pushd.Answer{}
		}), 1000, 1, false},
		"people twice, and nobodies": {at(3, func(p pushd.FollowerPage) (pushd.FollowerPage, pushd.Answer) {
			p.OpenIDs = append(append([]pushd.OpenID{"", "o\nx"}, p.OpenIDs...), append(p.OpenIDs, "")...)
			return p, pushd.Answer{}
		}), 1000, 1, false},
		"a page of odd members": {at(3, func(p pushd.FollowerPage) (pushd.FollowerPage, pushd.Answer) {
			return pushd.FollowerPage{Total: 1000, Next: p.Next, Odd: 100}, pushd.Answer{}
		}), 1000, 2, false},
		"too many odd members": {func(n int, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
			p, a := thousand(n, cursor)
			p.OpenIDs, p.Odd = p.OpenIDs[:len(p.OpenIDs)*9/10], len(p.OpenIDs)/10
			return p, a
		}, 900, 2, true},
		"a few odd members": {func(n int, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
			p, a := thousand(n, cursor)
			p.OpenIDs, p.Odd = p.OpenIDs[min(1, len(p.OpenIDs)):], min(1, len(p.OpenIDs))
			return p, a
		}, 990, 1, false},
		"a cursor that leads back": {at(3, func(p pushd.FollowerPage) (pushd.FollowerPage, pushd.Answer) {
			p.Next = "o0000099"
			return p, pushd.Answer{}
		}), 1000, 2, false},
		"a loop without end": {func(n int, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
			p, a := thousand(n, cursor)
			if cursor == "o0000199" {
				p.Next = "o0000099"
			}
			return p, a
		}, 300, 2, true},
		"the cursor's follower is gone": {at(5, answer(pushd.Other, 40003, pushd.CauseCursor)), 1000, 2, false},
		"busy now and then":             {at(3, answer(pushd.Busy, -1, pushd.CauseNone)), 1000, 1, false},
		"quota, then a reset":           {at(3, answer(pushd.Quota, 45009, pushd.CauseNone)), 1000, 1, false},
		"too fast":                      {at(3, answer(pushd.Slower, 45011, pushd.CauseNone)), 1000, 1, false},
		"a total that lies, once": {at(3, func(p pushd.FollowerPage) (pushd.FollowerPage, pushd.Answer) {
			p.Total = 1 << 50
			return p, pushd.Answer{}
		}), 1000, 2, false},
		"a total that lies, always": {func(n int, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
			p, a := thousand(n, cursor)
			p.Total = 1 << 50
			return p, a
		}, 1000, 2, true},
		"a total a little high": {func(n int, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
			p, a := thousand(n, cursor)
			p.Total += 50
			return p, a
		}, 1000, 1, false},
		"a total too high, believed at the second pass": {func(n int, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
			p, a := honest(ids(0, 2000), 500)(n, cursor)
			p.Total += 90
			return p, a
		}, 2000, 2, false},
		"forbidden, once": {at(1, answer(pushd.Fatal, 48001, pushd.CauseNone)), 1000, 1, false},
		"the token is refused again and again": {func(n int, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
			if n <= 30 {
				return pushd.FollowerPage{}, pushd.Answer{Verdict: pushd.TokenRefused, Code: 40001}
			}
			return thousand(n, cursor)
		}, 1000, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newFakeLedger()
				wechat := &list{page: c.page}
				r := claimed(t, l, wechat, pushd.Walk{})
				r.idle.Store(false)
				w := newWalker(r, pushd.Walk{})
				err := w.do(t.Context())
				if (err != nil) != c.err || err != nil && !errors.Is(err, errWalkIncomplete) {
					t.Fatalf("the walk ended with %v", err)
				}
				j := l.ByID[r.job.ID]
				if j.Walk.Walked != c.walked || j.Walk.Pass != c.passes || j.Walk.Complete == c.err || j.Walk.Cursor != "" {
					t.Errorf("walked %d in %d passes, complete %v, cursor %q; want %d in %d", j.Walk.Walked, j.Walk.Pass, j.Walk.Complete, j.Walk.Cursor, c.walked, c.passes)
				}
				if n := int64(len(j.Where)); n != c.walked || len(j.Twice) > 0 {
					t.Errorf("%d people are stored, %d of them twice; want %d", n, len(j.Twice), c.walked)
				}
				if walk, _ := r.frontier.Get(); walk.Pages != j.Walk.Pages {
					t.Errorf("the frontier is at page %d of %d", walk.Pages, j.Walk.Pages)
				}
			})
		})
	}
}

// Of a walk that an earlier claim left unfinished, a fresh one goes on at its
// cursor and a stale one begins anew; in both nobody is stored twice.
func TestWalk_Resumed(t *testing.T) {
	for name, c := range map[string]struct {
		age   time.Duration
		first pushd.OpenID
		pass  int
	}{
		"fresh": {time.Minute, "o0000299", 1},
		"stale": {staleWalk + time.Second, "", 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newFakeLedger()
				wechat := &list{page: honest(ids(0, 1000), 100)}
				r := claimed(t, l, wechat, pushd.Walk{})
				total := int64(1000)
				walk := pushd.Walk{Pass: 1, Cursor: "o0000299", Pages: 1, Walked: 300, Total: &total, Seen: 300, Fresh: 300, PassAt: r.e.clock.Now()}
				if err := l.StorePage(t.Context(), r.job.Lease(), pushd.Page{No: 1, OpenIDs: ids(0, 300)}, walk); err != nil {
					t.Fatal(err)
				}
				time.Sleep(c.age)
				w := newWalker(r, walk)
				if err := w.do(t.Context()); err != nil {
					t.Fatal(err)
				}
				if j := l.ByID[r.job.ID]; j.Walk.Walked != 1000 || len(j.Twice) > 0 || j.Walk.Pass != c.pass || wechat.calls[0] != c.first {
					t.Errorf("walked %d, %d twice, pass %d, first cursor %q", j.Walk.Walked, len(j.Twice), j.Walk.Pass, wechat.calls[0])
				}
			})
		})
	}
}

// A commit whose answer is lost is repeated and found to be stored.
func TestWalk_LostCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &forgetful{fakeLedger: newFakeLedger()}
		r := claimed(t, l.fakeLedger, &list{page: honest(ids(0, 1000), 100)}, pushd.Walk{})
		r.e.cfg.Ledger = l
		w := newWalker(r, pushd.Walk{})
		if err := w.do(t.Context()); err != nil {
			t.Fatal(err)
		}
		if j := l.ByID[r.job.ID]; j.Walk.Walked != 1000 || len(j.Where) != 1000 || len(j.Pages) != 10 || len(j.Twice) > 0 {
			t.Errorf("walked %d in %d pages, %d people, %d twice", j.Walk.Walked, len(j.Pages), len(j.Where), len(j.Twice))
		}
	})
}

// forgetful stores pages and loses every other answer.
type forgetful struct {
	*fakeLedger
	n int
}

func (l *forgetful) StorePage(ctx context.Context, lease pushd.Lease, p pushd.Page, w pushd.Walk) error {
	err := l.fakeLedger.StorePage(ctx, lease, p, w)
	if l.n++; l.n%2 == 1 && err == nil {
		return errDatabase
	}
	return err
}

// What WeChat forbids for good ends the job.
func TestWalk_Forbidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wechat := &list{page: func(int, pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
			return pushd.FollowerPage{}, pushd.Answer{Verdict: pushd.Fatal, Code: 48001}
		}}
		w := newWalker(claimed(t, newFakeLedger(), wechat, pushd.Walk{}), pushd.Walk{})
		var e *ended
		if err := w.do(t.Context()); !errors.As(err, &e) || e.State != pushd.Failed || e.Reason != pushd.WeChatRefused {
			t.Errorf("the walk ended with %v", err)
		}
	})
}

// A job with nobody left to send to gives way while its walk waits.
func TestWalk_ParksWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLedger()
		wechat := &list{page: func(int, pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
			return pushd.FollowerPage{}, pushd.Answer{Verdict: pushd.Quota, Code: 45009}
		}}
		r := claimed(t, l, wechat, pushd.Walk{})
		r.idle.Store(true)
		w := newWalker(r, pushd.Walk{})
		var p *parked
		if err := w.do(t.Context()); !errors.As(err, &p) || p.Reason != pushd.QuotaExhausted || p.Until.Sub(r.e.clock.Now()) > quotaLook {
			t.Errorf("the walk ended with %v (%+v)", err, p)
		}
	})
}

// sinceNow is a clock that starts at 0.
func sinceNow() func() time.Duration {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}
