package php_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// fakeWeChat answers stable_token as the test says, and keeps what was asked.
type fakeWeChat struct {
	URL string

	mu     sync.Mutex
	answer func(stableCall) any // nil: tokens of 7200 s, a new one when forced
	serial int
	calls  []stableCall
}

// stableCall is the body of POST /cgi-bin/stable_token.
type stableCall struct {
	GrantType    string `json:"grant_type"`
	AppID        string `json:"appid"`
	Secret       string `json:"secret"`
	ForceRefresh bool   `json:"force_refresh"`
}

func newWeChat(t testing.TB) *fakeWeChat {
	w := &fakeWeChat{}
	s := httptest.NewServer(w)
	t.Cleanup(s.Close)
	w.URL = s.URL
	return w
}

func (w *fakeWeChat) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	var c stableCall
	err := json.NewDecoder(r.Body).Decode(&c)
	if r.Method != "POST" || r.URL.Path != "/cgi-bin/stable_token" || err != nil {
		http.Error(rw, "unexpected", http.StatusNotFound)
		return
	}
	w.mu.Lock()
	w.calls = append(w.calls, c)
	answer := w.answer
	if c.ForceRefresh {
		w.serial++
	}
	serial := w.serial
	w.mu.Unlock()
	if answer == nil {
		json.NewEncoder(rw).Encode(token(fmt.Sprintf("marked-token-%s-%d", c.AppID, serial), 7200))
		return
	}
	switch a := answer(c).(type) {
	case int:
		rw.WriteHeader(a)
	case string:
		fmt.Fprint(rw, a)
	default:
		json.NewEncoder(rw).Encode(a)
	}
}

// set changes how it answers: a status, a text, or something for JSON.
func (w *fakeWeChat) set(answer func(stableCall) any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = answer
}

// asked returns the calls since the last asked.
func (w *fakeWeChat) asked() []stableCall {
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := w.calls
	w.calls = nil
	return calls
}

// rotate makes the token of normal mode another one.
func (w *fakeWeChat) rotate() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.serial++
}

func token(value string, seconds int) map[string]any {
	return map[string]any{"access_token": value, "expires_in": seconds}
}

func refusal(code int, text string) map[string]any {
	return map[string]any{"errcode": code, "errmsg": text}
}
