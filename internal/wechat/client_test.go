package wechat

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pushd"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// token holds characters that an URL escapes, so that both spellings are
// looked for.
const token pushd.Token = "TOKEN-marked/secret+1"

var letter = (&pushd.Message{
	TemplateID: "tpl", URL: "https://live.example/?a=1&b=2", Data: map[string]string{"thing1": "直播 <1>"},
}).Letter("job0123456789abcdefg")

// serve starts a WeChat of which h is everything, and a client of it.
func serve(t *testing.T, o Options, h http.HandlerFunc) (*Client, *httptest.Server) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	o.BaseURL = s.URL
	if o.TLS == nil {
		o.TLS = s.Client().Transport.(*http.Transport).TLSClientConfig
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, s
}

// answers is a WeChat that always says the same.
func answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// hang holds a call until its client has gone, and ends without an answer.
func hang(r *http.Request) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

func checkNoSecret(t *testing.T, v ...any) {
	t.Helper()
	all := fmt.Sprintf("%v %+v %#v", v, v, v)
	if strings.Contains(all, "marked") {
		t.Errorf("told a secret: %s", all)
	}
}

func TestNew_RefusesBadSettings(t *testing.T) {
	for _, tc := range []struct{ url, want string }{
		{"api.weixin.qq.com", "must begin with https"},
		{"ftp://api.weixin.qq.com", "must begin with https"},
		{"https://", "no host"},
		{"https://user:marked@api.weixin.qq.com", "scheme and host alone"},
		{"https://api.weixin.qq.com/?access_token=marked", "scheme and host alone"},
		{"https://api.weixin.qq.com:marked/", "not an URL"},
		{"http://api.weixin.qq.com", "http to api.weixin.qq.com"},
		{"http://10.0.0.1", "http to 10.0.0.1"},
		{"http://127.0.0.1.example.com", "http to"},
	} {
		_, err := New(Options{BaseURL: tc.url})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q: got %v, want %q", tc.url, err, tc.want)
		}
		checkNoSecret(t, err)
	}
	if _, err := New(Options{MaxConns: -1}); err == nil {
		t.Error("a negative limit was taken")
	}
	for _, o := range []Options{
		{}, {BaseURL: "http://127.0.0.1:9"}, {BaseURL: "http://localhost/"}, {BaseURL: "http://[::1]:9"},
		{BaseURL: "http://10.0.0.1", AllowPlaintext: true},
	} {
		if c, err := New(o); err != nil {
			t.Errorf("%+v: %v", o, err)
		} else {
			c.Close()
		}
	}
}

// every runs a test for each call of the API.
func every(t *testing.T, c *Client, f func(t *testing.T, a pushd.Answer)) {
	ctx := t.Context()
	t.Run("Send", func(t *testing.T) { f(t, c.Send(ctx, token, letter, "oA")) })
	t.Run("Page", func(t *testing.T) { _, a := c.Page(ctx, token, "oMarkedNot"); f(t, a) })
	t.Run("Quota", func(t *testing.T) { _, a := c.Quota(ctx, token, pathSend); f(t, a) })
	t.Run("Templates", func(t *testing.T) { _, a := c.Templates(ctx, token); f(t, a) })
}

// Whatever breaks, in whatever call: the right code, and no token anywhere.
func TestClient_TellsNoSecret(t *testing.T) {
	const soon = 300 * time.Millisecond // and yet long enough to connect on a busy machine
	short := Options{SendTimeout: soon, PageTimeout: soon, AccountTimeout: soon}
	echo := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"errcode":40001,"errmsg":"bad %s of %s rid: 1-2-3"}`, string(token), r.URL.RawQuery)
	}
	hijack := func(answer string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			fmt.Fprintf(conn, answer, r.URL)
			conn.Close()
		}
	}
	for _, tc := range []struct {
		name string
		o    Options
		h    http.HandlerFunc
		code int
	}{
		{"Echo", Options{}, echo, 40001},
		{"EchoPage", Options{}, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<p>", r.URL) }, pushd.CodeNotJSON},
		{"EchoNotHTTP", Options{}, hijack("gone %s\r\n\r\n"), pushd.CodeBroken},
		{"EchoHeader", Options{}, hijack("HTTP/1.1 200 OK\r\nbad header %s\r\n\r\n"), pushd.CodeBroken},
		{"Redirect", Options{}, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				t.Error("a redirect was followed")
			}
			http.Redirect(w, r, "/elsewhere?"+r.URL.RawQuery, http.StatusTemporaryRedirect)
		}, pushd.CodeHTTP},
		{"BadGateway", Options{}, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(502)
			fmt.Fprint(w, r.URL)
		}, pushd.CodeHTTP},
		{"Reset", Options{}, hijack(""), pushd.CodeBroken},
		{"HalfABody", Options{}, hijack("HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{\"errcode\":0,\"errmsg\":\"ok\"}%.0s"), pushd.CodeBroken},
		{"Timeout", short, func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			hang(r)
		}, pushd.CodeTimeout},
		{"SlowBody", short, func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			fmt.Fprint(w, `{"errcode":`)
			w.(http.Flusher).Flush()
			hang(r)
		}, pushd.CodeTimeout},
		{"BadCertificate", Options{TLS: &tls.Config{}}, echo, pushd.CodeNotSent},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, _ := serve(t, tc.o, tc.h)
			every(t, c, func(t *testing.T, a pushd.Answer) {
				checkNoSecret(t, a)
				if a.Code != tc.code || a.OK() || a.Text == "" {
					t.Errorf("got %+v, want code %d", a, tc.code)
				}
			})
		})
	}
}

func TestClient_NobodyThere(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	plain := httptest.NewServer(answers(200, `{"errcode":0}`))
	defer plain.Close()
	for name, url := range map[string]string{
		"Refused":      gone.URL,
		"NoSuchHost":   "https://wechat.invalid",
		"HTTPNotHTTPS": "https://" + plain.Listener.Addr().String(),
	} {
		t.Run(name, func(t *testing.T) {
			c, err := New(Options{BaseURL: url})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			every(t, c, func(t *testing.T, a pushd.Answer) {
				checkNoSecret(t, a)
				if a.Verdict != pushd.Busy || a.Ambiguous || a.Text == "" || a.Text == "connection broken" {
					t.Errorf("got %+v", a)
				}
			})
			if a := c.Send(t.Context(), token, letter, "oA"); a.Code != pushd.CodeNotSent || a.Ambiguous {
				t.Errorf("send: got %+v, want not sent", a)
			}
		})
	}
}

// A WeChat that takes connections and then says nothing at all: the TLS
// handshake never ends, so nothing was sent, although the time ran out.
func TestClient_SilentHandshake(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := New(Options{BaseURL: "https://" + l.Addr().String(), SendTimeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	a := c.Send(t.Context(), token, letter, "oA")
	if a.Code != pushd.CodeNotSent || a.Ambiguous || a.Text != "timeout" {
		t.Errorf("got %+v", a)
	}
	checkNoSecret(t, a)
}
