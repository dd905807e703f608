package fanout

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
	"pushd/internal/fanout/breaker"
)

// scripted is a WeChat that answers sends as a test says. A nil answer leaves
// the send to the world's.
type scripted struct {
	pushd.WeChat
	answer func(to pushd.OpenID) *pushd.Answer
}

func (s scripted) Send(ctx context.Context, tok pushd.Token, letter *pushd.Letter, to pushd.OpenID) pushd.Answer {
	if a := s.answer(to); a != nil {
		return *a
	}
	return s.WeChat.Send(ctx, tok, letter, to)
}

// withWeChat runs f in a world of n followers whose WeChat a test plays itself,
// so that only the test can judge. The job is posted when f begins.
func withWeChat(t *testing.T, n int, answer func(w *sim, to pushd.OpenID) *pushd.Answer, f func(w *sim)) {
	t.Helper()
	withWeChatAt(t, 0, n, answer, f)
}

// withWeChatAt is withWeChat with a job of at most rate messages a second; 0 is any.
func withWeChatAt(t *testing.T, rate, n int, answer func(w *sim, to pushd.OpenID) *pushd.Answer, f func(w *sim)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, false)
		w.wechat.followers = ids(0, n)
		w.change = func(c *Config) {
			c.WeChat = scripted{c.WeChat, func(to pushd.OpenID) *pushd.Answer {
				w.mu.Lock()
				defer w.mu.Unlock()
				return answer(w, to)
			}}
		}
		w.boot(0)
		w.post(1, pushd.Request{Rate: rate})
		f(w)
		w.end()
		for _, text := range w.wrong {
			t.Error(text)
		}
	})
}

// rebootWith kills the process, changes what WeChat answers, and starts it again.
func (w *sim) rebootWith(change func()) {
	w.kill(w.process(0))
	w.mu.Lock()
	change()
	w.mu.Unlock()
	w.boot(0)
}

// states counts the recipients of the world's first job by what the ledger says
// of them.
func (w *sim) states() map[pushd.PersonState]int {
	w.ledger.Lock()
	defer w.ledger.Unlock()
	n := map[pushd.PersonState]int{}
	for _, j := range w.ledger.ByID {
		for i, row := range j.Progress {
			people, err := pushd.DecodePersons(row.Outcomes, row.People)
			if err != nil {
				w.violated("page %d: %v", i+1, err)
			}
			for _, p := range people {
				n[p.State]++
			}
		}
	}
	return n
}

// An unknown code never says that a message was accepted: who gets one after an
// ambiguous try is listed as unknown.
func TestSettle_UnknownCodeAfterAnAmbiguousTry(t *testing.T) {
	tried := map[pushd.OpenID]int{}
	withWeChat(t, 60, func(_ *sim, to pushd.OpenID) *pushd.Answer {
		if to[len(to)-1] != '7' { // six of sixty
			return nil
		}
		if tried[to]++; tried[to] == 1 {
			return &pushd.Answer{Verdict: pushd.Busy, Code: -1, Ambiguous: true}
		}
		return &pushd.Answer{Verdict: pushd.Other, Code: 50003}
	}, func(w *sim) {
		w.within(time.Minute)
		if got := w.states(); got[pushd.PersonSent] != 54 || got[pushd.PersonUnknown] != 6 {
			w.violated("recipients: %v", got)
		}
	})
}

// A 40241 to a recipient in doubt is asked again after the 60 seconds of which
// it speaks; until then they are in doubt.
func TestSettle_DuplicateAfterAnAmbiguousTry(t *testing.T) {
	tried := map[pushd.OpenID]int{}
	var last time.Time
	var waited time.Duration
	withWeChat(t, 40, func(_ *sim, to pushd.OpenID) *pushd.Answer {
		if to != "o0000007" {
			return nil
		}
		waited, last = time.Since(last), time.Now()
		switch tried[to]++; tried[to] {
		case 1:
			return &pushd.Answer{Verdict: pushd.Busy, Code: -1, Ambiguous: true} // not accepted
		case 2:
			return &pushd.Answer{Verdict: pushd.DeferShort, Code: 40241} // because of another message
		}
		return nil
	}, func(w *sim) {
		w.within(3 * time.Minute)
		if got := w.states(); got[pushd.PersonSent] != 40 || tried["o0000007"] != 3 || waited < 61*time.Second {
			w.violated("recipients: %v; %d tries, the last after %s", got, tried["o0000007"], waited)
		}
	})
}

