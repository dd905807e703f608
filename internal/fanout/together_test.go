package fanout

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
	"pushd/internal/retry"
)

// PHP mixes two accounts' tokens up while a job's walk is interrupted: the list
// that comes then has nobody who is known, and is neither sent to nor taken for
// the end of the walk.
func TestRun_AnotherAccountsListInBetween(t *testing.T) {
	for _, keeps := range []bool{false, true} { // the mix-up outlasts the job's next tries
		inWorld(t, 0, 0, func(w *sim) {
			w.wechat.mu.Lock()
			w.wechat.followers, w.wechat.pageSize = ids(0, 60), 20
			w.wechat.mu.Unlock()
			for w.job().Walk.Pages == 0 {
				time.Sleep(5 * time.Millisecond)
			}
			if _, err := w.controller().Pause(context.Background(), w.job().ID); err != nil {
				w.violated("%v", err)
			}
			time.Sleep(5 * time.Second)
			span := 3 * time.Second
			if keeps {
				span = 4 * time.Minute
			}
			w.wechat.mu.Lock()
			w.php.stolen, w.wechat.valid = time.Now().Add(span), "revoked"
			w.wechat.mu.Unlock()
			if _, err := w.controller().Resume(context.Background(), w.job().ID); err != nil {
				w.violated("%v", err)
			}
			w.within(20 * time.Minute)
			if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 60 || job.Walk.Walked != 60 {
				w.violated("%s (%s) with %+v of %d", job.State, job.Detail, job.Counts, job.Walk.Walked)
			}
		})
	}
}

// beforeAfter is a ledger that notes when a list was forgotten, and how soon
// anything was read of the next.
type beforeAfter struct {
	pushd.Ledger
	mu    sync.Mutex
	over  time.Time
	after time.Duration
}

func (l *beforeAfter) StartOver(ctx context.Context, lease pushd.Lease, passAt pushd.Time) error {
	l.mu.Lock()
	l.over = time.Now()
	l.mu.Unlock()
	return l.Ledger.StartOver(ctx, lease, passAt)
}

func (l *beforeAfter) Progress(ctx context.Context, id pushd.JobID, from, to int) ([]pushd.Progress, error) {
	l.mu.Lock()
	if !l.over.IsZero() && l.after == 0 {
		l.after = time.Since(l.over)
	}
	l.mu.Unlock()
	return l.Ledger.Progress(ctx, id, from, to)
}

// ignorant is a WeChat that knows none of a list until it was forgotten.
type ignorant struct {
	pushd.WeChat
	list *beforeAfter
}

func (i ignorant) Knows(ctx context.Context, tok pushd.Token, id pushd.OpenID) (bool, pushd.Answer) {
	i.list.mu.Lock()
	defer i.list.mu.Unlock()
	return !i.list.over.IsZero(), pushd.Answer{}
}

// A list that is read again has pages of the same numbers: what was known of the
// old ones says nothing of them, and nothing is read of them while a node of the
// database that lags behind may still show the old ones.
func TestRun_ListReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, false)
		w.wechat.followers = ids(0, 60)
		l := &beforeAfter{}
		w.change = func(c *Config) {
			l.Ledger, c.Ledger = c.Ledger, l
			c.WeChat = scripted{ignorant{c.WeChat, l}, func(to pushd.OpenID) *pushd.Answer {
				l.mu.Lock()
				defer l.mu.Unlock()
				switch {
				case !l.over.IsZero():
					return nil
				case to < "o0000005": // outcomes, which are recorded before the list is forgotten
					return &pushd.Answer{Verdict: pushd.Skip, Code: 43101}
				}
				return &pushd.Answer{Verdict: pushd.Skip, Code: 40003, Cause: pushd.CauseOpenID}
			}}
		}
		w.boot(0)
		w.post(1, pushd.Request{Rate: 10})
		w.within(5 * time.Minute)
		if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 60 {
			w.violated("%s (%s) with %+v", job.State, job.Detail, job.Counts)
		}
		if l.after < retry.StaleFor {
			w.violated("a page of the new list was read %s after the old one was forgotten", l.after)
		}
		w.end()
		for _, text := range w.wrong {
			t.Error(text)
		}
	})
}

// Everybody has had another message of the account within the minute, but for
// one to whom WeChat never answers well: that one does not pass for a WeChat that
// is down, which would put the others off for ever.
func TestEngine_PoisonAmongDeferred(t *testing.T) {
	tried := map[pushd.OpenID]int{}
	withWeChat(t, 40, func(_ *sim, to pushd.OpenID) *pushd.Answer {
		if tried[to]++; to == "o0000007" {
			return &pushd.Answer{Verdict: pushd.Busy, Code: -1, Ambiguous: true}
		}
		if tried[to] == 1 {
			return &pushd.Answer{Verdict: pushd.DeferShort, Code: 40241}
		}
		return nil
	}, func(w *sim) {
		w.within(5 * time.Minute)
		if got := w.states(); got[pushd.PersonSent] != 39 || got[pushd.PersonUnknown] != 1 {
			w.violated("%s, recipients: %v", w.job().State, got)
		}
	})
}

