package host_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pushd/api/client"
	"pushd/deploy/php/phptest"
	"pushd/internal/rig"
)

// On nginx and php-fpm as in the other tests: no owner gets at another's followers,
// token or secret, whatever they enter and however the rows came about.
func TestWeb_OwnersStayApart(t *testing.T) {
	w := newWeb(t, 3, phptest.WebOptions{})
	w.enable(alice, "wxalice")
	w.channel(11, alice, "Alice's", time.Now().Add(20*time.Minute), 0) // due
	w.channel(12, bob, "Bob's", time.Now().Add(20*time.Minute), 0)
	b := w.login(bob)
	for _, appid := range []string{"wxalice", "WXALICE", " wxalice"} {
		if got := b.save(appid, "invented"); got.status != 409 || !strings.Contains(got.text, taken) || w.holder(bob) != "wxbob" {
			t.Errorf("Bob saves %q: %d, holds %s", appid, got.status, w.holder(bob))
		}
	}
	if run := w.php.Cron(t.Context(), t); !strings.Contains(run.Stdout, "actid=11 ") || !strings.Contains(run.Stdout, "accepted") {
		t.Errorf("Alice's reminder: %+v", run)
	}
	w.exec("UPDATE activity_detail SET live_notify_status = 0")
	w.exec("DELETE FROM wx_access_token")
	w.older()
	for spelling, gone := range map[string]bool{"wxalice": true, "WXALICE": false} {
		w.exec("UPDATE user_wx_account SET appid = ?, app_secret = 'invented' WHERE uin = ?", spelling, bob)
		if got := b.page("/api/settings"); got.status != 403 || strings.Contains(got.text, "callback") {
			t.Errorf("%s: %d %s", spelling, got.status, got.text)
		}
		if got := w.token(spelling); strings.Contains(got, "access_token") {
			t.Errorf("the invented secret earns %s", got)
		}
		if got := w.token("wxalice"); strings.Contains(got, "access_token") == gone {
			t.Errorf("Alice's token, beside Bob's %s: %s", spelling, got)
		}
	}
	w.exec("UPDATE user_wx_account SET appid = 'wxbob', app_secret = ? WHERE uin = ?", appSecret, bob)

	// A server that reads the text of its clients in GBK, of those without SUPER.
	if err := webServer.Exec(t.Context(), "", "SET GLOBAL init_connect = 'SET NAMES gbk'"); err != nil {
		t.Fatal(err)
	}
	defer webServer.Exec(t.Context(), "", "SET GLOBAL init_connect = ''")
	for _, text := range []string{
		fmt.Sprintf("中', content=(SELECT app_secret FROM user_wx_account WHERE uin=%d) WHERE act_id=12 -- x", alice),
		"中', content='Bob was here' WHERE act_id=11 -- x",
	} {
		var got struct{ Content string }
		answer := b.api("/channels/12", map[string]any{"content": text})
		if answer.into(t, &got); answer.status != 200 || got.Content != text {
			t.Errorf("%q: %d %s", text, answer.status, answer.text)
		}
	}
	if n := w.number("SELECT COUNT(*) FROM activity_detail WHERE content = 'Bob was here'"); n > 0 {
		t.Error("Bob's text has written Alice's")
	}
}

// A token endpoint without a key gives no one a token, and says why to no one but
// its log.
func TestWeb_TokenWithoutKey(t *testing.T) {
	t.Parallel()
	w := newWeb(t, 1, phptest.WebOptions{Settings: phptest.Settings{"token_key_file": ""}})
	for _, key := range []string{"", " ", ","} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.host+"/wechat/token.php?appid=wxalice", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Pushd-Key", key)
		r.Header.Set("Authorization", "Bearer "+key)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := readAll(t, resp); resp.StatusCode != 500 || strings.Contains(got, "access_token") {
			t.Errorf("%q: %d %s", key, resp.StatusCode, got)
		}
	}
}

// Receipts are taken from WeChat alone, whether nginx hands them on or PHP does.
func TestWeb_ReceiptsAreSigned(t *testing.T) {
	t.Parallel()
	w := newWebSite(t, 1)
	for _, c := range []struct{ who, php, taken, forged string }{{"nginx", "false", "1", "3"}, {"PHP", "true", "2", "3"}} {
		t.Run(c.who, func(t *testing.T) {
			w.open(t, phptest.WebOptions{Settings: phptest.Settings{"receipts": c.php}})
			l := letterbox{w.browser(), "wxalice", w.login(alice).card().Token}
			now := time.Now()
			guessed := letterbox{w.browser(), "wxalice", strings.Repeat("0", 32)}
			bobs := l.signed(now, "n3")
			bobs.Set("appid", "wxbob")
			for name, q := range map[string]url.Values{
				"no signature": {"appid": {"wxalice"}}, "a guessed token": guessed.signed(now, "n1"), "yesterday's": l.signed(now.Add(-24*time.Hour), "n2"), "of another account": bobs,
			} {
				if got := l.send(q, receipt("oForged", 1, "success")); got.status != 403 && got.status != 400 {
					t.Errorf("%s: %d %s", name, got.status, got.text)
				}
			}
			if got := l.send(l.signed(now, "n4"), receipt("oTrue", 1, "success")); got.status != 200 || got.text != "success" {
				t.Errorf("WeChat's: %d %s", got.status, got.text)
			}
			if log := read(t, w.web.Path("/var/log/nginx/access.log")); strings.Contains(log, "signature") || !strings.Contains(log, "/login") {
				t.Errorf("the access log: %s", log)
			}
			w.eventually(func() bool {
				return w.metric(`pushd_receipt_posts_total{result="taken"}`) == c.taken && w.metric(`pushd_receipt_posts_total{result="bad_signature"}`) == c.forged
			})
		})
	}
}

