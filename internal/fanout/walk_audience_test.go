package fanout

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
	"pushd/internal/ledgertest"
)

// carried is a WeChat that lists who carries a tag as a script says.
type carried struct {
	list
	count int64 // of the tag; -1 = WeChat does not say
	knows func(pushd.OpenID) bool
}

func (c *carried) Tagged(_ context.Context, _ pushd.Token, _ int64, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
	c.calls = append(c.calls, cursor)
	p, a := c.page(len(c.calls), cursor)
	p.Total, p.Uncounted = 0, true
	return p, a
}

func (c *carried) Tags(context.Context, pushd.Token) ([]pushd.Tag, pushd.Answer) {
	if c.count < 0 {
		return nil, pushd.Answer{Verdict: pushd.Quota, Code: 45009}
	}
	return []pushd.Tag{{ID: 101, Count: c.count}}, pushd.Answer{}
}

func (c *carried) Knows(_ context.Context, _ pushd.Token, id pushd.OpenID) (bool, pushd.Answer) {
	return c.knows(id), pushd.Answer{}
}

// A tag's list is complete when it has as many as the tag, or when it was walked
// again and no one new was found.
func TestWalk_Tag(t *testing.T) {
	thousand := honest(ids(0, 1000), 100)
	noTag := pushd.Answer{Verdict: pushd.Other, Code: 45159, Cause: pushd.CauseAudience, Text: "invalid tag id"}
	breaks := func(calls ...int) func(int, pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
		return func(n int, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
			if slices.Contains(calls, n) {
				return pushd.FollowerPage{}, pushd.Answer{}
			}
			return thousand(n, cursor)
		}
	}
	for name, c := range map[string]struct {
		page   func(int, pushd.OpenID) (pushd.FollowerPage, pushd.Answer)
		count  int64
		walked int64
		passes int
		err    bool
	}{
		"counted":                       {thousand, 1000, 1000, 1, false},
		"not counted":                   {thousand, -1, 1000, 2, false},
		"counted a little too high":     {thousand, 1040, 1000, 2, false},
		"counted too high":              {thousand, 1500, 1000, 3, false},
		"nobody carries it":             {honest(nil, 100), 0, 0, 2, false},
		"nobody, and it is not counted": {honest(nil, 100), -1, 0, 6, true},
		"nobody is listed, some do":     {honest(nil, 100), 10, 0, 6, true},
		"breaks off once":               {breaks(4), 1000, 1000, 1, false}, // the place is asked for again
		"breaks off, and is uncounted":  {breaks(4), -1, 1000, 2, false},
		"breaks off twice at one place": {breaks(4, 5), 1000, 1000, 2, false},
		"a second pass with nothing":    {breaks(13), -1, 1000, 3, false},
		"a small tag, one missing": {func(n int, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
			if n == 2 || n == 3 {
				return pushd.FollowerPage{}, pushd.Answer{}
			}
			return honest(ids(0, 40), 39)(n, cursor)
		}, 40, 40, 2, false},
		"cut short twice, then breaks off": {func(n int, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
			switch n {
			case 4, 8: // the follower of the cursor has gone
				return pushd.FollowerPage{}, pushd.Answer{Verdict: pushd.Other, Code: 40003, Cause: pushd.CauseCursor}
			case 12, 13:
				return pushd.FollowerPage{}, pushd.Answer{}
			}
			return thousand(n, cursor)
		}, -1, 1000, 5, false},
		"45159 now and then": {func(n int, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
			if n%3 == 1 {
				return pushd.FollowerPage{}, noTag
			}
			return thousand(n, cursor)
		}, 1000, 1000, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newFakeLedger()
				wechat := &carried{list: list{page: c.page}, count: c.count}
				r := claimed(t, l, wechat, pushd.Walk{})
				r.job.Audience = "tag:101"
				err := newWalker(r, pushd.Walk{}).do(t.Context())
				if (err != nil) != c.err || err != nil && !errors.Is(err, errWalkIncomplete) {
					t.Fatalf("the walk ended with %v", err)
				}
				walk := l.ByID[r.job.ID].Walk
				if walk.Walked != c.walked || walk.Pass != c.passes || walk.Complete == c.err || len(l.ByID[r.job.ID].Twice) > 0 {
					t.Errorf("walked %d in %d passes, complete %v; want %d in %d", walk.Walked, walk.Pass, walk.Complete, c.walked, c.passes)
				}
				if c.count < 0 && (walk.Total == nil || *walk.Total != c.walked) {
					t.Errorf("the total is %v", walk.Total)
				}
			})
		})
	}
}

