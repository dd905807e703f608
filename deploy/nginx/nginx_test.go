// Package nginx tries the files for nginx with the real nginx.
package nginx_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pushd"
	"pushd/api/client"
	"pushd/deploy/php/phptest"
	"pushd/internal/daemon"
	"pushd/internal/rig"
	"pushd/internal/wechatsim"
)

const (
	appid  = "wxmirrored000001"
	secret = "0123456789abcdef0123456789abcdef"
	key    = "key-of-the-api-0123456789"
)

// token is that of the account's callback.
func token() string {
	h := hmac.New(sha256.New, []byte(secret))
	io.WriteString(h, "callback\n"+appid)
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// world is a pushd, a host that only counts, and the nginx before both.
type world struct {
	*rig.Rig
	t    *testing.T
	host atomic.Int64 // events that the host got
	url  string       // of nginx
}

func newWorld(t *testing.T) *world {
	w := &world{t: t}
	var err error
	w.Rig, err = rig.New(t.Context(), rig.Options{Seed: 5, Change: func(c *daemon.Config) {
		c.Keys, c.CallbackSecret = []pushd.Key{{Name: "key1", Secret: key}}, secret
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	w.Key = key
	host := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if b, err := io.ReadAll(r.Body); err != nil || r.Method == http.MethodPost && !strings.HasPrefix(string(b), "<xml>") {
			t.Errorf("the host got %q, %v", b, err)
		}
		w.host.Add(1)
		io.WriteString(rw, "success")
	}))
	t.Cleanup(host.Close)
	w.start(host.URL)
	return w
}

// start starts nginx with the files for receipts, before another host than the
// sample: that one is tried in deploy/php/host.
func (w *world) start(host string) {
	w.t.Helper()
	dir, err := os.MkdirTemp("", "pushd-nginx-") // its workers can write there, as they can't below t.TempDir
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		w.t.Fatal(err)
	}
	address := phptest.FreeAddress(w.t)
	phptest.StartNginx(w.t, dir, address, fmt.Sprintf(`
  access_log %s/access.log;
  %s
  server {
    listen %s backlog=2048;
    %s
    location = /wechat/callback {
      mirror /pushd-receipts;
      proxy_pass %s;
    }
  }
`, dir, strings.Replace(read(w.t, "receipts-upstream.conf"), "127.0.0.1:8080", strings.TrimPrefix(w.URL, "http://"), 1),
		address, read(w.t, "receipts.conf"), host))
	w.url = "http://" + address
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// post posts an event to the host's callback, with these headers.
func (w *world) post(q url.Values, openid string, header http.Header) {
	w.t.Helper()
	body := fmt.Sprintf("<xml><FromUserName><![CDATA[%s]]></FromUserName><CreateTime>%d</CreateTime><MsgType><![CDATA[event]]></MsgType>"+
		"<Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event><MsgID>1</MsgID><Status><![CDATA[success]]></Status></xml>", openid, time.Now().Unix())
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url+"/wechat/callback?"+q.Encode(), strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	w.do(r)
}

// do wants the host's answer.
func (w *world) do(r *http.Request) {
	w.t.Helper()
	before := w.host.Load()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK || string(b) != "success" || w.host.Load() != before+1 {
		w.t.Errorf("answered %s %s, %v; the host got %d", resp.Status, b, err, w.host.Load()-before)
	}
}

// wait waits until the metrics of pushd have a line.
func (w *world) wait(line string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	for {
		b, err := w.API().Raw(ctx, http.MethodGet, "/metrics", nil)
		if err == nil && strings.Contains(string(b), "\n"+line+"\n") {
			return
		}
		if ctx.Err() != nil {
			w.t.Fatalf("no line %s: %v", line, err)
		}
		time.Sleep(20 * time.Millisecond) // between two looks
	}
}

// WeChat's events go to the host as before, and pushd counts what they say; who
// forges one is answered by the host, and counts for nothing, whatever header he
// sends.
func TestMirror(t *testing.T) {
	w := newWorld(t)
	const followers = 400
	account := w.Sim.Account(appid, wechatsim.AccountOptions{Followers: followers})
	account.SetCallback(&wechatsim.Callback{URL: w.url + "/wechat/callback?appid=" + appid, Token: token(), JobFinish: true, Failed: 0.5, Twice: 0.2})
	if err := w.AddChannel(t.Context(), rig.Channel{ActID: 1, AppID: appid, Start: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	job, err := w.Post(t.Context(), rig.Channel{ActID: 1, AppID: appid})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	job, err = w.Await(ctx, job.ID, func(j client.Job) bool {
		return j.Ended() && j.Receipts != nil && j.Receipts.Delivered+j.Receipts.Blocked+j.Receipts.Undelivered == followers
	})
	if err != nil {
		t.Fatalf("%v, receipts %+v", err, job.Receipts)
	}
	if err := account.Wait(ctx, func(s wechatsim.Stats) bool { return s.Callbacks == s.CallbacksMade }); err != nil {
		t.Fatalf("%v: %+v", err, account.Stats())
	}
	want := map[string]int64{}
	for _, r := range account.Receipts(job.MsgID) {
		want[pushd.ParseReceipt(r.Status).String()]++
	}
	if job.Receipts.Delivered != want["delivered"] || job.Receipts.Blocked != want["blocked"] || job.Receipts.By["freq_limit"] != want["freq_limit"] {
		t.Errorf("the job has %+v, WeChat has posted %v", job.Receipts, want)
	}

	stranger := account.Join()
	w.post(url.Values{"appid": {appid}}, stranger, nil)
	w.post(url.Values{"appid": {appid}}, stranger, http.Header{"Authorization": {"Bearer " + key}})
	w.wait(`pushd_http_answers_total{class="4xx"} 2`)
	stamp := fmt.Sprint(time.Now().Unix())
	w.post(url.Values{"appid": {appid}, "signature": {wechatsim.Signature("guessed", stamp, "n")}, "timestamp": {stamp}, "nonce": {"n"}}, stranger, nil)
	w.wait(`pushd_receipt_posts_total{result="bad_signature"} 1`)
	get, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/wechat/callback?appid="+appid+"&echostr=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	w.do(get)
	w.post(url.Values{"appid": {appid}, "signature": {wechatsim.Signature(token(), stamp, "n2")}, "timestamp": {stamp}, "nonce": {"n2"}}, stranger, nil)
	w.wait(`pushd_receipts_uncounted_total{why="unmatched"} 1`) // it came, and is of no recipient
	w.wait(`pushd_http_answers_total{class="4xx"} 3`)           // what was tried by GET did not
	resp, err := http.Get(w.url + "/pushd-receipts?appid=" + appid)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("the mirror's own address answers %s", resp.Status)
	}
}

// A pushd that is away, or does not answer, keeps WeChat from nothing.
func TestMirror_PushdAway(t *testing.T) {
	w := newWorld(t)
	if err := w.StopDaemon(); err != nil {
		t.Fatal(err)
	}
	w.post(url.Values{"appid": {appid}}, "oA", nil)
	silent, err := net.Listen("tcp", strings.TrimPrefix(w.URL, "http://")) // takes connections, and answers nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for range 5 { // each on a connection of its own, as nginx keeps one until its copy is delivered
		http.DefaultClient.CloseIdleConnections()
		w.post(url.Values{"appid": {appid}}, "oA", nil)
	}
}
