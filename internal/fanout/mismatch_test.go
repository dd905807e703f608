package fanout

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pushd"
)

// twoAccounts is a WeChat that knows two accounts by their tokens: each lists its own
// followers, and neither can send to the other's.
type twoAccounts struct {
	pushd.WeChat
	w       *sim
	foreign []pushd.OpenID
	code    int  // with which another account's token is refused
	calls   *int // lists asked for
}

func (m *twoAccounts) Page(ctx context.Context, tok pushd.Token, cursor pushd.OpenID) (pushd.FollowerPage, pushd.Answer) {
	m.w.mu.Lock()
	*m.calls++
	m.w.mu.Unlock()
	if tok != m.w.wechat.foreign {
		return m.WeChat.Page(ctx, tok, cursor)
	}
	if cursor != "" && !slices.Contains(m.foreign, cursor) {
		return pushd.FollowerPage{}, pushd.Answer{Verdict: pushd.Other, Code: 40003, Cause: pushd.CauseCursor}
	}
	return honest(m.foreign, 20)(0, cursor)
}

func (m *twoAccounts) Knows(_ context.Context, tok pushd.Token, id pushd.OpenID) (bool, pushd.Answer) {
	return slices.Contains(m.foreign, id) == (tok == m.w.wechat.foreign), pushd.Answer{}
}

func (m *twoAccounts) Send(ctx context.Context, tok pushd.Token, letter *pushd.Letter, to pushd.OpenID) pushd.Answer {
	switch theirs := slices.Contains(m.foreign, to); {
	case tok == m.w.wechat.foreign && m.code == 40037: // the template is looked at first
		return pushd.Answer{Verdict: pushd.FatalIfRepeated, Code: 40037, Cause: pushd.CauseTemplate}
	case theirs != (tok == m.w.wechat.foreign):
		return pushd.Answer{Verdict: pushd.Skip, Code: 40003, Cause: pushd.CauseOpenID}
	case theirs:
		return pushd.Answer{Verdict: pushd.FatalIfRepeated, Code: 40037, Cause: pushd.CauseTemplate}
	}
	return m.WeChat.Send(ctx, tok, letter, to)
}

// PHP gives another account's token for some seconds when a job begins, and the
// followers that are listed are that account's. When PHP is right again
// everybody is sent to, without a person's doing; also after a restart, and
// whatever WeChat refuses first.
func TestRun_AnotherAccountsTokenAtTheStart(t *testing.T) {
	for _, code := range []int{40037, 40003} {
		for _, mixup := range []time.Duration{time.Second, 6 * time.Second, 3 * time.Minute} {
			for _, theirs := range []int{3, 19, 500} {
				for _, restart := range []bool{false, true} {
					synctest.Test(t, func(t *testing.T) {
						w := newSim(1, 0, true)
						w.wechat.followers = ids(0, 200)
						m := &twoAccounts{calls: new(int), w: w, foreign: ids(5000, 5000+theirs), code: code}
						w.change = func(c *Config) { // of each process its own: the one that is killed still sends
							own := *m
							own.WeChat, c.WeChat = c.WeChat, &own
						}
						w.php.stolen = time.Now().Add(mixup)
						w.boot(0)
						w.post(1, pushd.Request{})
						if restart {
							time.Sleep(mixup)
							w.kill(w.processes[0])
							w.boot(0)
						}
						for end := time.Now().Add(mixup + 12*time.Minute); w.job().State.Active() && time.Now().Before(end); time.Sleep(time.Second) {
							if w.job().State == pushd.Parked { // PHP's cron posts every minute
								w.post(1, pushd.Request{AccessToken: "x"})
							}
						}
						job := w.job()
						if job.State != pushd.Succeeded || job.Counts.Sent != 200 {
							t.Errorf("refused with %d, mixed up for %s, %d strangers, restart %v: %s %s (%s), walked %d, %+v",
								code, mixup, theirs, restart, job.State, job.Reason, job.Detail, job.Walk.Walked, job.Counts)
						}
						if *m.calls > 200 {
							t.Errorf("the list was asked for %d times", *m.calls)
						}
						w.end()
					})
				}
			}
		}
	}
}

// A template that the account does not have parks the job, and costs few lists:
// the quota of user/get is some hundred a day.
func TestRun_WrongTemplateCostsFewLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, false)
		w.wechat.followers = ids(0, 3000)
		w.wechat.pageSize = 50
		m := &twoAccounts{calls: new(int), w: w}
		w.change = func(c *Config) {
			m.WeChat = scripted{c.WeChat, func(pushd.OpenID) *pushd.Answer {
				return &pushd.Answer{Verdict: pushd.FatalIfRepeated, Code: 40037, Cause: pushd.CauseTemplate}
			}}
			c.WeChat = m
		}
		w.boot(0)
		w.post(1, pushd.Request{})
		time.Sleep(30 * time.Minute)
		if job := w.job(); job.State != pushd.Parked || job.Reason != pushd.AccountMismatch || job.Counts.Settled() != 0 {
			t.Errorf("%s %s, %+v", job.State, job.Reason, job.Counts)
		}
		if *m.calls > 150 {
			t.Errorf("%d lists in half an hour", *m.calls)
		}
		w.end()
	})
}

