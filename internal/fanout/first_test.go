package fanout

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
)

// suspicions are answers that may be about the job.
var suspicions = map[int]pushd.Answer{
	40003: {Verdict: pushd.Skip, Code: 40003, Cause: pushd.CauseOpenID},
	40037: {Verdict: pushd.FatalIfRepeated, Code: 40037, Cause: pushd.CauseTemplate},
	48003: {Verdict: pushd.Other, Code: 48003},
}

// headed runs f in a world of 200 recipients of whom the first few are refused with
// code as long as refusing is true. All sleeps are of synctest's time.
func headed(t *testing.T, first, few, code int, f func(t *testing.T, w *sim, asked *atomic.Int64, refusing *atomic.Bool)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, false)
		w.wechat.followers, w.brakes.first = ids(0, 200), first
		head := map[pushd.OpenID]bool{}
		for _, id := range ids(0, few) {
			head[id] = true
		}
		var asked atomic.Int64
		var refusing atomic.Bool
		refusing.Store(true)
		w.change = func(c *Config) {
			c.WeChat = scripted{c.WeChat, func(to pushd.OpenID) *pushd.Answer {
				if asked.Add(1); head[to] && refusing.Load() {
					a := suspicions[code]
					return &a
				}
				return nil
			}}
		}
		w.boot(0)
		w.post(1, pushd.Request{})
		defer func() {
			w.end()
		}()
		f(t, w, &asked, &refusing)
	})
}