// A second 40241 speaks of the job's own message only if nothing else can have
// been sent for the account: not while recipients get one who were not sent to
// before. Then who is in doubt is asked again, three times at most.
func TestSettle_SecondDuplicate(t *testing.T) {
	for name, others := range map[string]int{"only this job sends": 0, "others send at first": 2, "others send, too": 3} {
		t.Run(name, func(t *testing.T) {
			tried := map[pushd.OpenID]int{}
			withWeChat(t, 40, func(_ *sim, to pushd.OpenID) *pushd.Answer {
				tried[to]++
				switch {
				case to == "o0000007" && tried[to] == 1:
					return &pushd.Answer{Verdict: pushd.Busy, Code: -1, Ambiguous: true}
				case to == "o0000007", to == "o0000020" && tried[to] <= others:
					return &pushd.Answer{Verdict: pushd.DeferShort, Code: 40241}
				}
				return nil
			}, func(w *sim) {
				w.within(5 * time.Minute)
				got := w.states()
				if others == 3 && (got[pushd.PersonSent] != 39 || got[pushd.PersonUnknown] != 1) || others < 3 && got[pushd.PersonSent] != 40 {
					w.violated("recipients: %v", got)
				}
			})
		})
	}
}

// What WeChat answers to every recipient is about the message, whatever its
// number: the job fails, those refused stay without an outcome, and a continue
// reaches them all.
func TestSettle_EveryAnswerAnUnknownCode(t *testing.T) {
	for _, n := range []int{1, 10, 19, 60, 150, 240} {
		wrong := true
		withWeChat(t, n, func(*sim, pushd.OpenID) *pushd.Answer {
			if wrong {
				return &pushd.Answer{Verdict: pushd.Other, Code: 40165, Text: "invalid weapp pagepath"}
			}
			return nil
		}, func(w *sim) {
			w.within(time.Minute)
			if job := w.job(); job.State != pushd.Failed || job.Reason != pushd.WeChatRefused || job.Counts.Settled() != 0 {
				w.violated("%d followers: %s %s, %+v", n, job.State, job.Reason, job.Counts)
			}
			w.mu.Lock()
			wrong = false
			w.mu.Unlock()
			w.post(1, pushd.Request{Continue: true})
			w.within(time.Minute)
			if got := w.states(); got[pushd.PersonSent] != n {
				w.violated("%d followers, after a continue: %v", n, got)
			}
		})
	}
}

// After a crash the recipients in doubt are asked first. A WeChat that answers a
// client_msg_id that it knows with an unknown code says nothing about the job by
// that: the others decide. If they get the message, whoever is in doubt is listed
// as unknown; if they are refused as well, the job ends, and they stay without an
// outcome.
func TestSettle_UnknownCodeToARepeatedID(t *testing.T) {
	for _, healthy := range []bool{true, false} {
		tried := map[pushd.OpenID]bool{}
		second := false
		unknown := pushd.Answer{Verdict: pushd.Other, Code: 99999}
		withWeChat(t, 2000, func(_ *sim, to pushd.OpenID) *pushd.Answer {
			switch repeated := tried[to]; {
			case !second:
				tried[to] = true
			case repeated || !healthy:
				return &unknown
			}
			return nil
		}, func(w *sim) {
			for range 4 { // each leaves some in doubt
				time.Sleep(300 * time.Millisecond)
				w.kill(w.processes[0])
				w.boot(0)
			}
			time.Sleep(300 * time.Millisecond)
			w.rebootWith(func() { second = true })
			w.within(2 * time.Minute)
			job, got := w.job(), w.states()
			delivered := got[pushd.PersonSent] + got[pushd.PersonUnknown]
			switch {
			case healthy && (job.State != pushd.Succeeded || delivered != 2000 || got[pushd.PersonUnknown] < breaker.Size):
				w.violated("%s (%s): %v", job.State, job.Reason, got)
			case !healthy && (job.State != pushd.Failed || job.Reason != pushd.WeChatRefused || got[pushd.PersonUnknown]+got[pushd.PersonFailed] != 0):
				w.violated("all are refused: %s (%s): %v", job.State, job.Reason, got)
			}
		})
	}
}