// PHP mixes two accounts' tokens up when all but a few were told: those few are
// refused as nobody's followers, and are told when the mix-up is over. Who really
// can't receive is skipped all the same.
func TestRun_AnotherAccountsTokenForTheLast(t *testing.T) {
	for _, last := range []int{1, 5, 19} {
		synctest.Test(t, func(t *testing.T) {
			w := newSim(1, 0, false)
			w.wechat.followers = ids(0, 60)
			m := &twoAccounts{calls: new(int), w: w, foreign: ids(5000, 5040), code: 40003}
			odd := ids(59, 60)[0]
			w.change = func(c *Config) {
				m.WeChat = scripted{c.WeChat, func(to pushd.OpenID) *pushd.Answer {
					if to == odd {
						return &pushd.Answer{Verdict: pushd.Skip, Code: 40003, Cause: pushd.CauseOpenID}
					}
					return nil
				}}
				c.WeChat = m
			}
			w.boot(0)
			w.post(1, pushd.Request{Rate: 5})
			for w.job().Counts.Sent < int64(60-last) {
				time.Sleep(100 * time.Millisecond)
			}
			w.wechat.mu.Lock()
			w.php.stolen, w.wechat.valid = time.Now().Add(3*time.Minute), "revoked"
			w.wechat.mu.Unlock()
			for end := time.Now().Add(20 * time.Minute); w.job().State.Active() && time.Now().Before(end); {
				time.Sleep(time.Second)
			}
			if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 59 || job.Counts.Skipped != 1 {
				t.Errorf("the last %d: %s %s (%s), %+v", last, job.State, job.Reason, job.Detail, job.Counts)
			}
			w.end()
		})
	}
}

// lateRefusals answers another account's token late.
type lateRefusals struct {
	twoAccounts
	late time.Duration
}

func (m *lateRefusals) Send(ctx context.Context, tok pushd.Token, letter *pushd.Letter, to pushd.OpenID) pushd.Answer {
	if tok == m.w.wechat.foreign {
		time.Sleep(m.late)
	}
	return m.twoAccounts.Send(ctx, tok, letter, to)
}

// Another account's token is replaced while its sends are under way: what WeChat
// says of them comes when the right one has delivered something already, and says
// nothing about the recipients.
func TestRun_LateRefusalsOfAnotherAccountsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, false)
		w.wechat.followers = ids(0, 60)
		w.remindSubscribers(ids(0, 60))
		m := &lateRefusals{twoAccounts{calls: new(int), w: w, foreign: ids(5000, 5040), code: 40003}, 4 * time.Second}
		w.change = func(c *Config) { m.WeChat, c.WeChat = c.WeChat, m }
		w.boot(0)
		w.post(1, pushd.Request{Rate: 8})
		for w.job().Counts.Sent < 10 {
			time.Sleep(100 * time.Millisecond)
		}
		w.wechat.mu.Lock()
		w.php.stolen, w.wechat.valid = time.Now().Add(time.Second), "revoked"
		w.wechat.mu.Unlock()
		time.Sleep(1500 * time.Millisecond)
		if _, err := w.processes[0].tokens.Doubted(t.Context(), "wx1", 1, w.wechat.foreign); err != nil {
			t.Fatal(err)
		}
		w.settle()
		if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 60 || job.Counts.Errors[40003] == 0 {
			t.Errorf("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
		}
		w.end()
	})
}

// PHP mixes two accounts' tokens up while the walk goes on and the first recipients
// have been attempted already: the list that begins with others stops the walk, which
// the job bears as at any other time.
func TestRun_AnotherAccountsTokenAfterTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSim(1, 0, false)
		w.wechat.followers, w.wechat.pageSize, w.brakes.first = ids(0, 150), 15, 10
		m := &twoAccounts{calls: new(int), w: w, foreign: ids(5000, 5040), code: 40003}
		w.change = func(c *Config) { m.WeChat, c.WeChat = c.WeChat, m }
		w.boot(0)
		w.post(1, pushd.Request{})
		for w.job().Walk.Pages < 5 || w.job().Counts.Sent < 10 {
			time.Sleep(10 * time.Millisecond)
		}
		if w.job().Walk.Complete {
			t.Fatal("the walk has ended before the mix-up")
		}
		w.wechat.mu.Lock()
		w.php.stolen, w.wechat.valid = time.Now().Add(18*time.Second), "revoked"
		w.wechat.mu.Unlock()
		for end := time.Now().Add(time.Hour); w.job().State.Active() && time.Now().Before(end); time.Sleep(time.Second) {
			if job := w.job(); job.State == pushd.Paused {
				_, _ = w.controller().Resume(t.Context(), job.ID)
			}
		}
		if job := w.job(); job.State != pushd.Succeeded || job.Counts.Sent != 150 || len(w.sentTo()) != 150 {
			t.Errorf("%s %s (%s), %+v", job.State, job.Reason, job.Detail, job.Counts)
		}
		w.end()
	})
}
