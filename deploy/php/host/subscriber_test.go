package host_test

import (
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
)

// audience is the query by which pushd reads whom a channel's reminder goes to.
const audience = "SELECT openid FROM host_subscriber WHERE act_id = ? AND openid > ? AND left_at = 0 ORDER BY openid LIMIT ?"

// subscribers are those whom the query finds, two at a time.
func (s *site) subscribers(act int64) (all []string) {
	s.t.Helper()
	after := ""
	for {
		rows, err := s.DB.QueryContext(s.t.Context(), audience, act, after, 2)
		if err != nil {
			s.t.Fatal(err)
		}
		n := 0
		for ; rows.Next(); n++ {
			if err := rows.Scan(&after); err != nil {
				s.t.Fatal(err)
			}
			all = append(all, after)
		}
		if err := rows.Err(); err != nil {
			s.t.Fatal(err)
		}
		rows.Close()
		if n < 2 {
			return all
		}
	}
}

// chat sends events with a signature of their own each.
type chat struct {
	letterbox
	n int
}

func (c *chat) send(body string) reply {
	c.t.Helper()
	c.n++
	got := c.letterbox.send(c.signed(time.Now(), fmt.Sprint("chat", c.n)), body)
	if got.status != 200 {
		c.t.Errorf("%d %s", got.status, got.text)
	}
	return got
}

func message(openid, text string, created int64) string {
	return fmt.Sprintf("<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[%s]]></FromUserName><CreateTime>%d</CreateTime>"+
		"<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[%s]]></Content><MsgId>1</MsgId></xml>", openid, created, text)
}

func (s *site) want(act int64, openids ...string) {
	s.t.Helper()
	if got := s.subscribers(act); strings.Join(got, " ") != strings.Join(openids, " ") {
		s.t.Errorf("subscribers of %d: %v, want %v", act, got, openids)
	}
}

// One row for a viewer and a channel, whatever codes they come by; who leaves
// the account is in none, and a code brings them back to its own channel alone.
func TestSubscriber_Events(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	s.channel(12, alice, "Alice's morning", time.Now().Add(5*time.Hour), 0)
	s.channel(22, bob, "Bob's morning", time.Now().Add(time.Hour), 0)
	c := &chat{letterbox: s.callback(s.login(alice), "wxalice")}
	at := time.Now().Unix() - 100
	c.send(event("subscribe", "oA", "qrscene_live_11", at))
	c.send(event("SCAN", "oA", "live_11", at+1))
	c.send(event("SCAN", "oA", "live_12", at+2))
	c.send(event("SCAN", "oB", "live_11", at+3))
	c.send(event("subscribe", "oa", "qrscene_live_11", at+3)) // another viewer: openids compare byte for byte
	c.send(event("subscribe", "oPlain", "", at))
	c.send(event("SCAN", "oCross", "live_22", at)) // Bob's channel, Alice's account
	s.want(11, "oA", "oB", "oa")
	s.want(12, "oA")
	s.want(22)
	if n := s.number("SELECT COUNT(*) FROM host_subscriber WHERE act_id = 11 AND openid = 'oA' AND appid = 'wxalice' AND scene = 'live_11' AND kind = 'SCAN' AND asked_at = ? AND promised = 1", at+1); n != 1 {
		t.Errorf("%d rows prove that oA asked", n)
	}
	c.send(event("unsubscribe", "oA", "", at+10))
	s.want(11, "oB", "oa")
	s.want(12)
	c.send(event("subscribe", "oA", "", at+11)) // follows again, by no code
	s.want(11, "oB", "oa")
	c.send(event("SCAN", "oA", "live_12", at+12))
	s.want(11, "oB", "oa")
	s.want(12, "oA")
	c.send(event("SCAN", "oA", "live_11", at+5)) // of before: overtaken
	s.want(11, "oB", "oa")
	c.send(event("SCAN", "oA", "live_11", at+13))
	s.want(11, "oA", "oB", "oa")
	// An unsubscribe that overtakes the follow which it ends.
	c.send(event("unsubscribe", "oLate", "", at+20))
	if got := c.send(event("subscribe", "oLate", "qrscene_live_11", at+19)); strings.Contains(got.text, "订阅成功") {
		t.Errorf("answered to one who has left: %s", got.text)
	}
	s.want(11, "oA", "oB", "oa")
	c.send(event("SCAN", "oLate", "live_11", at+21))
	s.want(11, "oA", "oB", "oLate", "oa")
	if n := s.number("SELECT COUNT(*) FROM host_subscriber"); n != 5 {
		t.Errorf("%d rows", n)
	}
}