// A tag that does not exist parks the job, when no one is left to send to.
func TestWalk_NoSuchTag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wechat := &carried{list: list{page: func(int, pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
			return pushd.FollowerPage{}, pushd.Answer{Verdict: pushd.Other, Code: 45159, Cause: pushd.CauseAudience, Text: "invalid tag id"}
		}}}
		r := claimed(t, newFakeLedger(), wechat, pushd.Walk{})
		r.job.Audience = "tag:101"
		busy := time.AfterFunc(10*time.Minute, func() { r.idle.Store(true) })
		defer busy.Stop()
		var p *parked
		began := time.Now()
		if err := newWalker(r, pushd.Walk{}).do(t.Context()); !errors.As(err, &p) || p.Reason != pushd.AudienceUnavailable {
			t.Fatalf("the walk ended with %v", err)
		}
		if waited := time.Since(began); waited < 10*time.Minute || len(wechat.calls) > 13 {
			t.Errorf("parked after %s and %d calls", waited, len(wechat.calls))
		}
		const want = "the audience tag:101 can't be listed: 45159 invalid tag id; is there still a tag 101? pushd asks again every minute; for another audience cancel the job and POST with restart"
		if p.Detail != want {
			t.Errorf("detail %q", p.Detail)
		}
	})
}

// A tag that was put on others meanwhile is walked on; a list of another account's
// is not.
func TestWalk_TagOnOthers(t *testing.T) {
	for _, own := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			l := newFakeLedger()
			wechat := &carried{list: list{page: honest(ids(500, 600), 100)}, count: 100, knows: func(id pushd.OpenID) bool { return own && id == "o0000000" }}
			r := claimed(t, l, wechat, pushd.Walk{})
			r.job.Audience = "tag:101"
			walk := pushd.Walk{Pass: 1, Pages: 1, Walked: 100, Seen: 100, Fresh: 100, PassAt: r.e.clock.Now()}
			if err := l.StorePage(t.Context(), r.job.Lease(), pushd.Page{No: 1, OpenIDs: ids(0, 100)}, walk); err != nil {
				t.Fatal(err)
			}
			r.frontier.Set(walk)
			err := newWalker(r, walk).do(t.Context())
			var m *mismatch
			if own != (err == nil) || !own && !errors.As(err, &m) {
				t.Fatalf("own %t: %v", own, err)
			}
			if walked := l.ByID[r.job.ID].Walk.Walked; own && walked != 200 || !own && walked != 100 {
				t.Errorf("own %t: walked %d", own, walked)
			}
		})
	}
}

// remindSubscribers lets a world remind those who asked, and no one else.
func (w *sim) remindSubscribers(some []pushd.OpenID) {
	w.audience = pushd.AudienceSubscribers
	clear(w.ledger.Subscribed)
	for _, ch := range w.ledger.Channels {
		ch.Audience = w.audience
	}
	for _, who := range some {
		w.subscribe(who)
	}
}

// told are those who got a message.
func (w *sim) sentTo() (all []pushd.OpenID) {
	w.wechat.mu.Lock()
	defer w.wechat.mu.Unlock()
	for r, p := range w.wechat.people {
		if len(p.told) > 0 {
			all = append(all, r.to)
		}
	}
	slices.Sort(all)
	return all
}