// Where a crash has left everyone in doubt and WeChat answers all of them with an unknown
// code, they may have the message: they are listed as unknown, and the job says so. It is
// not one that WeChat refuses, which would be in vain continued again and again, until
// WeChat has forgotten what it knows and they get the message twice.
func TestSettle_UnknownCodeToAllInDoubt(t *testing.T) {
	const n = breaker.Size - 7
	second, asked := false, 0
	withWeChat(t, n, func(*sim, pushd.OpenID) *pushd.Answer {
		if !second {
			return &pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeTimeout, Ambiguous: true}
		}
		asked++
		return &pushd.Answer{Verdict: pushd.Other, Code: 99999}
	}, func(w *sim) {
		time.Sleep(3 * time.Second) // synctest's: everyone is asked
		w.rebootWith(func() { second = true })
		w.within(2 * time.Minute)
		for range 2 {
			if job, got := w.job(), w.states(); job.State != pushd.Failed || job.Reason != pushd.TooManyFailures || got[pushd.PersonUnknown] != n || asked != n {
				w.violated("%s (%s: %s): %v, %d asked again", job.State, job.Reason, job.Detail, got, asked)
			}
			w.post(1, pushd.Request{Continue: true})
			w.within(time.Minute)
		}
	})
}

// Where WeChat puts recipients off beyond the deadline, it knows account and
// message: an unknown code of the others is theirs, and not the job's.
func TestRun_PutOffBeyondTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, false)
		w.wechat.followers = ids(0, 6)
		w.change = func(c *Config) {
			c.WeChat = scripted{c.WeChat, func(to pushd.OpenID) *pushd.Answer {
				if to < "o0000003" {
					return &pushd.Answer{Verdict: pushd.Other, Code: 48003}
				}
				return &pushd.Answer{Verdict: pushd.DeferLong, Code: pushd.CodeTooFrequent}
			}}
		}
		w.boot(0)
		w.post(1, pushd.Request{Deadline: time.Now().Add(20 * time.Minute).Unix()})
		time.Sleep(time.Minute)
		if job := w.job(); job.State != pushd.Failed || job.Reason != pushd.TooManyFailures || job.Counts.Failed != 6 {
			t.Errorf("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
		}
		w.end()
	})
}

// The same, where the job is paused between those whom WeChat has put off and the others:
// the next claim asks the others alone.
func TestRun_PutOffBeyondTheDeadlineByAnEarlierClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, false)
		w.wechat.followers = ids(0, 6)
		w.change = func(c *Config) {
			c.WeChat = scripted{c.WeChat, func(to pushd.OpenID) *pushd.Answer {
				if to < "o0000003" {
					return &pushd.Answer{Verdict: pushd.DeferLong, Code: pushd.CodeTooFrequent}
				}
				return &pushd.Answer{Verdict: pushd.Other, Code: 48003}
			}}
		}
		w.boot(0)
		w.post(1, pushd.Request{Rate: 1, Deadline: time.Now().Add(20 * time.Minute).Unix()})
		for w.job().Counts.Failed < 3 {
			time.Sleep(100 * time.Millisecond) // synctest's: they are asked one a second
		}
		if _, err := w.controller().Pause(t.Context(), w.job().ID); err != nil {
			t.Error(err)
		}
		time.Sleep(10 * time.Second) // synctest's: the claim ends within a second
		if _, err := w.controller().Resume(t.Context(), w.job().ID); err != nil {
			t.Error(err)
		}
		w.within(2 * time.Minute)
		if job := w.job(); job.State != pushd.Failed || job.Reason != pushd.TooManyFailures || job.Counts.Failed != 6 {
			t.Errorf("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
		}
		w.end()
		for _, text := range w.wrong {
			t.Error(text)
		}
	})
}

