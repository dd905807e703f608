package php_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pushd/deploy/php/phptest"
)

// soon adds channels 1 to n of the accounts wx1 to wxn, the first of which falls
// due in a few minutes, and the others after it.
func (m *manager) soon(t *testing.T, n int) {
	t.Helper()
	m.manyAccounts(t, n)
	m.exec(t, fmt.Sprintf("INSERT INTO activity (id, uin, title, start_time) SELECT seq, seq, 't', %d + seq DIV 10 FROM seq_1_to_%d", in(20).Unix(), n))
	m.exec(t, fmt.Sprintf("INSERT INTO activity_detail (act_id, live_notify, live_notify_time) SELECT seq, 1, 15 FROM seq_1_to_%d", n))
}

// fall makes every channel due.
func (m *manager) fall(t *testing.T) {
	t.Helper()
	m.exec(t, "UPDATE activity SET start_time = start_time - 600")
}

// askedFor returns the accounts whose token WeChat was asked for.
func (m *manager) askedFor() (accounts []string) {
	for _, c := range m.wechat.asked() {
		accounts = append(accounts, c.AppID)
	}
	slices.Sort(accounts)
	return accounts
}

func (m *manager) cache(t *testing.T, appid string, seconds int) {
	t.Helper()
	m.exec(t, "REPLACE INTO wx_access_token (appid, access_token, expires_at, secret_hash) VALUES (?, 'marked-cached', UNIX_TIMESTAMP() + ?, LEFT(SHA2('wx_access_token/"+appSecret+"', 256), 32))", appid, seconds)
}

// Whatever falls due within ten minutes has its token by then.
func TestPrefetch_ComesWithThePost(t *testing.T) {
	m := newManager(t, accepted)
	m.soon(t, 9)
	m.exec(t, "UPDATE activity SET start_time = start_time + 900 WHERE id = 2") // in twenty minutes
	m.cache(t, "wx3", 7000)
	m.cache(t, "wx4", 200)
	m.exec(t, "UPDATE user_wx_config SET status = 0 WHERE uin = 5")
	m.exec(t, "UPDATE user_wx_account SET app_secret = '' WHERE uin = 6")
	m.exec(t, "ALTER TABLE user_wx_account DROP KEY user_wx_account_appid")
	m.exec(t, "UPDATE user_wx_account SET appid = 'wx8', app_secret = 'another' WHERE uin = 7") // two owners
	m.exec(t, "INSERT INTO activity (id, uin, title, start_time) SELECT 20, 1, 't', start_time FROM activity WHERE id = 1")
	m.exec(t, "INSERT INTO activity_detail (act_id, live_notify, live_notify_time) VALUES (20, 1, 15)") // a second of the same account
	m.channel(t, 21, 9, in(5), 15)                                                                      // due, and of an account that has another soon
	run := m.run(t, 0)
	if run.Stderr != "" || strings.Count(run.Stdout, "\n") != 1 {
		t.Errorf("%s%s", run.Stdout, run.Stderr)
	}
	if got := m.askedFor(); !slices.Equal(got, []string{"wx1", "wx4", "wx9"}) {
		t.Errorf("asked for %v", got)
	}
	m.want(t, 21)
	m.run(t, 0)
	if got := m.askedFor(); len(got) != 0 {
		t.Errorf("asked again for %v", got)
	}
	m.pushd.taken()
	m.exec(t, "UPDATE activity_detail SET live_notify_status = 1 WHERE act_id = 21")
	m.fall(t)
	m.run(t, 2) // two owners want a person
	for _, job := range m.pushd.jobs() {
		if (job.Token != "") == slices.Contains([]string{"wx2", "wx6", "wx8"}, job.AppID) {
			t.Errorf("%s was posted with the token %q", job.AppID, job.Token)
		}
		if job.AppID == "wx1" && (job.Token != "marked-token-wx1-0" || job.ExpiresIn < 7000) {
			t.Errorf("%+v", job)
		}
	}
}

// What is due goes first, and waits for no token.
func TestPrefetch_AfterWhatIsDue(t *testing.T) {
	const due = 60
	m := newManager(t, accepted)
	m.soon(t, 20)
	for id := range due {
		m.channel(t, 100+id, 1+id%20, in(5), 15)
	}
	m.wechat.set(func(c stableCall) any {
		m.pushd.mu.Lock()
		defer m.pushd.mu.Unlock()
		if len(m.pushd.posts) != due {
			t.Errorf("asked for a token after %d of %d posts", len(m.pushd.posts), due)
		}
		return token("marked-token", 7200)
	})
	m.run(t, 0)
	if got := m.askedFor(); len(got) != 20 {
		t.Errorf("asked for %v", got)
	}
}