// Whoever subscribes while the others are being sent to gets the message, wherever
// they stand in the list; so it is when a process dies meanwhile, and when the job
// is paused.
func TestRun_LateSubscribers(t *testing.T) {
	for name, meanwhile := range map[string]func(w *sim){
		"nothing else": func(*sim) {},
		"a crash": func(w *sim) {
			w.kill(w.processes[0])
			w.boot(0)
		},
		"a pause": func(w *sim) {
			_, _ = w.controller().Pause(context.Background(), w.job().ID)
			time.Sleep(3 * time.Second)
			_, _ = w.controller().Resume(context.Background(), w.job().ID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newSim(1, 0, false)
				w.wechat.followers = ids(0, 300)
				w.remindSubscribers(ids(100, 200))
				w.boot(0)
				w.post(1, pushd.Request{Rate: 10})
				time.Sleep(3 * time.Second)
				w.subscribe("o0000099")
				meanwhile(w)
				for w.job().Counts.Sent < 80 {
					time.Sleep(100 * time.Millisecond)
				}
				w.subscribe("o0000250")
				w.settle()
				w.subscribe("o0000251")
				job := w.job()
				want := slices.Concat(ids(99, 200), ids(250, 251))
				if job.State != pushd.Succeeded || job.Counts.Sent != 102 || *job.Walk.Total != 102 || !slices.Equal(w.sentTo(), want) {
					t.Errorf("%s (%s), %+v, total %d; sent to %d", job.State, job.Detail, job.Counts, *job.Walk.Total, len(w.sentTo()))
				}
				w.end()
			})
		})
	}
}

// Whoever subscribes while a job waits for a person's yes gets the message with the
// rest.
func TestRun_LateSubscribersAfterFirst(t *testing.T) {
	for _, rows := range []int{10, 1000} { // of a page
		synctest.Test(t, func(t *testing.T) {
			w := newSim(1, 0, false)
			w.wechat.followers = ids(0, 300)
			w.remindSubscribers(ids(100, 200))
			w.change = func(c *Config) { c.Ledger = refusing{c.Ledger.(wire), time.Time{}, rows} }
			w.boot(0)
			first := 20
			w.post(1, pushd.Request{First: &first})
			time.Sleep(time.Minute)
			if job := w.job(); job.Reason != pushd.FirstReached || job.Counts.Sent != 20 || *job.Walk.Total != 100 {
				t.Errorf("%d rows: %s %s, %+v, total %d", rows, job.State, job.Reason, job.Counts, *job.Walk.Total)
			}
			w.subscribe("o0000099")
			w.subscribe("o0000250")
			if _, err := w.controller().Resume(context.Background(), w.job().ID); err != nil {
				t.Error(err)
			}
			w.settle()
			job := w.job()
			want := append(ids(99, 200), "o0000250")
			if job.State != pushd.Succeeded || job.Counts.Sent != 102 || *job.Walk.Total != 102 || !slices.Equal(w.sentTo(), want) {
				t.Errorf("%d rows: %s (%s), %+v, total %d; sent to %d", rows, job.State, job.Detail, job.Counts, *job.Walk.Total, len(w.sentTo()))
			}
			w.end()
		})
	}
}

// refusing is a database that refuses the audience query before a moment.
type refusing struct {
	wire
	until time.Time
	rows  int // of the table that it gives before it refuses
}

func (r refusing) Subscribers(ctx context.Context, id pushd.ActID, after pushd.OpenID, limit int) (pushd.FollowerPage, error) {
	if time.Now().Before(r.until) && (r.rows == 0 || after != "") {
		return pushd.FollowerPage{}, &pushd.AudienceError{Text: "PUSHD_AUDIENCE_QUERY is refused by the database: Error 1142"}
	}
	return r.fakeLedger.Subscribers(ctx, id, after, max(r.rows, 1))
}

