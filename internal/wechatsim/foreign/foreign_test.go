// Package foreign lets clients of WeChat that others wrote judge the
// simulator: what they make of its answers must be what its ledger says. They
// were written against the real WeChat, and know nothing of pushd.
package foreign

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pushd/internal/wechatsim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	appid     = "wx0123456789abcdef"
	secret    = "0123456789abcdef0123456789abcdef"
	followers = 23000
	pages     = 4 // 10,000, 10,000, 3,000 and the empty one
	tag       = 101
	expire    = 5 * 60 // seconds of the short-lived QR code
)

// task is what a client is asked to do, as JSON on its standard input.
type task struct {
	URL      string            `json:"url"` // root of the simulator
	AppID    string            `json:"appid"`
	Secret   string            `json:"secret"`
	Template string            `json:"template"`
	To       []string          `json:"to"` // who gets a message
	Data     map[string]string `json:"data"`
	Link     string            `json:"link"`
	MsgID    string            `json:"msgid"` // client_msg_id, where the client knows of it
	Infos    []string          `json:"infos"` // whose user/info is read
	Tag      int               `json:"tag"`
	Scene    string            `json:"scene"`
	Expire   int               `json:"expire"`
}

// result is what a client understood, as JSON on its standard output.
type result struct {
	Token     string     `json:"token"`
	Followers []string   `json:"followers"`
	Pages     int        `json:"pages"`
	Total     int        `json:"total"`
	Templates []template `json:"templates"`
	Sent      []sent     `json:"sent"`
	QR        qr         `json:"qr"`
	Infos     []info     `json:"infos"`
	Tags      []count    `json:"tags"`
	Tagged    []string   `json:"tagged"`
	Cleared   bool       `json:"cleared"` // clear_quota was answered 0
}

type template struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Content string `json:"content"`
	Example string `json:"example"`
}

// sent is the answer to one message.
type sent struct {
	To    string `json:"to"`
	Code  int    `json:"code"`
	MsgID string `json:"msgid"` // a text: JavaScript has no such integers
}

type qr struct {
	Ticket string `json:"ticket"`
	Expire int    `json:"expire"`
	URL    string `json:"url"`
}

type info struct {
	OpenID    string  `json:"openid"`
	Subscribe int     `json:"subscribe"`
	Tags      []int32 `json:"tags"`
}

type count struct {
	ID    int    `json:"id"`
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// court is a simulator with one account, and what a client is asked to do
// with it.
type court struct {
	sim  *wechatsim.Sim
	acct *wechatsim.Account
	task task
	want map[string]int // errcode by openid
}

func newCourt(t *testing.T) *court {
	t.Helper()
	sim := wechatsim.New(wechatsim.Options{Seed: 11})
	t.Cleanup(sim.Close)
	acct := sim.Account(appid, wechatsim.AccountOptions{
		Secret: secret, Followers: followers,
		Tags: []wechatsim.Tag{{ID: 2, Name: "星标组"}, {ID: tag, Name: "老学员", Share: 0.01}},
	})
	listener, err := sim.Start()
	if err != nil {
		t.Fatal(err)
	}
	c := &court{sim: sim, acct: acct, want: map[string]int{"oAbcdefghijklmnopqrstuvwxyz0": 40003}}
	for i := range 50 {
		c.want[acct.OpenID(i)] = 0
	}
	for i, code := range []int{43004, 43101, 43019, 47001 /* any code is passed on */, 45011} {
		openid := acct.OpenID(1000 + i)
		acct.SetCode(openid, code)
		c.want[openid] = code
	}
	for openid := range c.want {
		c.task.To = append(c.task.To, openid)
	}
	slices.Sort(c.task.To)
	c.task.URL, c.task.AppID, c.task.Secret = listener.URL, appid, secret
	c.task.Template = wechatsim.TemplateID(appid, 1)
	c.task.Data = map[string]string{"thing1": "Go <语言> & 直播课", "time2": "2026年01月02日 15:04"}
	c.task.Link = "https://live.example.com/42?a=1&b=2"
	c.task.MsgID = "foreign-1"
	c.task.Infos = []string{acct.OpenID(7), acct.OpenID(8), acct.OpenID(1000)}
	c.task.Tag, c.task.Scene, c.task.Expire = tag, "live_42", expire
	return c
}

// ask lets a client do the task.
func (c *court) ask(t *testing.T, cmd *exec.Cmd) (r result) {
	t.Helper()
	in, err := json.Marshal(c.task)
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", cmd.Path, err, out, stderr.Bytes())
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v in %.300s", err, out)
	}
	return r
}

