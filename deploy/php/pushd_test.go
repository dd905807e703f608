package php_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
)

// fakePushd answers POST /v1/jobs as the test says, and keeps what was posted.
type fakePushd struct {
	URL         string
	connections atomic.Int64

	mu     sync.Mutex
	answer func(posted) reply
	posts  []posted
	beats  int // heartbeats with the key

	beatFails int // the status that heartbeats are answered with; 0 = they are heard
}

// posted is the body of POST /v1/jobs.
type posted struct {
	ActID     int64  `json:"actid"`
	AppID     string `json:"appid"`
	Token     string `json:"accessToken"`
	ExpiresIn int    `json:"accessTokenExpiresIn"`
}

// reply is an answer of pushd; body is JSON unless it is a string.
type reply struct {
	status int
	body   any
	after  string // Retry-After
}

// problem is a refusal of pushd.
func problem(status int, code string, more ...string) reply {
	body := map[string]any{"code": code, "title": "refused", "status": status, "detail": "because\nso"}
	for i := 0; i < len(more); i += 2 {
		body[more[i]] = more[i+1]
	}
	return reply{status: status, body: body}
}

// accepted is the answer to a job that is new.
func accepted(p posted) reply {
	return reply{status: 202, body: map[string]any{"id": fmt.Sprintf("job%d", p.ActID), "state": "queued"}}
}

func newPushd(t testing.TB, answer func(posted) reply) *fakePushd {
	p := &fakePushd{answer: answer}
	s := httptest.NewUnstartedServer(p)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			p.connections.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	p.URL = s.URL
	return p
}

func (p *fakePushd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v1/heartbeat" {
		p.beat(w, r)
		return
	}
	if r.Method == "GET" && r.URL.RequestURI() == "/v1/jobs?limit=1" {
		p.list(w, r)
		return
	}
	var job posted
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields() // pushd does so too
	if err := dec.Decode(&job); err != nil || r.Method != "POST" || r.URL.Path != "/v1/jobs" {
		http.Error(w, "unexpected", http.StatusTeapot)
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+apiKey {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	p.mu.Lock()
	p.posts = append(p.posts, job)
	answer := p.answer
	p.mu.Unlock()
	a := answer(job)
	if a.status == 0 { // hang up
		panic(http.ErrAbortHandler)
	}
	if a.after != "" {
		w.Header().Set("Retry-After", a.after)
	}
	w.WriteHeader(a.status)
	if text, ok := a.body.(string); ok {
		fmt.Fprint(w, text)
	} else if a.body != nil {
		json.NewEncoder(w).Encode(a.body)
	}
}

// list answers that there are no jobs.
func (p *fakePushd) list(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+apiKey {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	fmt.Fprint(w, `{"items": [], "nextCursor": null}`)
}

// set changes how it answers.
func (p *fakePushd) set(answer func(posted) reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

// taken returns the channels posted since the last taken, in order.
func (p *fakePushd) taken() []int64 {
	var ids []int64
	for _, job := range p.jobs() {
		ids = append(ids, job.ActID)
	}
	return ids
}

// jobs returns the jobs posted since the last jobs or taken.
func (p *fakePushd) jobs() []posted {
	p.mu.Lock()
	defer p.mu.Unlock()
	posts := p.posts
	p.posts = nil
	return posts
}

// beat answers a heartbeat as pushd does.
func (p *fakePushd) beat(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.beatFails != 0:
		w.WriteHeader(p.beatFails)
	case r.Method != "POST" || r.Header.Get("Authorization") != "Bearer "+apiKey:
		w.WriteHeader(http.StatusUnauthorized)
	default:
		p.beats++
		fmt.Fprint(w, `{"seenAt":"2026-03-01T12:00:00Z"}`)
	}
}

// heard returns how many heartbeats have come since the last heard.
func (p *fakePushd) heard() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, p.beats = p.beats, 0
	return n
}

// failBeats has heartbeats answered by a status; 0 ends that.
func (p *fakePushd) failBeats(status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.beatFails = status
}