// A message 退订 to the account ends what its sender has subscribed to.
func TestSubscriber_Message(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	c := &chat{letterbox: s.callback(s.login(alice), "wxalice")}
	at := time.Now().Unix() - 100
	c.send(event("SCAN", "oA", "live_11", at))
	c.send(event("SCAN", "oB", "live_11", at))
	for _, text := range []string{"你好", "不退订", "T恤"} {
		if got := c.send(message("oA", text, at+1)); got.text != "success" {
			t.Errorf("%s: %s", text, got.text)
		}
	}
	s.want(11, "oA", "oB")
	if got := c.send(message("oA", " 退订 ", at+2)); !strings.Contains(got.text, "已退订 1 场") {
		t.Error(got.text)
	}
	s.want(11, "oB")
	if got := c.send(message("oA", "td", at+3)); got.text != "success" { // nothing is left to end
		t.Error(got.text)
	}
	if got := c.send(event("SCAN", "oA", "live_11", time.Now().Unix()+2)); !strings.Contains(got.text, "订阅成功") {
		t.Error(got.text)
	}
	s.want(11, "oA", "oB")
}

// A viewer who is known by the link of WeChat's answer unsubscribes and
// subscribes on the page; others can do neither for them.
func TestSubscriber_Page(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	s.subscribersOnly(11)
	s.channel(12, alice, "Alice's morning", time.Now().Add(5*time.Hour), 0)
	s.subscribersOnly(12)
	c := &chat{letterbox: s.callback(s.login(alice), "wxalice")}
	at := time.Now().Unix() - 100
	answer := c.send(event("subscribe", "oA", "qrscene_live_11", at))
	c.send(event("subscribe", "oB", "qrscene_live_11", at))
	link := regexp.MustCompile(`/watch/11\?f=\w{32}`).FindString(answer.text)
	viewer, stranger := s.browser(), s.browser()
	if got := viewer.page(link); got.status != 303 {
		t.Fatal(got)
	}
	if w := viewer.watch(11); !w.Followed || !w.Leave || w.Done == "" {
		t.Errorf("%+v", w)
	}
	if w := viewer.watch(12); w.Followed || !w.Known || w.Leave || w.Done != "" || w.Offer != "subscribe" {
		t.Errorf("another channel of the account: %+v", w)
	}
	for _, path := range []string{"/watch/11/leave", "/watch/12/subscribe"} {
		if got := stranger.api(path, map[string]any{}); got.status != 409 || got.Code != "viewer_unknown" {
			t.Errorf("%s by a stranger: %d %s", path, got.status, got.text)
		}
		if got := viewer.do("POST", "/api"+path, "application/x-www-form-urlencoded", ""); got.status != 415 {
			t.Errorf("%s by a form of another site: %d", path, got.status)
		}
	}
	s.want(11, "oA", "oB")
	if got := viewer.api("/watch/12/subscribe", map[string]any{}); got.status != 200 {
		t.Errorf("%d %s", got.status, got.text)
	}
	s.want(12, "oA")
	if n := s.number("SELECT COUNT(*) FROM host_subscriber WHERE act_id = 12 AND kind = 'TAP' AND scene = 'watch_12' AND promised = 1"); n != 1 {
		t.Error("the tap is not on record")
	}
	for range 2 {
		if got := viewer.api("/watch/11/leave", map[string]any{}); got.status != 200 {
			t.Errorf("%d %s", got.status, got.text)
		}
		s.want(11, "oB")
		if w := viewer.watch(11); w.Followed || w.Leave || w.Done != "" || w.Offer != "subscribe" {
			t.Errorf("after unsubscribing: %+v", w)
		}
		if got := viewer.api("/watch/11/subscribe", map[string]any{}); got.status != 200 {
			t.Errorf("%d %s", got.status, got.text)
		}
		s.want(11, "oA", "oB")
	}
	// Once the reminder is out a tap is not taken, and nothing can be undone.
	s.exec("UPDATE activity_detail SET live_notify_status = 2")
	if got := viewer.api("/watch/12/subscribe", map[string]any{}); got.status != 409 || got.Code != "reminder_sent" {
		t.Errorf("%d %s", got.status, got.text)
	}
	if w := viewer.watch(11); w.Done != "提醒已发出，请在微信中查看" || w.Leave {
		t.Errorf("%+v", w)
	}
	// Who has left the account is unknown to the page.
	c.send(event("unsubscribe", "oA", "", time.Now().Unix()+5))
	if w := viewer.watch(12); w.Known || !w.Stale {
		t.Errorf("%+v", w)
	}
}

