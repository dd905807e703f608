package php_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
	"pushd/internal/wechatsim"
)

// callbackSecret is what the tokens of the callbacks are made of.
const callbackSecret = "marked-callback-secret-0123456789abcdef"

// callback is a framework's route for WeChat's events, and what stands behind it.
type callback struct {
	*platform
	prefix string // of its tables
	url    string // of the route
	token  string // of the account wx1
	notes  string // the file in which the platform notes who follows
	taken  *receiver
	n      int
}

// receiver is a pushd that takes receipts.
type receiver struct {
	URL string

	mu     sync.Mutex
	bodies []string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	front := httptest.NewServer(r)
	t.Cleanup(front.Close)
	r.URL = front.URL
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if q.Method == "DELETE" && strings.HasPrefix(q.URL.Path, "/v1/accounts/wx1/refusals/") {
		return // a consent
	}
	if err != nil || q.Method != "POST" || q.URL.String() != "/v1/receipts?appid=wx1" || q.Header.Get("Authorization") != "Bearer "+apiKey {
		http.Error(w, "", http.StatusForbidden)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bodies = append(r.bodies, string(body))
}

// newCallback adds what the events need to a platform: channels of wx1, of another
// account, and one that is over. set are settings for its host.
func newCallback(t *testing.T, p *platform, prefix string) (c *callback, set phptest.Settings) {
	t.Helper()
	c = &callback{platform: p, prefix: prefix, notes: filepath.Join(t.TempDir(), "followers"), taken: newReceiver(t), token: callbackToken(callbackSecret)}
	p.exec(t, "INSERT INTO "+prefix+"user_wx_account (uin, appid, app_secret) VALUES (2, 'wx2', 's')")
	for id, ch := range map[int]struct {
		uin   int
		start time.Time
	}{1: {1, in(60)}, 2: {2, in(60)}, 3: {1, in(-7 * 60)}} {
		p.exec(t, "INSERT IGNORE INTO "+prefix+"activity (id, uin, title, start_time, watch_url) VALUES (?, ?, 'title', ?, '')", id, ch.uin, ch.start.Unix())
	}
	return c, phptest.Settings{"FOLLOWERS": c.notes}
}

// query is WeChat's for an event, with a signature of its own.
func (c *callback) query(token string, at time.Time) url.Values {
	c.n++
	stamp, nonce := fmt.Sprint(at.Unix()), fmt.Sprint("n", c.n)
	return url.Values{"appid": {"wx1"}, "timestamp": {stamp}, "nonce": {nonce}, "signature": {wechatsim.Signature(token, stamp, nonce)}}
}

// send is a request of WeChat's. No answer begins a session.
func (c *callback) send(t *testing.T, method string, q url.Values, body string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, c.url+"?"+q.Encode(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/xml")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if len(resp.Header.Values("Set-Cookie")) > 0 {
		t.Errorf("a session began: %v", resp.Header)
	}
	if strings.Contains(string(raw), "marked-") {
		t.Errorf("a secret is shown: %s", raw)
	}
	return resp.StatusCode, string(raw)
}

// event sends one that is good, and wants a text in the answer; "success" is none.
func (c *callback) event(t *testing.T, body, want string) {
	t.Helper()
	if status, text := c.send(t, "POST", c.query(c.token, time.Now()), body); status != 200 || want == "success" && text != want || !strings.Contains(text, want) {
		t.Errorf("%d %s, want %s", status, text, want)
	}
}

func (c *callback) subscribers(t *testing.T, want int64) {
	t.Helper()
	if n := c.number(t, "SELECT COUNT(*) FROM "+c.prefix+"host_subscriber WHERE left_at = 0"); n != want {
		t.Errorf("%d subscriptions, want %d", n, want)
	}
}

func eventXML(kind, openid, key string) string {
	return fmt.Sprintf("<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[%s]]></FromUserName><CreateTime>%d</CreateTime>"+
		"<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[%s]]></Event><EventKey><![CDATA[%s]]></EventKey><Status><![CDATA[success]]></Status></xml>",
		openid, time.Now().Unix(), kind, key)
}

// callbackRoute holds a route to what the sample host's callback does: WeChat alone
// is heard, each request once; who subscribes is on record, the platform's listener
// has the events, and receipts go on to pushd as they came. housekeeping runs the
// framework's command.
func callbackRoute(t *testing.T, c *callback, housekeeping func(args ...string) phptest.Run) {
	now := time.Now()
	q := c.query(c.token, now)
	q.Set("echostr", "e-1")
	if status, text := c.send(t, "GET", q, ""); status != 200 || text != "e-1" {
		t.Errorf("WeChat tries the address: %d %s", status, text)
	}
	if _, text := c.send(t, "POST", q, eventXML("SCAN", "oStolen", "live_1")); text != "success" {
		t.Error(text)
	}
	for name, c1 := range map[string]struct {
		spoil  func(url.Values)
		status int
	}{
		"signature":    {func(q url.Values) { q.Set("signature", strings.Repeat("0", 40)) }, 403},
		"no signature": {func(q url.Values) { q.Del("signature") }, 400},
		"an array":     {func(q url.Values) { q.Del("nonce"); q.Set("nonce[]", "x") }, 400},
		"account":      {func(q url.Values) { q.Set("appid", "wx2") }, 403},
		"no account":   {func(q url.Values) { q.Del("appid") }, 400},
	} {
		for _, body := range []string{eventXML("SCAN", "oForged", "live_1"), eventXML("TEMPLATESENDJOBFINISH", "oForged", "")} {
			q := c.query(c.token, now)
			c1.spoil(q)
			if status, text := c.send(t, "POST", q, body); status != c1.status {
				t.Errorf("%s: %d %s", name, status, text)
			}
		}
	}
	for _, stale := range []time.Duration{-6 * time.Minute, 6 * time.Minute} {
		if status, _ := c.send(t, "POST", c.query(c.token, now.Add(stale)), eventXML("SCAN", "oStale", "live_1")); status != 403 {
			t.Errorf("of another time: %d", status)
		}
	}
	if status, _ := c.send(t, "POST", c.query(c.token, now), strings.Repeat("x", 65537)); status != 413 {
		t.Errorf("a large body: %d", status)
	}
	if status, _ := c.send(t, "PUT", c.query(c.token, now), ""); status != 405 {
		t.Errorf("PUT: %d", status)
	}
	c.event(t, "<xml><ToUserName>gh_1</ToUserName><Encrypt><![CDATA[x]]></Encrypt></xml>", "success")
	c.event(t, "<xml><MsgType><![CDATA[text]]></MsgType><FromUserName><![CDATA[oA]]></FromUserName><Content><![CDATA[你好]]></Content></xml>", "success")
	c.subscribers(t, 0)

	q = c.query(c.token, now)
	if _, text := c.send(t, "POST", q, eventXML("SCAN", "oA", "live_1")); !strings.Contains(text, "订阅成功") || !strings.Contains(text, "<ToUserName><![CDATA[oA]]>") {
		t.Errorf("a scan: %s", text)
	}
	for _, again := range []string{"oA", "oOther"} { // WeChat repeats; another uses its signature
		if _, text := c.send(t, "POST", q, eventXML("SCAN", again, "live_1")); text != "success" {
			t.Errorf("the same signature again: %s", text)
		}
	}
	c.event(t, eventXML("subscribe", "oB", "qrscene_live_1"), "订阅成功")
	c.subscribers(t, 2)
	for _, none := range []string{"live_2", "live_3", "live_9", "poster_1", "live_99999999999999999999"} { // another's, over, none, the platform's
		c.event(t, eventXML("SCAN", "oC", none), "success")
	}
	c.subscribers(t, 2)
	c.event(t, eventXML("unsubscribe", "oB", ""), "success")
	c.subscribers(t, 1)
	c.event(t, "<xml><MsgType><![CDATA[text]]></MsgType><FromUserName><![CDATA[oA]]></FromUserName><CreateTime>1</CreateTime><Content><![CDATA[退订]]></Content></xml>", "已退订 1 场")
	c.subscribers(t, 0)

	// What fails half-way leaves nothing, and is taken when it comes again.
	write(t, c.notes+".fail", "")
	q = c.query(c.token, now)
	if status, text := c.send(t, "POST", q, eventXML("SCAN", "oD", "live_1")); status != 500 || text != "" {
		t.Errorf("a listener that fails: %d %s", status, text)
	}
	c.subscribers(t, 0)
	if err := os.Remove(c.notes + ".fail"); err != nil {
		t.Fatal(err)
	}
	if status, text := c.send(t, "POST", q, eventXML("SCAN", "oD", "live_1")); status != 200 || !strings.Contains(text, "订阅成功") {
		t.Errorf("once more: %d %s", status, text)
	}
	c.subscribers(t, 1)
	notes, err := os.ReadFile(c.notes)
	if want := "wx1 oA follows\nwx1 oB follows\n" + strings.Repeat("wx1 oC follows\n", 5) + "wx1 oB left\nwx1 oD follows\n"; err != nil || string(notes) != want {
		t.Errorf("the platform noted %q, %v", notes, err)
	}
	c.receipts(t, housekeeping)
	if run := housekeeping("tidy"); run.Code != 0 || !strings.Contains(run.Stdout, "host_subscriber: deleted 0\n") {
		t.Errorf("%+v", run)
	}
	if run := housekeeping("nonsense"); run.Code != 2 {
		t.Errorf("%+v", run)
	}
}

// receipts sends some, one of them twice, and lets the framework's command hand them on.
func (c *callback) receipts(t *testing.T, housekeeping func(args ...string) phptest.Run) {
	t.Helper()
	sent := map[string]bool{}
	for i := range 3 {
		body, q := eventXML("TEMPLATESENDJOBFINISH", fmt.Sprint("o", i), ""), c.query(c.token, time.Now())
		sent[body] = true
		for range 2 {
			if status, text := c.send(t, "POST", q, body); status != 200 || text != "success" {
				t.Errorf("a receipt: %d %s", status, text)
			}
		}
	}
	if run := housekeeping("receipts", "once"); run.Code != 0 || run.Stdout != "consents: handed on 2\nreceipts: handed on 3\n" {
		t.Errorf("%+v", run)
	}
	c.taken.mu.Lock()
	defer c.taken.mu.Unlock()
	for _, body := range c.taken.bodies {
		delete(sent, body)
	}
	if len(c.taken.bodies) != 3 || len(sent) != 0 {
		t.Errorf("pushd has %q", c.taken.bodies)
	}
}

// withoutListener tries the route of a platform that has no listener, and of one whose
// secret is missing or short: whoever knew that could make the tokens.
func (c *callback) withoutListener(t *testing.T, serve func(phptest.Settings) string, set phptest.Settings, secret string) {
	t.Helper()
	c.url = serve(set) + "/wechat/callback"
	c.event(t, eventXML("SCAN", "oQuiet", "live_1"), "success")
	c.event(t, "<xml><MsgType><![CDATA[text]]></MsgType><FromUserName><![CDATA[oQuiet]]></FromUserName><CreateTime>1</CreateTime><Content><![CDATA[TD]]></Content></xml>", "已退订 1 场")
	for _, text := range []string{"", "short"} {
		set[secret] = text
		c.url = serve(set) + "/wechat/callback"
		if status, text := c.send(t, "POST", c.query(callbackToken(text), time.Now()), eventXML("SCAN", "oForged", "live_1")); status != 500 || text != "" {
			t.Errorf("with the secret %q: %d %s", set[secret], status, text)
		}
	}
	if n := c.number(t, "SELECT COUNT(*) FROM "+c.prefix+"host_subscriber WHERE openid = 'oForged'"); n != 0 {
		t.Error("a forged event is on record")
	}
}

// callbackToken is the token of the account wx1, made of a secret.
func callbackToken(secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("callback\nwx1"))
	return hex.EncodeToString(mac.Sum(nil))[:32]
}