// What falls due while tokens are fetched is posted by the same run.
func TestPrefetch_LooksForWhatFallsDueMeanwhile(t *testing.T) {
	m := newManager(t, accepted)
	m.soon(t, 150)
	var once sync.Once
	m.wechat.set(func(c stableCall) any {
		once.Do(func() {
			if _, err := m.ExecContext(t.Context(), "UPDATE activity SET start_time = start_time - 600 WHERE id = 150"); err != nil {
				t.Error(err)
			}
		})
		return token("marked-token-"+c.AppID, 7200)
	})
	m.run(t, 0)
	m.want(t, 150)
	if got := m.askedFor(); len(got) != 150 {
		t.Errorf("asked for %d", len(got))
	}
}

func TestPrefetch_Bounds(t *testing.T) {
	m := newManager(t, accepted)
	m.soon(t, 40)
	runAs(t, m.host.With(phptest.Settings{"prefetch": "0", "wechat_url": "http://not.used.example"}), 0)
	if got := m.askedFor(); len(got) != 0 {
		t.Errorf("asked for %v", got)
	}
	few := m.host.With(phptest.Settings{"prefetch": "3", "batch": "1"})
	for _, want := range [][]string{{"wx1", "wx2", "wx3"}, {"wx4", "wx5", "wx6"}} { // those that are needed first
		runAs(t, few, 0)
		if got := m.askedFor(); !slices.Equal(got, want) {
			t.Errorf("asked for %v, want %v", got, want)
		}
	}
	runAs(t, m.host.With(phptest.Settings{"wechat_url": "http://not.used.example"}), 2) // a key would travel in the clear
	m.run(t, 0)
	if got := m.askedFor(); len(got) != 34 {
		t.Errorf("asked for %d", len(got))
	}
}

// An account that gets no token is said once, is no reason to ring, keeps no
// other from its token, and is not asked for every minute.
func TestPrefetch_Refused(t *testing.T) {
	m := newManager(t, accepted)
	m.soon(t, 30)
	m.cache(t, "wx10", 250)
	m.wechat.set(func(c stableCall) any {
		if strings.HasSuffix(c.AppID, "0") {
			return refusal(40164, "invalid ip 111.50.94.9, not in whitelist "+c.Secret)
		}
		return token("marked-token-"+c.AppID, 7200)
	})
	run := m.run(t, 0)
	if strings.Count(run.Stderr, "\n") != 1 || !strings.Contains(run.Stderr, "3 accounts") || !strings.Contains(run.Stderr, "IP白名单") || run.Stdout != "" {
		t.Errorf("%s%s", run.Stdout, run.Stderr)
	}
	if got := m.askedFor(); len(got) != 30 {
		t.Errorf("asked for %d", len(got))
	}
	if n := m.number(t, "SELECT COUNT(*) FROM wx_access_token WHERE access_token LIKE 'marked-token-%' AND expires_at > UNIX_TIMESTAMP() + 7000"); n != 27 {
		t.Errorf("%d tokens", n)
	}
	if n := m.number(t, "SELECT COUNT(*) FROM wx_access_token WHERE access_token = 'marked-cached'"); n != 1 {
		t.Error("the last minutes of the old token are gone")
	}
	m.run(t, 0)
	if got := m.askedFor(); len(got) != 0 {
		t.Errorf("a minute later: %v", got)
	}
	m.exec(t, "UPDATE wx_access_token SET fetched_at = fetched_at - 300")
	m.run(t, 0)
	if got := m.askedFor(); !slices.Equal(got, []string{"wx10", "wx20", "wx30"}) {
		t.Errorf("five minutes later: %v", got)
	}
	// A clock that was ahead holds nobody back.
	m.exec(t, "UPDATE wx_access_token SET fetched_at = fetched_at + 86400")
	m.run(t, 0)
	if got := m.askedFor(); len(got) != 3 {
		t.Errorf("marks from the future: %v", got)
	}
	// Whoever needs the token asks at once.
	m.wechat.set(nil)
	e := endpoint{platform: m.platform, wechat: m.wechat, host: m.host.With(phptest.Settings{"token_key": tokenKey})}
	if a := askAt(t, e.host.Serve(t), "appid=wx20"); a.Status != 200 {
		t.Errorf("%+v", a)
	}
}