// The first recipients whom WeChat refuses with an unknown code don't say whether
// they or the message are wrong, and would be the same each time: a person decides.
// Afterwards all are judged together.
func TestRun_FirstRecipientsRefused(t *testing.T) {
	for name, wrong := range map[string]bool{"they can't receive": false, "the message is wrong": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const n, first = 40, 2
				w := newSim(1, 0, false)
				w.wechat.followers, w.brakes.first = ids(0, n), first
				var asked atomic.Int64
				w.change = func(c *Config) {
					c.WeChat = scripted{c.WeChat, func(to pushd.OpenID) *pushd.Answer {
						if asked.Add(1); wrong || to < "o0000002" {
							return &pushd.Answer{Verdict: pushd.Other, Code: 48003}
						}
						return nil
					}}
				}
				w.boot(0)
				w.post(1, pushd.Request{})
				time.Sleep(time.Minute)
				job := w.job()
				if job.State != pushd.Paused || job.Reason != pushd.FirstReached || !strings.Contains(job.Detail, "48003") || job.Counts.Settled() != 0 || asked.Load() != first {
					t.Errorf("%s %s (%s), %+v; %d were asked", job.State, job.Reason, job.Detail, job.Counts, asked.Load())
				} else if _, err := w.controller().Resume(context.Background(), job.ID); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Minute)
				job = w.job()
				got := w.states()
				switch {
				case !wrong && (job.State != pushd.Succeeded || got[pushd.PersonSent] != n-first || got[pushd.PersonFailed] != first):
					t.Errorf("%s %s (%s): %v", job.State, job.Reason, job.Detail, got)
				case wrong && (job.State != pushd.Failed || job.Reason != pushd.WeChatRefused || job.Counts.Settled() != 0):
					t.Errorf("%s %s (%s): %v", job.State, job.Reason, job.Detail, got)
				}
				w.end()
			})
		})
	}
}

// A list that always breaks off ends the job as failed, when those listed have been
// sent to: whoever WeChat wants to be left alone for a minute, too, and those for whom
// the first few had to wait.
func TestRun_IncompleteListSendsToThoseListed(t *testing.T) {
	for _, first := range []int{0, 5} {
		synctest.Test(t, func(t *testing.T) {
			w := newSim(1, 0, false)
			w.wechat.followers, w.brakes.first = ids(0, 100), first
			for _, i := range []int{40, 99} {
				w.wechat.codes[w.wechat.followers[i]] = fakePerson{code: pushd.CodeDuplicate, puts: 1}
			}
			w.change = func(c *Config) {
				c.WeChat = &list{WeChat: c.WeChat, page: func(_ int, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
					page, a := honest(ids(0, 100), 50)(0, cursor)
					page.Total = 1000
					return page, a
				}}
			}
			w.boot(0)
			w.post(1, pushd.Request{})
			for end := time.Now().Add(time.Hour); w.job().State.Active() && time.Now().Before(end); time.Sleep(time.Second) {
				if job := w.job(); job.State == pushd.Paused {
					_, _ = w.controller().Resume(t.Context(), job.ID)
				}
			}
			if job := w.job(); job.State != pushd.Failed || job.Reason != pushd.WalkIncomplete || job.Counts.Sent != 100 || len(w.sentTo()) != 100 {
				t.Errorf("the first %d: %s %s (%s), %+v", first, job.State, job.Reason, job.Detail, job.Counts)
			}
			w.end()
		})
	}
}