// A query that the database refuses parks the job, after those who were listed
// have been sent to, and it goes on when the query is allowed.
func TestRun_AudienceQueryRefused(t *testing.T) {
	for _, rows := range []int{0, 30} {
		synctest.Test(t, func(t *testing.T) {
			w := newSim(1, 0, false)
			w.wechat.followers = ids(0, 100)
			w.remindSubscribers(ids(0, 90))
			until := time.Now().Add(10 * time.Minute)
			w.change = func(c *Config) { c.Ledger = refusing{c.Ledger.(wire), until, rows} }
			w.boot(0)
			w.post(1, pushd.Request{})
			time.Sleep(5 * time.Minute)
			job := w.job()
			const why = "the audience subscribers can't be listed: PUSHD_AUDIENCE_QUERY is refused by the database: Error 1142"
			if job.State != pushd.Parked || job.Reason != pushd.AudienceUnavailable || job.Detail != why || job.Counts.Sent != int64(rows) {
				t.Errorf("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
			}
			w.settle()
			if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 90 || len(w.sentTo()) != 90 {
				t.Errorf("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
			}
			w.end()
		})
	}
}

// padded is a table whose rows are no openids before a moment.
type padded struct {
	wire
	until time.Time
}

func (p padded) Subscribers(ctx context.Context, id pushd.ActID, after pushd.OpenID, limit int) (pushd.FollowerPage, error) {
	if time.Now().Before(p.until) {
		return pushd.FollowerPage{Odd: 90}, nil
	}
	return p.fakeLedger.Subscribers(ctx, id, after, limit)
}

// A table whose rows can't be openids since the POST is a mistake of the platform's:
// the job waits, and says so, until they are. It does not end well with no one.
func TestRun_NoRowIsAnOpenID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, false)
		w.wechat.followers = ids(0, 100)
		w.remindSubscribers(ids(0, 90))
		until := time.Now().Add(10 * time.Minute)
		w.change = func(c *Config) { c.Ledger = padded{c.Ledger.(wire), until} }
		w.boot(0)
		w.post(1, pushd.Request{})
		time.Sleep(5 * time.Minute)
		if job := w.job(); job.State != pushd.Parked || job.Reason != pushd.AudienceUnavailable || !strings.Contains(job.Detail, "90 rows, none of which is an openid") {
			t.Errorf("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
		}
		w.settle()
		if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 90 || len(w.sentTo()) != 90 {
			t.Errorf("in the end: %s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
		}
		w.end()
	})
}

// PHP mixes two accounts' tokens up when the job begins, or for the last of its
// recipients: of a list that no token gave, the token is what is wrong. Everyone is
// sent to when PHP is right again, and who can't receive is skipped.
func TestRun_AnotherAccountsTokenForSubscribers(t *testing.T) {
	for _, sentFirst := range []int64{0, 40, 55} {
		t.Run(fmt.Sprint(sentFirst), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newSim(1, 0, false)
				w.wechat.followers = ids(0, 100)
				w.remindSubscribers(append(ids(0, 59), "o-not-here"))
				w.wechat.gone["o-not-here"] = true
				m := &twoAccounts{calls: new(int), w: w, foreign: ids(5000, 5040), code: 40003}
				w.change = func(c *Config) { m.WeChat, c.WeChat = c.WeChat, m }
				stolen := func() {
					w.wechat.mu.Lock()
					w.php.stolen, w.wechat.valid = time.Now().Add(3*time.Minute), "revoked"
					w.wechat.mu.Unlock()
				}
				if sentFirst == 0 {
					stolen()
				}
				w.boot(0)
				w.post(1, pushd.Request{Rate: 5})
				for w.job().Counts.Sent < sentFirst {
					time.Sleep(100 * time.Millisecond)
				}
				if sentFirst > 0 {
					stolen()
				}
				w.settle()
				if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 59 || job.Counts.Skipped != 1 {
					t.Errorf("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
				}
				w.end()
			})
		})
	}
}