// A WeChat that is not there is not asked a thousand times.
func TestPrefetch_NoAnswer(t *testing.T) {
	for name, answer := range map[string]any{"gateway": 502, "another server": "<html>hello</html>"} {
		t.Run(name, func(t *testing.T) {
			m := newManager(t, accepted)
			m.soon(t, 50)
			m.channel(t, 100, 1, in(5), 15)
			m.wechat.set(func(stableCall) any { return answer })
			run := m.run(t, 0)
			m.want(t, 100)
			if got := m.askedFor(); len(got) != 3 || strings.Count(run.Stderr, "\n") != 1 {
				t.Errorf("asked for %v: %s", got, run.Stderr)
			}
			m.wechat.set(nil)
			m.run(t, 0)
			if got := m.askedFor(); len(got) != 47 {
				t.Errorf("then asked for %d", len(got))
			}
		})
	}
}

// A WeChat that takes everything and answers nothing ends the run in time, and
// no reminder waits for it.
func TestPrefetch_WeChatHangs(t *testing.T) {
	t.Parallel()
	m := newManager(t, accepted)
	m.soon(t, 50)
	m.channel(t, 100, 1, in(5), 15)
	m.wechat.set(func(stableCall) any {
		<-t.Context().Done()
		return 502
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	run := m.host.Cron(ctx, t)
	m.want(t, 100)
	if asked := m.askedFor(); run.Code != 0 || len(asked) > 16 || !strings.Contains(run.Stderr, "no token ahead of time") {
		t.Errorf("exit code %d (-1: it never ended), asked for %v: %s", run.Code, asked, run.Stderr)
	}
}

// Two machines' crons, and a web server that fetches one of the tokens just now:
// WeChat is asked once for each, and nobody waits for a lock.
func TestPrefetch_TwiceAtOnce(t *testing.T) {
	m := newManager(t, accepted)
	m.soon(t, 60)
	m.channel(t, 100, 1, in(5), 15)
	m.busy(t, "wx7", 20)
	arrived, release := make(chan struct{}), make(chan struct{})
	var asked atomic.Bool
	m.wechat.set(func(c stableCall) any {
		if asked.CompareAndSwap(false, true) { // the first machine's first question
			close(arrived)
			<-release
		}
		return token("marked-token-"+c.AppID, 7200)
	})
	first := make(chan phptest.Run, 1)
	go func() { first <- m.host.Cron(t.Context(), t) }()
	select {
	case <-arrived:
	case run := <-first:
		t.Fatalf("asked for nothing: %+v", run)
	}
	runAs(t, m.host.With(phptest.Settings{"lock_file": t.TempDir() + "/another"}), 0)
	close(release)
	if run := <-first; run.Code != 0 {
		t.Errorf("%+v", run)
	}
	m.want(t, 100, 100) // each machine posts it, and pushd makes one job of it
	accounts := m.askedFor()
	if len(accounts) != 59 || len(slices.Compact(accounts)) != 59 || slices.Contains(accounts, "wx7") {
		t.Errorf("asked for %v", accounts)
	}
	if n := m.number(t, "SELECT COUNT(*) FROM wx_access_token WHERE access_token = CONCAT('marked-token-', appid)"); n != 59 {
		t.Errorf("%d tokens", n)
	}
}

// Whoever needs a token waits for nobody who has it: each lock is given back
// with its answer.
func TestPrefetch_GivesLocksBack(t *testing.T) {
	m := newManager(t, accepted)
	m.oneByOne()
	m.soon(t, 3)
	m.wechat.set(func(c stableCall) any {
		var free string
		for i := 1; i <= 3; i++ {
			free += fmt.Sprint(1 - m.number(t, "SELECT COUNT(*) FROM wx_access_token WHERE busy_until > UNIX_TIMESTAMP() AND appid = ?", fmt.Sprint("wx", i)))
		}
		if want := map[string]string{"wx1": "011", "wx2": "101", "wx3": "110"}[c.AppID]; free != want {
			t.Errorf("while %s is fetched, free are %s", c.AppID, free)
		}
		if c.AppID == "wx1" {
			return refusal(40125, "invalid appsecret")
		}
		return token("marked-token", 7200)
	})
	m.run(t, 0)
	if got := m.askedFor(); len(got) != 3 {
		t.Errorf("asked for %v", got)
	}
}

// A database without a table for tokens, or that allows no locks, keeps nobody's
// reminder from being posted.
func TestPrefetch_DatabaseRefuses(t *testing.T) {
	m := newManager(t, accepted)
	m.soon(t, 5)
	m.exec(t, "ALTER TABLE wx_access_token DROP COLUMN fetched_at, ADD CHECK (appid <> 'wx2')")
	m.channel(t, 100, 1, in(5), 15)
	run := m.run(t, 0)
	m.want(t, 100)
	if !strings.Contains(run.Stderr, "tokens ahead of time: ") {
		t.Errorf("%s", run.Stderr)
	}
}