// Everybody has had another message of the account within the minute, but for
// one who is refused with a code that is in no table: as long as the others are
// to be asked again, that one's code is not the message's.
func TestSettle_SuspectAmongDeferred(t *testing.T) {
	tried := map[pushd.OpenID]int{}
	withWeChat(t, 40, func(_ *sim, to pushd.OpenID) *pushd.Answer {
		if tried[to]++; to == "o0000007" {
			return &pushd.Answer{Verdict: pushd.Other, Code: 48003}
		}
		if tried[to] == 1 {
			return &pushd.Answer{Verdict: pushd.DeferShort, Code: 40241}
		}
		return nil
	}, func(w *sim) {
		w.within(5 * time.Minute)
		if got := w.states(); got[pushd.PersonSent] != 39 || got[pushd.PersonFailed] != 1 {
			w.violated("%s (%s), recipients: %v", w.job().State, w.job().Detail, got)
		}
	})
}

// Where all others refuse the message for themselves, a code that is in no table
// is no more the message's: it is that recipient's, who is listed with it.
func TestSettle_SuspectAmongRefusers(t *testing.T) {
	withWeChat(t, 40, func(_ *sim, to pushd.OpenID) *pushd.Answer {
		if to == "o0000007" {
			return &pushd.Answer{Verdict: pushd.Other, Code: 48003}
		}
		return &pushd.Answer{Verdict: pushd.Skip, Code: 43101}
	}, func(w *sim) {
		w.within(time.Minute)
		if job := w.job(); job.Reason != pushd.TooManyFailures || job.Counts.Skipped != 39 || job.Counts.Failed != 1 {
			w.violated("%s %s (%s) with %+v", job.State, job.Reason, job.Detail, job.Counts)
		}
	})
}

// A round that stops in a moment when nothing is in flight gives those back who
// were let in and not sent to: they are not in doubt.
func TestSender_StopsWithNobodyInFlight(t *testing.T) {
	for seed := range uint64(60) { // when it stops, in relation to its records, is chance
		synctest.Test(t, func(t *testing.T) {
			w := newSim(seed, 0, false)
			w.wechat.followers = ids(0, 200)
			w.cfg.Concurrency = 64
			w.boot(0)
			w.post(1, pushd.Request{Rate: 3})
			time.Sleep(20*time.Second + time.Duration(seed)*17*time.Millisecond)
			w.wechat.mu.Lock()
			w.wechat.outage = time.Now().Add(time.Minute)
			w.wechat.mu.Unlock()
			for w.job().State != pushd.Parked {
				time.Sleep(time.Millisecond)
			}
			msg, people := w.ledger.Everyone(w.job().ID)
			w.wechat.mu.Lock()
			for who, p := range people {
				if p.State == pushd.InDoubt && w.wechat.person(recipient{msg, who}).requests == 0 {
					t.Errorf("%s is in doubt, and was never sent to", who)
				}
			}
			w.wechat.mu.Unlock()
			w.end()
		})
	}
}

// The database goes back by less than its counter shows, beneath a job that walks
// or sends: the job goes on from what the database has, and WeChat recognises
// what is sent again.
func TestRun_LedgerForgetsALittle(t *testing.T) {
	for _, at := range []time.Duration{500 * time.Millisecond, 5 * time.Second} {
		inWorld(t, 120, 10, func(w *sim) {
			w.wechat.mu.Lock()
			w.wechat.pageSize = 5
			w.wechat.mu.Unlock()
			time.Sleep(at)
			old := w.ledger.Copy()
			time.Sleep(700 * time.Millisecond)
			old.Install = w.ledger.Copy().Install
			w.noteForgotten(old)
			w.ledger.Restore(old)
			w.within(2 * time.Minute)
			if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 120 {
				w.violated("after %s: %s (%s) with %+v", at, job.State, job.Detail, job.Counts)
			}
		})
	}
}

// finishing is a ledger that does something before the first Finish.
type finishing struct {
	pushd.Ledger
	once   sync.Once
	before func()
}

func (l *finishing) Finish(ctx context.Context, lease pushd.Lease, e pushd.Ending) error {
	l.once.Do(l.before)
	return l.Ledger.Finish(ctx, lease, e)
}

// The same, between the last record and the end: what was lost is sent again
// under the same ids, and the job ends well.
func TestRun_LedgerForgetsBeforeTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, true)
		w.wechat.followers, w.wechat.pageSize = ids(0, 120), 5
		var old *fakeLedger
		l := &finishing{before: func() {
			old.Install = w.ledger.Copy().Install
			w.noteForgotten(old)
			w.ledger.Restore(old)
		}}
		w.change = func(c *Config) { l.Ledger, c.Ledger = c.Ledger, l }
		w.boot(0)
		w.post(1, pushd.Request{Rate: 10})
		time.Sleep(11 * time.Second)
		old = w.ledger.Copy()
		w.within(2 * time.Minute)
		if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 120 {
			w.violated("%s: %s (%s) with %+v", job.State, job.Reason, job.Detail, job.Counts)
		}
		w.end()
		w.judge()
		for _, text := range w.wrong {
			t.Error(text)
		}
	})
}

// Twenty and more are refused with a code that nobody knows while others are put
// off: those are waited for, and show that the message is right.
func TestRun_UnknownCodesWhileOthersArePutOff(t *testing.T) {
	seen := map[pushd.OpenID]int{}
	withWeChat(t, 120, func(w *sim, to pushd.OpenID) *pushd.Answer {
		seen[to]++
		switch n := slices.Index(w.wechat.followers, to); {
		case n%4 == 0:
			return &pushd.Answer{Verdict: pushd.Other, Code: 48003}
		case seen[to] == 1:
			return &pushd.Answer{Verdict: pushd.DeferShort, Code: pushd.CodeDuplicate}
		}
		return nil
	}, func(w *sim) {
		w.within(10 * time.Minute)
		if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 90 || job.Counts.Failed != 30 {
			w.violated("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
		}
	})
}
