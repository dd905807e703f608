package wechatsim

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// nothing is a ResponseWriter that costs nothing.
type nothing struct{ h http.Header }

func (n nothing) Header() http.Header         { return n.h }
func (n nothing) Write(p []byte) (int, error) { return len(p), nil }
func (n nothing) WriteHeader(int)             {}

// BenchmarkSend is what the simulator adds to net/http for each send.
func BenchmarkSend(b *testing.B) {
	s := New(Options{Seed: 1})
	a := s.Account(testApp, AccountOptions{Followers: 1 << 20, Unsubscribed: 0.01})
	token, _ := a.StableToken(false)
	h, w := s.Handler(), nothing{http.Header{}}
	req := httptest.NewRequest("POST", "/cgi-bin/message/template/send?access_token="+token, nil)
	text := (&rig{acct: a}).body("@", "job1")
	head, tail, _ := strings.Cut(text, "@")
	b.ReportAllocs()
	for i := range b.N {
		req.Body = io.NopCloser(strings.NewReader(head + a.OpenID(i&(1<<20-1)) + tail))
		h.ServeHTTP(w, req)
	}
}
