package wechatsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const testApp = "wx0123456789abcdef"

// clock is a time that stands still until it is moved.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// rig is a simulator with one account and a client of it.
type rig struct {
	t    *testing.T
	sim  *Sim
	acct *Account
	web  *httptest.Server
}

func newRig(t *testing.T, opts AccountOptions) *rig {
	t.Helper()
	c := &clock{time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)}
	r := &rig{t: t, sim: New(Options{Seed: 7, Clock: c.now, TokenKey: "key"})}
	if opts.Secret == "" {
		opts.Secret = "secret"
	}
	r.acct = r.sim.Account(testApp, opts)
	r.web = httptest.NewServer(r.sim.Handler())
	t.Cleanup(func() {
		r.sim.Close()
		r.web.Close()
	})
	return r
}

// token is the account's stable token.
func (r *rig) token() string {
	value, _ := r.acct.StableToken(false)
	return value
}

// body is a right message.
func (r *rig) body(openid, id string) string {
	return fmt.Sprintf(`{"touser":"%s","template_id":"%s","url":"https://live.example/42","client_msg_id":"%s",`+
		`"data":{"thing1":{"value":"新品发布会"},"time2":{"value":"2026年10月01日 20:00"}}}`,
		openid, TemplateID(testApp, 1), id)
}

// answer is any of WeChat's answers.
type answer struct {
	Code    int    `json:"errcode"`
	Text    string `json:"errmsg"`
	MsgID   int64  `json:"msgid"`
	Total   int    `json:"total"`
	Count   int    `json:"count"`
	Next    string `json:"next_openid"`
	Token   string `json:"access_token"`
	Expires int    `json:"expires_in"`
	Data    *struct {
		OpenID []string `json:"openid"`
	} `json:"data"`
}

// post posts a body with the account's token.
func (r *rig) post(path, body string) (answer, error) {
	return r.do("POST", path+"?access_token="+r.token(), body)
}

func (r *rig) do(method, path, body string) (answer, error) {
	r.t.Helper()
	_, text, err := r.raw(method, path, body)
	var a answer
	if err == nil {
		err = json.Unmarshal([]byte(text), &a)
	}
	return a, err
}

func (r *rig) raw(method, path, body string) (*http.Response, string, error) {
	r.t.Helper()
	req, err := http.NewRequest(method, r.web.URL+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := r.web.Client().Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	_, err = io.Copy(&b, resp.Body)
	return resp, b.String(), err
}

// send sends the right message to a follower.
func (r *rig) send(openid, id string) answer {
	r.t.Helper()
	a, err := r.post("/cgi-bin/message/template/send", r.body(openid, id))
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

// walk reads all pages.
func (r *rig) walk() (ids []string, calls int) {
	r.t.Helper()
	next := ""
	for calls = 1; calls < 100; calls++ {
		a := r.page(next)
		if a.Code != 0 || a.Count == 0 || a.Next == "" {
			if a.Data != nil {
				ids = append(ids, a.Data.OpenID...)
			}
			return ids, calls
		}
		ids = append(ids, a.Data.OpenID...)
		next = a.Next
	}
	return ids, calls
}

func (r *rig) page(next string) answer {
	r.t.Helper()
	path := "/cgi-bin/user/get?access_token=" + r.token()
	if next != "" {
		path += "&next_openid=" + next
	}
	a, err := r.do("GET", path, "")
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}
