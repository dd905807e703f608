package wechat

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pushd"
	"pushd/internal/httpconn"
)

func TestClient_SendBody(t *testing.T) {
	var got struct {
		ToUser      string `json:"touser"`
		TemplateID  string `json:"template_id"`
		URL         string `json:"url"`
		ClientMsgID string `json:"client_msg_id"`
		Data        map[string]struct{ Value string }
	}
	var raw []byte
	var r *http.Request
	c, _ := serve(t, Options{UserAgent: "pushd/1.2"}, func(w http.ResponseWriter, req *http.Request) {
		r = req
		raw, _ = io.ReadAll(req.Body)
		io.WriteString(w, `{"errcode":0,"errmsg":"ok","msgid":3487542469355618313}`)
	})
	for _, to := range []pushd.OpenID{"oia2TjuEGTNoeX76QEjQNrcURxG8", `o"\` + "\n<中>", ""} {
		if a := timeless(c.Send(t.Context(), token, letter, to)); a != (pushd.Answer{}) {
			t.Fatalf("got %+v", a)
		}
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatalf("%v: %s", err, raw)
		}
		if pushd.OpenID(got.ToUser) != to || got.ClientMsgID != "job0123456789abcdefg" || got.URL != "https://live.example/?a=1&b=2" ||
			got.Data["thing1"].Value != "直播 <1>" || strings.Contains(string(raw), `\u00`) {
			t.Errorf("sent %s", raw)
		}
		if r.ContentLength != int64(len(raw)) || r.Method != "POST" || r.URL.Path != pathSend || r.Proto != "HTTP/1.1" ||
			r.URL.Query().Get("access_token") != string(token) || r.Header.Get("User-Agent") != "pushd/1.2" ||
			r.Header.Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("sent %s %s %v", r.Method, r.URL, r.Header)
		}
	}
}

// timeless is an answer without what is never the same twice.
func timeless(a pushd.Answer) pushd.Answer {
	a.Waited = 0
	return a
}

func TestClient_SendAnswers(t *testing.T) {
	for _, tc := range []struct {
		name   string
		status int
		body   string
		want   pushd.Answer
	}{
		{"OK", 200, `{"errcode":0,"errmsg":"ok","msgid":3487542469355618313}`, pushd.Answer{}},
		{"OKWithoutMsgID", 200, `{"errcode":0,"errmsg":"ok"}`, pushd.Answer{}},
		{"OKOtherwiseWritten", 200, "\xef\xbb\xbf {\"msgid\": 1, \"errmsg\":\"ok\", \"errcode\" : \"0\" }\n", pushd.Answer{}},
		{"NotAFollower", 200, `{"errcode":43004,"errmsg":"require subscribe rid: 64489d92-7465ac28-12ccf767"}`,
			pushd.Answer{Verdict: pushd.Skip, Code: 43004, Cause: pushd.CauseUnfollowed, Text: "require subscribe"}},
		{"Controls", 200, "{\"errcode\":43004,\"errmsg\":\"require subscribe \x01\x0b\n rid: 1-2-3\"}",
			pushd.Answer{Verdict: pushd.Skip, Code: 43004, Cause: pushd.CauseUnfollowed, Text: "require subscribe"}},
		{"ControlsInAGoodOne", 200, "{\"errcode\":0,\"errmsg\":\"o\tk\",\"msgid\":1}", pushd.Answer{}},
		{"NotUTF8", 200, "{\"errcode\":43004,\"errmsg\":\"require \xc3\x28\"}",
			pushd.Answer{Verdict: pushd.Skip, Code: 43004, Cause: pushd.CauseUnfollowed, Text: "require \ufffd("}},
		{"Backslash", 200, `{"errcode":43004,"errmsg":"a\b \q"}`, pushd.Answer{Verdict: pushd.Skip, Code: 43004, Cause: pushd.CauseUnfollowed, Text: `a \q`}},
		{"ErrmsgNumber", 200, `{"errcode":43004,"errmsg":5}`, pushd.Answer{Verdict: pushd.Skip, Code: 43004, Cause: pushd.CauseUnfollowed, Text: "5"}},
		{"ErrmsgNull", 200, `{"errcode":43004,"errmsg":null}`, pushd.Answer{Verdict: pushd.Skip, Code: 43004, Cause: pushd.CauseUnfollowed}},
		{"ErrmsgObject", 200, `{"errcode":43004,"errmsg":{"why":"x"}}`, pushd.Answer{Verdict: pushd.Skip, Code: 43004, Cause: pushd.CauseUnfollowed, Text: `{"why":"x"}`}},
		{"ErrcodeFraction", 200, `{"errcode":0.5}`,
			pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeNotJSON, Ambiguous: true, Text: "the answer is not WeChat's JSON"}},
		{"ErrcodeEmpty", 200, `{"errcode":"","errmsg":"ok"}`,
			pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeNotJSON, Ambiguous: true, Text: "the answer is not WeChat's JSON"}},
		{"Busy", 200, `{"errcode":-1,"errmsg":"system error hint: [EeSuhA04363721]"}`,
			pushd.Answer{Verdict: pushd.Busy, Code: -1, Ambiguous: true, Text: "system error"}},
		{"Duplicate", 200, `{"errcode":40241,"errmsg":"dup"}`, pushd.Answer{Verdict: pushd.DeferShort, Code: 40241, Text: "dup"}},
		{"Unknown", 200, `{"errcode":99999,"errmsg":"x"}`, pushd.Answer{Verdict: pushd.Other, Code: 99999, Text: "x"}},
		{"Cut", 200, `{"errcode":0,"errmsg":"ok","msgid":348`,
			pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeNotJSON, Ambiguous: true, Text: "the answer is not WeChat's JSON"}},
		{"NoErrcode", 200, `{"errmsg":"ok"}`,
			pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeNotJSON, Ambiguous: true, Text: "the answer is not WeChat's JSON"}},
		{"Empty", 200, ``,
			pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeNotJSON, Ambiguous: true, Text: "the answer is empty"}},
		{"Page", 200, `<html>login</html>`,
			pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeNotJSON, Ambiguous: true, Text: "the answer is a web page"}},
		{"Long", 200, `{"errcode":0,"errmsg":"` + strings.Repeat("x", maxSendAnswer) + `"}`,
			pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeNotJSON, Ambiguous: true, Text: "the answer is too long"}},
		{"ErrorStatus", 503, `{"errcode":0,"errmsg":"ok"}`,
			pushd.Answer{Verdict: pushd.Busy, Code: pushd.CodeHTTP, Ambiguous: true, Text: "HTTP 503 Service Unavailable"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, _ := serve(t, Options{}, answers(tc.status, tc.body))
			if got := timeless(c.Send(t.Context(), token, letter, "oA")); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

// All connections are taken: who waits in vain was not sent.
func TestClient_SendWaitsForAConnection(t *testing.T) {
	hold, holding := make(chan struct{}), make(chan struct{})
	c, _ := serve(t, Options{MaxConns: 1, SendTimeout: time.Minute}, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		close(holding)
		<-hold
		io.WriteString(w, `{"errcode":0,"errmsg":"ok"}`)
	})
	first := make(chan pushd.Answer)
	go func() { first <- c.Send(t.Context(), token, letter, "oA") }()
	<-holding
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if a := c.Send(ctx, token, letter, "oB"); a.Code != pushd.CodeNotSent || a.Ambiguous || a.Verdict != pushd.Busy {
		t.Errorf("waiting: got %+v", a)
	}
	close(hold)
	if a := <-first; !a.OK() {
		t.Errorf("first: got %+v", a)
	}
}

func TestClient_SendCanceled(t *testing.T) {
	arrived := make(chan struct{})
	c, _ := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		close(arrived)
		hang(r)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	if a := c.Send(ctx, token, letter, "oA"); a.Code != pushd.CodeBroken || !a.Ambiguous || a.Text != "canceled" {
		t.Errorf("under way: got %+v", a)
	}
	if a := c.Send(ctx, token, letter, "oB"); a.Code != pushd.CodeNotSent || a.Ambiguous {
		t.Errorf("before: got %+v", a)
	}
}

// Resuming TLS sessions saves the handshake's public-key work.
func TestClient_ResumesTLS(t *testing.T) {
	var resumed atomic.Int64
	c, _ := serve(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.TLS.DidResume {
			resumed.Add(1)
		}
		w.Header().Set("Connection", "close")
		answers(200, `{"errcode":0,"errmsg":"ok"}`)(w, r)
	})
	for range 2 {
		if a := c.Send(t.Context(), token, letter, "oA"); !a.OK() {
			t.Fatalf("got %+v", a)
		}
	}
	if resumed.Load() != 1 {
		t.Errorf("%d of 2 connections resumed a session, want the second", resumed.Load())
	}
}

// What HTTP knows of a send decides whether it is in doubt.
func TestJudge(t *testing.T) {
	slow, broken := context.DeadlineExceeded, io.ErrUnexpectedEOF
	for _, tc := range []struct {
		r    httpconn.Response
		err  error
		want pushd.Answer
	}{
		{httpconn.Response{}, broken, pushd.Answer{Code: pushd.CodeNotSent, Text: "connection closed before the end of the answer"}},
		{httpconn.Response{}, slow, pushd.Answer{Code: pushd.CodeNotSent, Text: "timeout"}},
		{httpconn.Response{Written: true}, slow, pushd.Answer{Code: pushd.CodeTimeout, Ambiguous: true, Text: "timeout"}},
		{httpconn.Response{Written: true}, broken,
			pushd.Answer{Code: pushd.CodeBroken, Ambiguous: true, Text: "connection closed before the end of the answer"}},
		{httpconn.Response{Written: true}, httpconn.ErrTooLong,
			pushd.Answer{Code: pushd.CodeBroken, Ambiguous: true, Text: "the answer is too long"}},
		{httpconn.Response{Written: true, Status: 200}, broken,
			pushd.Answer{Code: pushd.CodeBroken, Ambiguous: true, Text: "connection closed before the end of the answer"}},
		{httpconn.Response{Written: true, Status: 502}, nil, pushd.Answer{Code: pushd.CodeHTTP, Ambiguous: true, Text: "HTTP 502 Bad Gateway"}},
		{httpconn.Response{Written: true, Status: 200}, nil,
			pushd.Answer{Code: pushd.CodeNotJSON, Ambiguous: true, Text: "the answer is too long"}},
	} {
		tc.want.Verdict = pushd.Busy
		if got := judge(tc.r, tc.err, token); got != tc.want {
			t.Errorf("%+v, %v: got %+v, want %+v", tc.r, tc.err, got, tc.want)
		}
	}
}

// With a proxy set, sends go through it as all other calls do.
func TestClient_SendThroughAProxy(t *testing.T) {
	var asked atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Error(w, "no way", http.StatusForbidden)
	}))
	defer proxy.Close()
	to, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	c, _ := serve(t, Options{Proxy: http.ProxyURL(to)}, answers(200, `{"errcode":0,"errmsg":"ok"}`))
	if a := c.Send(t.Context(), token, letter, "oA"); a.Code != pushd.CodeNotSent || a.Ambiguous || asked.Load() != 1 {
		t.Errorf("got %+v, and the proxy was asked %d times", a, asked.Load())
	}
}

func FuzzSendAnswer(f *testing.F) {
	for _, s := range []string{
		`{"errcode":0,"errmsg":"ok","msgid":3487542469355618313}`, `{"errcode":0,"errmsg":"ok"}`,
		`{"errcode":40001,"errmsg":"invalid credential, access_token is invalid or not latest rid: 66bac357-63c29597-4c205ae0"}`,
		`{"errcode":-1,"errmsg":"system error hint: [EeSuhA04363721]"}`, `{"errcode":"40241"}`, `{"errcode":0,"errmsg":"ok","msgid":`,
		`{"errcode":1e3}`, `{"errcode":9223372036854775808}`, `{"errcode":null}`, `[]`, `null`, ``, `<html>`, "\xef\xbb\xbf{}",
		`{"errcode":1,"errmsg":"TOKEN-marked/secret+1 TOKEN-marked%2Fsecret%2B1 \u0000\ud800"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		code, msg, ok := parseResult(body)
		if accepted(body) && !json.Valid(body) {
			t.Errorf("took bad JSON as accepted: %q", body)
		}
		if !ok {
			if text := notJSON(body); text == "" || len(text) > 40 {
				t.Errorf("bad text %q", text)
			}
			return
		}
		a := Classify(CallSend, code, scrub(msg, token))
		if a.OK() != (code == 0) || a.Code != code {
			t.Errorf("code %d: %+v", code, a)
		}
		if strings.Contains(a.Text, string(token)) || len(a.Text) > maxText || strings.ContainsAny(a.Text, "\n\x00") {
			t.Errorf("bad text %q", a.Text)
		}
	})
}

func BenchmarkSend(b *testing.B) {
	s := httptest.NewTLSServer(answers(200, `{"errcode":0,"errmsg":"ok","msgid":3487542469355618313}`))
	defer s.Close()
	roots := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	c, err := New(Options{BaseURL: s.URL, TLS: &tls.Config{RootCAs: roots}})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.Run("Send", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if a := c.Send(b.Context(), token, letter, "oia2TjuEGTNoeX76QEjQNrcURxG8"); !a.OK() {
				b.Fatalf("%+v", a)
			}
		}
	})
	b.Run("Resty", func(b *testing.B) { // the bare call, for comparison
		b.ReportAllocs()
		body := string(letter.Head) + "oia2TjuEGTNoeX76QEjQNrcURxG8" + string(letter.Tail)
		var r struct{ ErrCode int }
		for b.Loop() {
			resp, err := c.resty.R().SetContext(b.Context()).SetQueryParam("access_token", string(token)).
				SetHeader("Content-Type", "application/json").SetBody(body).SetResult(&r).Post(pathSend)
			if err != nil || resp.StatusCode() != 200 || r.ErrCode != 0 {
				b.Fatal(err)
			}
		}
	})
}