// Of the first recipients WeChat refuses all, and what that is about only a person
// can know: the job waits for them, asks no one meanwhile, and goes on by their word,
// however many there are who can't receive.
func TestRun_FirstRecipientsAllRefused(t *testing.T) {
	for _, code := range []int{40003, 48003} {
		for _, first := range []int{2, 19, 20, 25, 60} {
			for _, few := range []int{first, 60} {
				t.Run(fmt.Sprintf("%d/%d/%d", code, first, few), func(t *testing.T) {
					headed(t, first, few, code, func(t *testing.T, w *sim, asked *atomic.Int64, _ *atomic.Bool) {
						time.Sleep(30 * time.Minute)
						job, n := w.job(), asked.Load()
						if job.State != pushd.Paused || job.Reason != pushd.FirstReached || !strings.Contains(job.Detail, fmt.Sprint(code)) || job.Counts.Settled() != 0 {
							t.Fatalf("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
						}
						if n > 4*int64(first) { // with the account's token again, as where another account's was refused
							t.Errorf("the first %d were asked %d times", first, n)
						}
						for end := time.Now().Add(time.Hour); w.job().State != pushd.Succeeded && time.Now().Before(end); time.Sleep(time.Second) {
							switch job := w.job(); {
							case job.State == pushd.Paused:
								_, _ = w.controller().Resume(context.Background(), job.ID)
							case job.State.Ended():
								w.post(1, pushd.Request{Continue: true})
							}
						}
						job = w.job()
						if got := w.states(); job.State != pushd.Succeeded || got[pushd.PersonSent] != 200-few || got[pushd.PersonSkipped]+got[pushd.PersonFailed] != few {
							t.Errorf("%s %s (%s): %v", job.State, job.Reason, job.Detail, got)
						}
					})
				})
			}
		}
	}
}

// What was wrong is put right before the yes: then the first recipients get the
// message like all others.
func TestRun_FirstRecipientsAllRefusedByMistake(t *testing.T) {
	for code := range suspicions {
		for _, first := range []int{3, 30} {
			t.Run(fmt.Sprintf("%d/%d", code, first), func(t *testing.T) {
				headed(t, first, 200, code, func(t *testing.T, w *sim, _ *atomic.Int64, refusing *atomic.Bool) {
					time.Sleep(5 * time.Minute)
					job := w.job()
					if job.State != pushd.Paused || job.Reason != pushd.FirstReached {
						t.Fatalf("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
					}
					refusing.Store(false)
					if _, err := w.controller().Resume(context.Background(), job.ID); err != nil {
						t.Fatal(err)
					}
					time.Sleep(5 * time.Minute)
					if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 200 {
						t.Errorf("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
					}
				})
			})
		}
	}
}

// A list that begins with many whom WeChat takes for another account's holds no job
// up: each time those are asked first who were not asked before.
func TestRun_RefusedBeforeComeLast(t *testing.T) {
	headed(t, 0, 100, 40003, func(t *testing.T, w *sim, _ *atomic.Int64, _ *atomic.Bool) {
		time.Sleep(45 * time.Minute)
		if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 100 || job.Counts.Skipped != 100 {
			t.Errorf("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
		}
		if n := w.job().Epoch; n != 2 {
			t.Errorf("%d claims, want 2: once others have it, who is refused stops nothing", n)
		}
	})
}

// Nothing is judged before those are asked who come behind the others: by now they may
// get it.
func TestRun_JudgedWhenAllAreAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, false)
		w.wechat.followers, w.brakes.first = ids(0, 3), 2
		var fixed atomic.Bool
		w.change = func(c *Config) {
			c.WeChat = scripted{c.WeChat, func(to pushd.OpenID) *pushd.Answer {
				if fixed.Load() && to < "o0000002" {
					return nil
				}
				return &pushd.Answer{Verdict: pushd.Other, Code: 48003}
			}}
		}
		w.boot(0)
		w.post(1, pushd.Request{})
		time.Sleep(time.Minute)
		fixed.Store(true)
		if _, err := w.controller().Resume(context.Background(), w.job().ID); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 2 || job.Counts.Failed != 1 {
			t.Errorf("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
		}
		w.end()
	})
}

// Those who are put off come before those who come last: a job that was stopped by the
// latter each time would never reach the former.
func TestRun_RefusedBehindThosePutOff(t *testing.T) {
	for name, wait := range map[string]pushd.Answer{
		"for a minute": {Verdict: pushd.DeferShort, Code: pushd.CodeDuplicate}, "for half an hour": {Verdict: pushd.DeferLong, Code: pushd.CodeTooFrequent},
	} {
		t.Run(name, func(t *testing.T) {
			tried := map[pushd.OpenID]int{}
			withWeChat(t, 200, func(_ *sim, to pushd.OpenID) *pushd.Answer {
				a := wait
				if to < "o0000025" {
					a = suspicions[40003]
				} else if tried[to]++; tried[to] > 1 {
					return nil
				}
				return &a
			}, func(w *sim) {
				time.Sleep(50 * time.Minute)
				if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 175 || job.Counts.Skipped != 25 {
					t.Errorf("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
				}
			})
		})
	}
}

// Where all have been refused before, by another account's token, those at the head of
// the list who can never get it do not hold up the others.
func TestRun_AllRefusedBefore(t *testing.T) {
	fixed := false
	withWeChat(t, 60, func(_ *sim, to pushd.OpenID) *pushd.Answer {
		a := suspicions[48003]
		switch {
		case !fixed:
			a = suspicions[40003]
		case to >= "o0000030":
			return nil
		}
		return &a
	}, func(w *sim) {
		time.Sleep(30 * time.Minute)
		if got := w.states(); got[pushd.Refused] != 60 {
			t.Fatalf("%v", got)
		}
		w.mu.Lock()
		fixed = true
		w.mu.Unlock()
		for range 3 {
			time.Sleep(15 * time.Minute)
			if w.job().State.Ended() && w.job().State != pushd.Succeeded {
				w.post(1, pushd.Request{Continue: true})
			}
		}
		if job := w.job(); job.Counts.Sent != 30 || job.Counts.Failed != 30 {
			t.Errorf("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
		}
	})
}

// Those who were refused by another account's token do not wait half an hour for those
// who are put off, once the own one has delivered something.
func TestRun_RefusedBeforeDoNotWait(t *testing.T) {
	fixed, tried := false, map[pushd.OpenID]int{}
	withWeChat(t, 60, func(_ *sim, to pushd.OpenID) *pushd.Answer {
		if !fixed {
			a := suspicions[40003]
			return &a
		}
		if tried[to]++; tried[to] == 1 && to[len(to)-1]%5 == 0 { // '2' and '7'
			return &pushd.Answer{Verdict: pushd.DeferLong, Code: pushd.CodeTooFrequent}
		}
		return nil
	}, func(w *sim) {
		time.Sleep(30 * time.Minute)
		w.mu.Lock()
		fixed = true
		w.mu.Unlock()
		time.Sleep(12 * time.Minute) // the next try is ten minutes after the last
		if job := w.job(); job.Counts.Sent != 48 {
			t.Errorf("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
		}
		time.Sleep(40 * time.Minute)
		if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 60 {
			t.Errorf("in the end: %s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
		}
	})
}

// unsure is a WeChat that refuses every token where it is asked whom it knows.
type unsure struct{ pushd.WeChat }

func (unsure) Knows(context.Context, pushd.Token, pushd.OpenID) (bool, pushd.Answer) {
	return false, pushd.Answer{Verdict: pushd.TokenRefused, Code: 40001}
}

// Whose the recipients are can't be asked while there is no token: the job waits for
// one.
func TestRun_NoTokenToAskBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, false)
		w.wechat.followers = ids(0, 60)
		w.change = func(c *Config) {
			c.WeChat = scripted{unsure{c.WeChat}, func(pushd.OpenID) *pushd.Answer {
				w.wechat.mu.Lock()
				defer w.wechat.mu.Unlock()
				w.php.down = time.Now().Add(time.Hour)
				a := suspicions[40003]
				return &a
			}}
		}
		w.boot(0)
		w.post(1, pushd.Request{})
		time.Sleep(5 * time.Minute)
		if job := w.job(); job.State != pushd.Parked || job.Reason != pushd.TokenUnavailable {
			t.Errorf("%s %s (%s)", job.State, job.Reason, job.Detail)
		}
		w.end()
	})
}
