package tokenclient

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestNew_RefusesBadSettings(t *testing.T) {
	for _, tc := range []struct{ url, key, want string }{
		{"", "", "must begin with https"},
		{"php.example/token", "", "must begin with https"},
		{"ftp://php.example/", "", "must begin with https"},
		{"https://", "", "has no host"},
		{"https://u:p-marked@php.example/", "", "must hold no user"},
		{"https://php.example/?k=marked%zz", "", "query is malformed"},
		{"https://php.example:marked/", "", "not an URL"},
		{"http://php.example/?k=marked", "", "http to php.example"},
		{"https://php.example/", "a marked key", "printable ASCII"},
		{"https://php.example/", "marked\nkey", "printable ASCII"},
	} {
		_, err := New(Options{URL: tc.url, Key: tc.key})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q: got %v, want %q", tc.url, err, tc.want)
		} else if strings.Contains(err.Error(), "marked") {
			t.Errorf("%q: told a secret: %v", tc.url, err)
		}
	}
	if _, err := New(Options{URL: "https://php.example/", MaxAge: -1}); err == nil {
		t.Error("a negative age was taken")
	}
	for _, o := range []Options{
		{URL: "http://127.0.0.1:9/"}, {URL: "http://localhost/"}, {URL: "http://[::1]/t"},
		{URL: "http://php.example/", AllowPlaintext: true},
	} {
		c, err := New(o)
		if err != nil {
			t.Errorf("%q: %v", o.URL, err)
			continue
		}
		c.Close()
	}
}

// The whole way over a real connection, and what may come back.
func TestClient_OverHTTP(t *testing.T) {
	for _, tc := range []struct {
		name   string
		status int
		body   string
		want   string // the token, or part of the error
	}{
		{"OK", 200, `{"access_token":"good","expires_in":7200}`, "good"},
		{"Camel", 200, `{"accessToken":" good\n","expiresIn":"7200"}`, "good"},
		{"UnderData", 200, "\xef\xbb\xbf" + `{"code":0,"msg":"ok","data":{"access_token":"good"}}`, "good"},
		{"TwoBOMs", 200, "\xef\xbb\xbf\xef\xbb\xbf" + `{"access_token":"good"}`, "good"},
		{"BlankLinesAndBOMs", 200, "\r\n\xef\xbb\xbf\n \xef\xbb\xbf" + `{"access_token":"good"}` + "\n\xef\xbb\xbf\n\n", "good"},
		{"TokenWithACode", 200, `{"code":1,"msg":"refresh failed","access_token":"good"}`, "good"},
		{"TokenWithCode200", 200, `{"code":"200","msg":"success","data":{"access_token":"good","expires_in":0}}`, "good"},
		{"NoTimeLeft", 200, `{"access_token":"good","expires_in":0}`, "good"},
		{"BOMWithin", 200, "<br />Notice \xef\xbb\xbf" + `{"access_token":"good"}`, "holds a byte order mark (BOM): save the PHP files as UTF-8 without one"},
		{"UTF16", 200, "\xff\xfe{\x00", "UTF-16"},
		{"WhatToDo", 502, `{"code":40164,"msg":"` + strings.Repeat("why ", 90) + `What to do: add 1.2.3.4 to the whitelist"}`, "What to do: add 1.2.3.4 to the whitelist"},
		{"Code", 200, `{"code":1,"msg":"no such account","data":null}`, "the answer holds no access_token: code 1: no such account"},
		{"WeChats", 200, `{"errcode":40164,"errmsg":"invalid ip 1.2.3.4, not in whitelist"}`, "code 40164: invalid ip 1.2.3.4"},
		{"EmptyToken", 200, `{"access_token":"","expires_in":7200}`, "holds no access_token"},
		{"NullToken", 200, `{"access_token":null}`, "holds no access_token"},
		{"NumberToken", 200, `{"access_token":5}`, "holds no access_token"},
		{"BadToken", 200, `{"access_token":"a b"}`, "characters that no token has"},
		{"LongToken", 200, `{"access_token":"` + strings.Repeat("ab.", 1000) + `"}`, "too long"},
		{"HTML", 200, "<html><head><style>p{}</style><title>Login</title></head><body><p class=x>Please log in</p>", "the answer is not JSON: Login Please log in"},
		{"Warning", 200, "<br />\n<b>Warning</b>: Undefined variable in /srv/token.php on line 3\n{\"access_token\":\"x\"}", "not JSON: Warning : Undefined variable"},
		{"BadGateway", 502, "<html><h1>502 Bad Gateway</h1><hr>nginx", "HTTP 502 Bad Gateway: 502 Bad Gateway nginx"},
		{"JSON500", 500, `{"code":7,"msg":"database is down"}`, "HTTP 500 Internal Server Error: code 7: database is down"},
		{"TokenIn500", 500, `{"access_token":"good"}`, "HTTP 500"},
		{"Unauthorized", 401, "", "HTTP 401 Unauthorized"},
		{"Redirect", 302, "", "HTTP 302 Found, a redirect, which is not followed"},
		{"Array", 200, `[]`, "the answer is JSON, but not an object: []"},
		{"Text", 200, `"abc"`, "the answer is JSON, but not an object"},
		{"Empty", 200, ``, "the answer is empty"},
		{"Blank", 200, "\ufeff\r\n", "the answer is empty"},
		{"TooLong", 200, `{"x":"` + strings.Repeat("x", maxAnswer) + `"}`, "longer than 64 KiB"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/token.php" {
					t.Errorf("a redirect was followed to %s", r.URL.Path)
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tc.status)
				io.WriteString(w, tc.body)
			}))
			defer s.Close()
			c, err := New(Options{URL: s.URL + "/token.php", Key: key, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			got, err := c.Token(t.Context(), "wx1", 0)
			switch {
			case err == nil && got != tc.want:
				t.Errorf("got token %q, want %q", got, tc.want)
			case err != nil && (tc.want == "good" || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("got %q, want %q", err, tc.want)
			case err != nil && len(err.Error()) > maxText+10:
				t.Errorf("a text of %d bytes", len(err.Error()))
			}
		})
	}
}

