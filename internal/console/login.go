package console

import (
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"pushd/api/client"
)

// login is what the page says that asks for a key.
type login struct {
	Problem string // a word of the catalogue, or ""
	Detail  string
	Next    string
}

// toLogin sends a visitor to the log-in, and back afterwards. A part of a page
// that is renewed makes the browser load the whole.
func (c *Console) toLogin(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Hx-Request") != "" {
		w.Header().Set("Hx-Refresh", "true")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	to := Root + "login"
	if r.Method == http.MethodGet && r.URL.Path != Root {
		to += "?next=" + url.QueryEscape(r.URL.RequestURI())
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// loginPage asks for a key.
func (c *Console) loginPage(w http.ResponseWriter, r *http.Request) {
	if _, ok := c.resume(w, r); ok {
		http.Redirect(w, r, local(r.URL.Query().Get("next")), http.StatusSeeOther)
		return
	}
	c.faceFor(r).show(w, r, http.StatusOK, "login", layout{Title: "login.title"}, login{Next: local(r.URL.Query().Get("next"))})
}

// login tries a key on the API and begins a session if that accepts it.
func (c *Console) login(w http.ResponseWriter, r *http.Request) {
	f := c.faceFor(r)
	refuse := func(status int, l login) {
		f.show(w, r, status, "login", layout{Title: "login.title"}, l)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil || crossSite(r) {
		refuse(http.StatusForbidden, login{Problem: "error.forged"})
		return
	}
	l := login{Next: local(r.PostForm.Get("next"))}
	if wait := c.tries.wait(remote(r), c.Now()); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		l.Problem = "login.slower"
		refuse(http.StatusTooManyRequests, l)
		return
	}
	key := strings.TrimSpace(r.PostForm.Get("key"))
	ctx, cancel := asking(r)
	defer cancel()
	_, err := c.client(r, key).Jobs(ctx, client.Filter{Limit: 1})
	switch status := client.Status(err); {
	case key == "" || status == http.StatusUnauthorized:
		c.tries.failed(remote(r), c.Now())
		c.Logger.Warn("console: log-in with a wrong key", "remote", remote(r))
		l.Problem = "login.wrong"
		refuse(http.StatusUnauthorized, l)
		return
	case status == http.StatusTooManyRequests:
		l.Problem = "login.slower"
		refuse(status, l)
		return
	}
	// A database that is away keeps no one out: the console says so.
	c.begin(w, r, key)
	c.Logger.Info("console: log-in", "remote", remote(r))
	http.Redirect(w, r, l.Next, http.StatusSeeOther)
}

// logout ends the session in this browser.
func (c *Console) logout(v *visit) {
	c.end(v.w, v.r)
	http.Redirect(v.w, v.r, Root+"login", http.StatusSeeOther)
}

// remote is the address that a request comes from.
func remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// tries counts wrong keys by address: maxTries at once, then one each tryEvery.
type tries struct {
	mu sync.Mutex
	by map[string]time.Time // when an address has nothing against it any more
}

const (
	maxTries  = 10
	tryEvery  = 6 * time.Second
	maxRemote = 4096 // addresses that are remembered
)

// wait is how long an address has to wait before its next try.
func (t *tries) wait(from string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(t.by[from].Sub(now), 0) - (maxTries-1)*tryEvery
}

// failed counts a wrong key.
func (t *tries) failed(from string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.by == nil {
		t.by = map[string]time.Time{}
	}
	if len(t.by) >= maxRemote {
		for address, until := range t.by {
			if until.Before(now) || len(t.by) >= maxRemote {
				delete(t.by, address)
			}
		}
	}
	until := t.by[from]
	if until.Before(now) {
		until = now
	}
	t.by[from] = until.Add(tryEvery)
}