// A million subscribers take no more memory than a hundred thousand: what is held
// is one page. The ledger drops what it is given, so that nothing but the walk's
// own is measured.
func TestWalk_SubscribersInBoundedMemory(t *testing.T) {
	page := func(n int64) float64 {
		var most float64
		synctest.Test(t, func(t *testing.T) {
			l := &dropping{Memory: newFakeLedger(), n: n}
			r := claimed(t, l.Memory, nil, pushd.Walk{})
			r.job.Audience, r.e.cfg.Ledger = pushd.AudienceSubscribers, l
			r.idle.Store(true)
			if err := newWalker(r, pushd.Walk{}).do(t.Context()); err != nil {
				t.Fatal(err)
			}
			if l.stored != n || l.pages != int(n+9999)/10000 {
				t.Errorf("%d of %d are stored, on %d pages", l.stored, n, l.pages)
			}
			most = l.most
		})
		return most
	}
	small, large := page(100_000), page(1_000_000)
	if large > small+8 {
		t.Errorf("%.1f MB of heap for 100,000 subscribers, %.1f MB for a million", small, large)
	}
	t.Logf("%.1f MB of heap for 100,000 subscribers, %.1f MB for a million", small, large)
}

// dropping is a ledger with so many subscribers, which it makes as they are asked
// for, and which stores nothing but how many it was given.
type dropping struct {
	*ledgertest.Memory
	n, stored int64
	pages     int
	most      float64 // MB of heap, with what is garbage taken away
}

func subscriberNo(n int64) pushd.OpenID { return pushd.OpenID(fmt.Sprintf("oBounded-%019d", n)) }

func (l *dropping) Subscribers(_ context.Context, _ pushd.ActID, after pushd.OpenID, limit int) (page pushd.FollowerPage, _ error) {
	from := int64(0)
	if after != "" {
		_, _ = fmt.Sscanf(string(after), "oBounded-%d", &from)
		from++
	}
	for n := from; n < min(l.n, from+int64(limit)); n++ {
		page.OpenIDs = append(page.OpenIDs, subscriberNo(n))
	}
	if len(page.OpenIDs) == limit {
		page.Next = page.OpenIDs[limit-1]
	}
	return page, nil
}

func (l *dropping) StorePage(_ context.Context, _ pushd.Lease, p pushd.Page, _ pushd.Walk) error {
	l.pages++
	l.stored += int64(len(p.OpenIDs))
	if p.No%10 == 0 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		l.most = max(l.most, float64(m.HeapAlloc)/1e6)
	}
	return nil
}

func (l *dropping) SaveWalk(context.Context, pushd.Lease, pushd.Walk) error { return nil }

// People makes the openids of a page once more: they are those of the list.
func (l *dropping) People(_ context.Context, _ pushd.JobID, page, offset, limit int) ([]byte, error) {
	const line = len("oBounded-") + 19 + 1
	var b []byte
	first := int64(page-1)*pushd.PageSize + int64(offset/line)
	for n := first; n < min(l.n, int64(page)*pushd.PageSize) && len(b) < limit+line; n++ {
		b = append(append(b, subscriberNo(n)...), '\n')
	}
	b = b[offset%line:]
	return b[:min(limit, len(b))], nil
}

// A round that stops for those who wait (43117), with the breaker's suspects held
// back, leaves a walk that would let them be sent to first nothing to wait for.
func TestRun_SubscribersWhoAllWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, false)
		w.wechat.followers = ids(0, 60)
		w.remindSubscribers(ids(0, 60))
		until := time.Now().Add(5 * time.Minute)
		w.change = func(c *Config) {
			c.WeChat = scripted{c.WeChat, func(to pushd.OpenID) *pushd.Answer {
				switch {
				case !time.Now().Before(until):
					return nil
				case to < "o0000005":
					return &pushd.Answer{Verdict: pushd.DeferLong, Code: pushd.CodeTooFrequent}
				}
				return &pushd.Answer{Verdict: pushd.Other, Code: 40270}
			}}
		}
		w.boot(0)
		w.post(1, pushd.Request{})
		w.settle()
		if job := w.job(); job.State.Active() {
			t.Errorf("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
		}
		for _, text := range w.wrong {
			t.Error(text)
		}
		w.end()
	})
}