// A callback's token has leaked, and its owner has renewed it: what the old one signs
// is still mirrored by nginx, whose answer is PHP's, and counts for nothing. No event
// of it is acted on.
func TestWeb_RenewedToken(t *testing.T) {
	t.Parallel()
	w := newWeb(t, 3, phptest.WebOptions{})
	w.enable(alice, "wxalice")
	w.channel(11, alice, "x", time.Now().Add(time.Hour), 0)
	a := w.login(alice)
	leaked := letterbox{w.browser(), "wxalice", a.card().Token}
	job, err := w.Post(t.Context(), rig.Channel{ActID: 11, AppID: "wxalice"})
	if err != nil {
		t.Fatal(err)
	}
	if job, err = w.Await(t.Context(), job.ID, client.Job.Ended); err != nil {
		t.Fatal(err)
	}
	report := func(l letterbox, v string, follower int, status string) {
		t.Helper()
		nonce := fmt.Sprint(v, "n", follower)
		q := l.signed(time.Now(), nonce)
		if v != "" {
			q.Set("v", v)
		}
		if got := l.send(q, receipt(w.Sim.Find("wxalice").OpenID(follower), 1, status)); got.status != 200 || got.text != "success" {
			t.Errorf("%d %s", got.status, got.text)
		}
	}
	report(leaked, "", 0, "success")
	w.eventually(func() bool { return w.metric(`pushd_receipts_total{status="delivered"}`) == "1" })
	if got := a.api("/callback/renew", map[string]any{}); got.status != 200 {
		t.Fatal(got.status, got.text)
	}
	report(leaked, "", 1, "failed:user block")
	w.eventually(func() bool { return w.metric(`pushd_receipts_uncounted_total{why="renewed"}`) == "1" })
	now := time.Now()
	if got := leaked.send(leaked.signed(now, "n9"), event("SCAN", "oViewer", "live_11", now.Unix())); got.status != 403 {
		t.Errorf("an event of the old token: %d %s", got.status, got.text)
	}
	report(letterbox{w.browser(), "wxalice", a.card().Token}, "1", 2, "success")
	w.eventually(func() bool { return w.metric(`pushd_receipts_total{status="delivered"}`) == "2" })
	if got := w.metric(`pushd_receipts_total{status="blocked"}`); got != "0" {
		t.Errorf("the leaked token has blocked %s", got)
	}
}

// Under php-fpm WeChat has its answer before anything is done that takes time: then
// the same process sends the test message, or hands receipts on, to a pushd that
// hangs here.
func TestWeb_AnsweredFirst(t *testing.T) {
	t.Parallel()
	w := newWebSite(t, 1)
	w.channel(11, alice, "x", time.Now().Add(time.Hour), 0)
	nonce := strings.Repeat("0", 32)
	w.exec("INSERT INTO host_trial (nonce, uin, appid, template_id, act_id, expires_at) VALUES (?, ?, 'wxalice', 'T', 11, ?)", nonce, alice, time.Now().Unix()+500)
	for name, body := range map[string]string{"test": event("SCAN", "oViewer", "test_"+nonce, time.Now().Unix()), "receipt": receipt("oA", 1, "success")} {
		t.Run(name, func(t *testing.T) {
			x := newTaker(t)
			x.answer(0)
			w.open(t, phptest.WebOptions{Settings: phptest.Settings{"url": x.URL, "receipts": "true"}})
			l := letterbox{w.browser(), "wxalice", w.login(alice).card().Token}
			if got := l.send(l.signed(time.Now(), name), body); got.status != 200 || got.text != "success" {
				t.Errorf("%d %s", got.status, got.text)
			}
			w.eventually(func() bool { _, calls := x.taken(); return calls > 0 })
			if !x.waiting() {
				t.Error("the answer came when pushd had been given up")
			}
		})
	}
	if n := w.number("SELECT COUNT(*) FROM host_receipt"); n != 1 {
		t.Errorf("%d receipts wait, want 1", n)
	}
}

// metric is one of pushd's, as it is written.
func (w *webSite) metric(name string) string {
	w.t.Helper()
	text, err := w.API().Raw(w.t.Context(), http.MethodGet, "/metrics", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n"+name+" ")
	value, _, _ := strings.Cut(rest, "\n")
	return value
}