// subscribersOnly says whom a channel's reminder goes to.
func (s *site) subscribersOnly(act int) {
	s.exec("UPDATE activity_detail SET audience = 'subscribers' WHERE act_id = ?", act)
}

// The proof of consent is the owner's alone; a spreadsheet runs none of it.
func TestSubscriber_Export(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	a := s.login(alice)
	c := &chat{letterbox: s.callback(a, "wxalice")}
	at := time.Now().Unix() - 100
	for i := range 2500 { // more than one part
		s.exec("INSERT INTO host_subscriber (act_id, openid, appid, kind, scene, asked_at, noted_us) VALUES (11, ?, 'wxalice', 'SCAN', 'live_11', ?, ?)",
			fmt.Sprintf("p%04d", i), at, at*1000000)
	}
	c.send(event("subscribe", "oA", "qrscene_live_11", at))
	c.send(event("unsubscribe", "oA", "", at+60))
	s.exec("UPDATE activity SET title = '=HYPERLINK(\"x\"),\n第一课' WHERE id = 11")
	if page := a.page("/channels/11"); !strings.Contains(page.text, `href="/channels/11/subscribers.csv"`) {
		t.Error("the channel's page does not lead to the file")
	}
	got := a.page("/channels/11/subscribers.csv")
	if got.status != 200 || !strings.HasPrefix(got.header.Get("Content-Type"), "text/csv") || !strings.Contains(got.header.Get("Content-Disposition"), "subscribers-11.csv") {
		t.Fatal(got.status, got.header)
	}
	run := s.php.Script(t.Context(), t, phptest.Dir()+"/host/export.php", "11")
	if run.Code != 0 || run.Stdout != got.text {
		t.Errorf("export.php: %d %s, %d bytes and %d", run.Code, run.Stderr, len(run.Stdout), len(got.text))
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(got.text, "\ufeff"))).ReadAll()
	if err != nil || len(rows) != 2502 {
		t.Fatal(len(rows), err)
	}
	want := []string{"oA", "wxalice", "11", "'=HYPERLINK(\"x\"),\n第一课", "扫码关注", "live_11", time.Unix(at, 0).In(shanghai).Format(time.RFC3339), rows[1][7], time.Unix(at+60, 0).In(shanghai).Format(time.RFC3339)}
	if strings.Join(rows[1], "|") != strings.Join(want, "|") {
		t.Errorf("%q, want %q", rows[1], want)
	}
	if rows[2501][0] != "p2499" || rows[2501][8] != "" || rows[2501][4] != "已关注，扫码" {
		t.Errorf("%q", rows[2501])
	}
	s.exec("UPDATE activity SET title = '＝1+1' WHERE id = 11") // a formula where Excel speaks Chinese
	if got := a.page("/channels/11/subscribers.csv"); !strings.Contains(got.text, `"'＝1+1"`) || strings.Contains(got.text, `"＝1+1"`) {
		t.Error("a title that begins with ＝ stays a formula")
	}
	if bad := s.php.Script(t.Context(), t, phptest.Dir()+"/host/export.php", "99"); bad.Code != 2 {
		t.Errorf("a channel that is not there: %+v", bad)
	}
}

