package wechatsim

import (
	"context"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

type gotEvent struct {
	From   string `xml:"FromUserName"`
	Event  string `xml:"Event"`
	Key    string `xml:"EventKey"`
	Ticket string `xml:"Ticket"`
	MsgID  int64  `xml:"MsgID"`
	Status string `xml:"Status"`
}

// platform is the receiver of an account's events.
type platform struct {
	mu     sync.Mutex
	events []gotEvent
	bad    int // answers left that are bad
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("signature") != Signature("tok", q.Get("timestamp"), q.Get("nonce")) || q.Get("page") != "1" {
		http.Error(w, "signature", http.StatusForbidden)
		return
	}
	if r.Method == http.MethodGet {
		io.WriteString(w, q.Get("echostr"))
		return
	}
	var e gotEvent
	if err := xml.NewDecoder(r.Body).Decode(&e); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bad > 0 {
		p.bad--
		http.Error(w, "later", http.StatusInternalServerError)
		return
	}
	p.events = append(p.events, e)
	io.WriteString(w, "success")
}

func newPlatform(t *testing.T, r *rig, c Callback) *platform {
	p := &platform{}
	web := httptest.NewServer(p)
	t.Cleanup(web.Close)
	t.Cleanup(r.sim.Close)
	c.URL, c.Token, c.Client = web.URL+"/?page=1", "tok", web.Client()
	r.acct.SetCallback(&c)
	return p
}

// wait waits until n events are settled.
func (p *platform) wait(r *rig, n int64) []gotEvent {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := r.acct.Wait(ctx, func(t Stats) bool { return t.Callbacks+t.CallbackFails >= n }); err != nil {
		r.t.Fatalf("wait for %d callbacks: %v, stats %+v", n, err, r.acct.Stats())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.events
}

func TestCallback_Verify(t *testing.T) {
	r := newRig(t, AccountOptions{})
	newPlatform(t, r, Callback{})
	if err := r.acct.VerifyCallback(t.Context()); err != nil {
		t.Error(err)
	}
	c := *r.acct.callback.Load()
	c.Token = "other"
	r.acct.SetCallback(&c)
	if err := r.acct.VerifyCallback(t.Context()); err == nil {
		t.Error("a wrong signature was taken")
	}
}

func TestCallback_Scan(t *testing.T) {
	r := newRig(t, AccountOptions{Followers: 2})
	p := newPlatform(t, r, Callback{Workers: 1})
	ticket := r.sim.qr.add(qrCode{account: r.acct, scene: "live_42"}, 1)
	newcomer, err := r.acct.Scan(ticket, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.acct.Scan(ticket, r.acct.OpenID(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.acct.Scan("no ticket", ""); err == nil {
		t.Error("a strange ticket was taken")
	}
	plain := r.acct.Follow()
	got := p.wait(r, 3)
	want := []gotEvent{
		{From: newcomer, Event: "subscribe", Key: "qrscene_live_42", Ticket: ticket},
		{From: r.acct.OpenID(1), Event: "SCAN", Key: "live_42", Ticket: ticket},
		{From: plain, Event: "subscribe"},
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("event %d is %+v, want %+v", i, got[i], want[i])
		}
	}
	if n := r.acct.Followers(); n != 4 {
		t.Errorf("%d follow, want 4", n)
	}
}

func TestCallback_JobFinish(t *testing.T) {
	r := newRig(t, AccountOptions{Followers: 200})
	p := newPlatform(t, r, Callback{JobFinish: true, Failed: 0.2, Twice: 0.1})
	ids := map[int64]string{}
	for i := range 200 {
		ids[r.send(r.acct.OpenID(i), "job1").MsgID] = r.acct.OpenID(i)
	}
	got := p.wait(r, 200)
	failed := 0
	for _, e := range got {
		if e.Event != "TEMPLATESENDJOBFINISH" || ids[e.MsgID] != e.From {
			t.Fatalf("event is %+v", e)
		}
		if strings.HasPrefix(e.Status, "failed") {
			failed++
		}
	}
	if len(ids) != 200 || len(got) < 200 || failed < 20 || failed > 70 {
		t.Errorf("%d messages, %d events, %d failed", len(ids), len(got), failed)
	}
}

func TestCallback_ThreeTries(t *testing.T) {
	r := newRig(t, AccountOptions{Followers: 1})
	p := newPlatform(t, r, Callback{Workers: 1})
	p.bad = 5
	r.acct.Follow()
	r.acct.Follow()
	p.wait(r, 2)
	if got := r.acct.Stats(); got.CallbackFails != 1 || got.Callbacks != 1 || got.CallbackTries != 6 {
		t.Errorf("stats is %+v", got)
	}
}

// What becomes of messages follows from the seed: all statuses, some late, twice,
// contradicted, and of nobody; the book has what was posted and what was taken.
func TestCallback_Receipts(t *testing.T) {
	told := func(seed uint64) map[string][]string {
		r := newRig(t, AccountOptions{Followers: 300})
		r.sim.opts.Seed = seed
		r.acct.key = mix(seed, number("wx01"))
		p := newPlatform(t, r, Callback{JobFinish: true, Failed: 0.5, Twice: 0.1, Contrary: 0.1, Strange: 0.1, Late: 0.2, Lateness: Uniform(0, 50*time.Millisecond), Delay: Uniform(0, 5*time.Millisecond)})
		for i := range 300 {
			r.send(r.acct.OpenID(i), "job1")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := r.acct.Wait(ctx, func(t Stats) bool { return t.CallbacksMade > 0 && t.Callbacks+t.CallbackFails == t.CallbacksMade }); err != nil {
			t.Fatalf("%v, stats %+v", err, r.acct.Stats())
		}
		came := map[string]int{}
		strangers := map[int64]bool{}
		for _, e := range p.events {
			if _, known := r.acct.followers.index([]byte(e.From)); !known {
				e.From = ""
				strangers[e.MsgID] = true
			}
			came[e.From+" "+e.Status]++
		}
		all := map[string][]string{}
		for _, b := range r.acct.Receipts("job1") {
			all[b.OpenID] = append(all[b.OpenID], b.Status)
			if n := came[b.OpenID+" "+b.Status]; b.Times == 0 || b.OpenID != "" && n != b.Times || b.Answered.IsZero() {
				t.Errorf("%+v came %d times", b, n)
			}
		}
		if len(r.acct.Receipts("job2")) != 0 || len(strangers) != len(all[""]) {
			t.Errorf("%d strangers, the book has %d", len(strangers), len(all[""]))
		}
		return all
	}
	all := told(1)
	counts := map[string]int{}
	contrary := 0
	for id, statuses := range all {
		if id == "" {
			continue
		}
		if len(statuses) == 2 {
			contrary++
		}
		counts[statuses[0]]++
	}
	for _, status := range append(failures[:], success) {
		if counts[status] < 20 {
			t.Errorf("%d have %q", counts[status], status)
		}
	}
	if len(all) != 301 || contrary < 10 || contrary > 60 || len(all[""]) < 10 || len(all[""]) > 60 {
		t.Errorf("%d recipients, %d contradictions, %d strangers", len(all)-1, contrary, len(all[""]))
	}
	again := told(1)
	for id, statuses := range all {
		if id != "" && strings.Join(again[id], "|") != strings.Join(statuses, "|") {
			t.Fatalf("%s was told %q, then %q", id, statuses, again[id])
		}
	}
	if other := told(2); strings.Join(other[""], "|") == strings.Join(all[""], "|") {
		t.Error("another seed tells the same")
	}
}