// judge holds what a client understood against the simulator's books. The
// campaign is the client_msg_id it sent with.
func (c *court) judge(t *testing.T, r result, campaign string) {
	t.Helper()
	if r.Token == "" || r.Token != c.acct.ClassicToken() {
		t.Errorf("the client's token is not the account's")
	}
	c.judgeList(t, r)
	c.judgeSends(t, r, campaign)
	c.judgeRest(t, r)
	if n := c.sim.Stray(); n != 0 {
		t.Errorf("%d requests belonged to no account", n)
	}
}

func (c *court) judgeList(t *testing.T, r result) {
	t.Helper()
	want := make([]string, followers)
	for i := range want {
		want[i] = c.acct.OpenID(i)
	}
	if !slices.Equal(r.Followers, want) || r.Total != followers || r.Pages != pages {
		t.Errorf("listed %d of %d followers, total %d, in %d pages; want %d pages", len(r.Followers), followers, r.Total, r.Pages, pages)
	}
	if n := c.acct.Stats().Pages; n != pages {
		t.Errorf("the simulator counts %d pages, the client %d", n, r.Pages)
	}
	tagged := c.acct.Tagged(tag)
	if len(tagged) == 0 || !slices.Equal(r.Tagged, tagged) {
		t.Errorf("%d followers carry the tag, the client lists %d", len(tagged), len(r.Tagged))
	}
	if tags := []count{{2, "星标组", 0}, {tag, "老学员", len(tagged)}}; !slices.Equal(r.Tags, tags) {
		t.Errorf("tags are %v, want %v", r.Tags, tags)
	}
}

func (c *court) judgeSends(t *testing.T, r result, campaign string) {
	t.Helper()
	good, ids := 0, map[string]bool{}
	for _, s := range r.Sent {
		if want, ok := c.want[s.To]; !ok || s.Code != want {
			t.Errorf("the send to %s is answered %d, want %d", s.To, s.Code, want)
		}
		if s.Code != 0 {
			continue
		}
		good++
		ids[s.MsgID] = true
		p, ok := c.acct.Recipient(campaign, s.To)
		if !ok || p.Delivered != 1 || p.Requests != 1 {
			t.Errorf("the ledger of %s is %+v", s.To, p)
		}
		m, ok := c.acct.MessageTo(campaign, s.To)
		if !ok || m.TemplateID != c.task.Template || m.URL != c.task.Link || m.ToUser != s.To {
			t.Errorf("the message to %s is %+v", s.To, m)
		}
		for key, value := range c.task.Data {
			if m.Data[key] != value {
				t.Errorf("%s got %s = %q, want %q", s.To, key, m.Data[key], value)
			}
		}
	}
	if len(r.Sent) != len(c.want) || good != 50 || len(ids) != good {
		t.Errorf("%d sends answered, %d of them 0 with %d message ids", len(r.Sent), good, len(ids))
	}
	rep := c.acct.Report(campaign)
	if rep.Once != good || rep.More != 0 || rep.Requests != int64(len(c.want)) || rep.Strangers != 1 || rep.Needless() != 0 {
		t.Errorf("the ledger says %+v", rep)
	}
}

func (c *court) judgeRest(t *testing.T, r result) {
	t.Helper()
	var want []template
	for _, tmpl := range c.acct.Templates() {
		if !tmpl.Unlisted {
			want = append(want, template{tmpl.ID, tmpl.Title, tmpl.Content, tmpl.Example})
		}
	}
	if !slices.Equal(r.Templates, want) {
		t.Errorf("templates are %v, want %v", r.Templates, want)
	}
	scene, life, ok := c.sim.QRScene(r.QR.Ticket)
	if !ok || scene != c.task.Scene || r.QR.Expire != expire || life <= 0 || life > expire*time.Second || r.QR.URL == "" {
		t.Errorf("the QR code %+v has scene %q for %v", r.QR, scene, life)
	}
	for i, openid := range c.task.Infos {
		subscribe := 1
		if i == 2 { // answers 43004: does not follow any more
			subscribe = 0
		}
		if len(r.Infos) != 3 || r.Infos[i].OpenID != openid || r.Infos[i].Subscribe != subscribe {
			t.Fatalf("infos are %+v", r.Infos)
		}
		carries := slices.Contains(c.acct.Tagged(tag), openid)
		if subscribe == 1 && slices.Contains(r.Infos[i].Tags, tag) != carries {
			t.Errorf("%s carries the tag: %t; info %+v", openid, carries, r.Infos[i])
		}
	}
	if !r.Cleared {
		t.Errorf("clear_quota was refused")
	}
}