// What is over is deleted; a stream that is still to come keeps its subscribers.
func TestTidy(t *testing.T) {
	s := world(t)
	day := int64(86400)
	now := time.Now().Unix()
	s.channel(12, alice, "long ago", time.Now().Add(-200*24*time.Hour), 2)
	for i, row := range []struct {
		act, asked, left int64
	}{{11, now - 300*day, 0}, {11, now - day, now - day}, {11, now - 300*day, now - 31*day}, {12, now - 201*day, 0}, {12, now - 179*day, 0}, {99, now - 181*day, 0}} {
		s.exec("INSERT INTO host_subscriber (act_id, openid, appid, kind, scene, asked_at, noted_us, left_at) VALUES (?, ?, 'wxalice', 'SCAN', '', ?, ?, ?)",
			row.act, fmt.Sprint("o", i), row.asked, row.asked*1000000, row.left)
		s.exec("INSERT INTO host_follow (appid, openid, created_at, kind, scene, act_id, noted_us, left_at, ref) VALUES ('wxalice', ?, ?, 'SCAN', '', ?, ?, ?, ?)",
			fmt.Sprint("o", i), row.asked, row.act, row.asked*1000000, row.left, fmt.Sprint("r", i))
	}
	s.exec("INSERT INTO host_callback (appid, signature, seen_at) VALUES ('wxalice', 'a', ?), ('wxalice', 'b', ?)", now-700, now-500)
	s.exec("INSERT INTO host_receipt (appid, signature, noted_at, xml) VALUES ('wxalice', 'a', ?, 'x'), ('wxalice', 'b', ?, 'x')", now-2*day, now)
	s.exec("INSERT INTO host_qrcode (appid, scene, expires_at) VALUES ('wxalice', 'a', ?), ('wxalice', 'b', ?)", now-2*day, now+day)
	s.exec("INSERT INTO host_trial (nonce, uin, appid, template_id, act_id, expires_at) VALUES ('x', 1, 'wxalice', 'T', 11, ?)", now-2*day)
	s.exec("INSERT INTO host_consent (appid, openid, noted_us) VALUES ('wxalice', 'a', ?), ('wxalice', 'b', ?)", (now-181*day)*1000000, (now-179*day)*1000000)
	run := s.php.Script(t.Context(), t, phptest.Dir()+"/host/housekeeping.php", "tidy")
	want := "host_subscriber: deleted 3\nhost_follow: deleted 4\nhost_consent: deleted 1\nhost_callback: deleted 1\nhost_receipt: deleted 1\nhost_qrcode: deleted 1\nhost_trial: deleted 1\n"
	if run.Code != 0 || run.Stdout != want {
		t.Errorf("%+v, want\n%s", run, want)
	}
	if n := s.number("SELECT COUNT(*) FROM host_subscriber WHERE openid IN ('o0', 'o1', 'o4')"); n != 3 {
		t.Errorf("%d of those that stay are there", n)
	}
	if run := s.php.Script(t.Context(), t, phptest.Dir()+"/host/housekeeping.php", "nonsense"); run.Code != 2 {
		t.Errorf("%+v", run)
	}
}

// Events come in any order, several at a time, at several web servers, and some
// twice: what is on record in the end is what WeChat's times say.
func TestSubscriber_AnyOrder(t *testing.T) {
	s := world(t)
	s.enable(alice, "wxalice")
	s.channel(12, alice, "Alice's morning", time.Now().Add(5*time.Hour), 0)
	l := s.callback(s.login(alice), "wxalice")
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 1))
	type coming struct{ body, nonce string }
	var events []coming
	want := map[int64][]string{}
	at := time.Now().Unix() - 100
	for i := range 30 {
		openid := fmt.Sprintf("o%02d", i)
		asked := map[int64]int64{}
		left := int64(0)
		for j := range 6 {
			at := at + int64(j)
			var body string
			switch n := dice.IntN(5); n {
			case 0, 1:
				body = event("unsubscribe", openid, "", at)
				left = at
			default:
				act := int64(11 + n%2)
				body = event("SCAN", openid, fmt.Sprint("live_", act), at)
				asked[act] = at
			}
			for range 1 + dice.IntN(2) {
				events = append(events, coming{body, fmt.Sprintf("n%d-%d-%d", i, j, len(events))})
			}
		}
		for act, at := range asked {
			if at > left {
				want[act] = append(want[act], openid)
			}
		}
	}
	dice.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	queue := make(chan coming)
	var servers sync.WaitGroup
	for range 4 {
		there := *s
		there.host = s.serve()
		b := s.browser()
		b.site = &there
		here := letterbox{b, l.appid, l.token}
		servers.Go(func() {
			for e := range queue {
				for try := 0; ; try++ { // WeChat tries three times
					if got := here.send(l.signed(time.Now(), e.nonce), e.body); got.status == 200 {
						break
					} else if try == 2 {
						t.Errorf("%d %s", got.status, got.text)
						break
					}
				}
			}
		})
	}
	for _, e := range events {
		queue <- e
	}
	close(queue)
	servers.Wait()
	s.want(11, want[11]...)
	s.want(12, want[12]...)
}