// A token that comes with an error is used, and what was said is in the log,
// without the token.
func TestClient_LogsWhatIsSaidBesideAToken(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"code":7,"msg":"refresh of `+strings.Repeat("tok", 12)+` failed\n","access_token":"`+strings.Repeat("tok", 12)+`"}`)
	}))
	defer s.Close()
	var log strings.Builder
	c, err := New(Options{URL: s.URL, Key: key, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Token(t.Context(), "wx1", 0); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if got := log.String(); !strings.Contains(got, `said="code 7: refresh of [removed] failed"`) || strings.Contains(got, "toktok") {
		t.Errorf("logged %s", got)
	}
}

func TestClient_NobodyListens(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	url := s.URL
	s.Close()
	c, err := New(Options{URL: url + "/token?site=QUERY-marked-secret", Key: key, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Token(t.Context(), "wx1", 1)
	mustPause(t, err, time.Second, 6*time.Second)
	if !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "marked") || strings.Contains(err.Error(), "/token") {
		t.Errorf("got %v", err)
	}
}

func FuzzTokenAnswer(f *testing.F) {
	for _, s := range []string{
		`{"access_token":"tok","expires_in":7200}`, `{"data":{"accessToken":"tok","expiresIn":"72e2"}}`,
		`{"code":1,"msg":"x"}`, `{"data":[]}`, `{"data":"x","access_token":{}}`, `<html><script>a</script>b<`, "\xef\xbb\xbf{}", ``, `null`,
		"\xef\xbb\xbf\xef\xbb\xbf{\"code\":1,\"access_token\":\"t\"}\n\xef\xbb\xbf", "\xff\xfe{", `{"expires_in":1e308,"access_token":"t"}`, `{"expires_in":"NaN","access_token":"t"}`, `{"expires_in":-1}`,
	} {
		f.Add(200, []byte(s))
		f.Add(502, []byte(s))
	}
	c, err := New(Options{URL: "https://php.example/?site=QUERY-marked-secret", Key: key})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		g := parseAnswer(status, body)
		err := g.err
		if err == nil {
			if checkToken(g.token) != nil || g.life < 0 || g.life > longestLife || status < 200 || status > 299 {
				t.Errorf("took %q, %v at status %d", g.token, g.life, status)
			}
			now := time.Now()
			tok := newToken(g.token, g.life, c.o.MaxAge, now)
			if tok.renewAt.Sub(now) < 40*time.Second || tok.deadAt.Before(tok.renewAt) {
				t.Errorf("life %v: renewed after %v, dead after %v", g.life, tok.renewAt.Sub(now), tok.deadAt.Sub(now))
			}
			return
		}
		text := c.redact(&account{}, err).Error()
		if text == "" || len(text) > maxText+len("…") || strings.ContainsAny(text, "\n\r\x00") || strings.Contains(text, key) {
			t.Errorf("bad error text %q", text)
		}
	})
}
