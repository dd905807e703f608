// Package console is the operator's console at /console/: what a person on call
// sees and presses. It decides nothing. Each page is made of answers of the API,
// which it asks in the same process with the key of whoever has logged in
// (inside.go), and each button is a call of the API: what a key may do, what is
// refused and who did what is the API's to say.
//
// Pages are rendered here and work without scripts; htmx, which is embedded,
// only renews what moves. Nothing is loaded from elsewhere. Texts are in words/,
// one file per language, pages in views/.
package console

import (
	"cmp"
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"pushd"
	"pushd/api/client"
)

// Root is the path that the console is below.
const Root = "/console/"

// Options is what a Console is made of. API and Keys must be set; the zero value
// of everything else is good.
type Options struct {
	// API answers the console's calls, as it answers those from outside.
	API http.Handler
	// Keys are the API's keys. Sessions are sealed by them, so that they outlive
	// a restart and hold in all processes with the same keys; to change a key
	// ends them. SetKeys changes them.
	Keys []pushd.Key
	// Location is the zone of the times that are shown and entered.
	Location *time.Location
	Version  string
	Instance string
	Logger   *slog.Logger
	// Token says what this process knows of an account's access token.
	Token func(appID string) (Token, bool)
	// Overdue is how many reminders were due and not posted; false if no one can
	// say.
	Overdue func() (pushd.Overdue, bool)
	// Due lists the reminders that the platform will post within the hour, and those
	// that it should have posted; nil where no one can say.
	Due func(context.Context) (soon, over []pushd.Due, err error)
	// Hour is what WeChat answered this process in each minute of the last hour,
	// the oldest first.
	Hour func() []pushd.Minute
	// Settings are the lines of a support bundle that say how pushd is set,
	// without secrets; Recent the last lines of its log.
	Settings []string
	Recent   func() []byte
	// Now is the time; default: time.Now.
	Now func() time.Time
}

// Console answers the requests of browsers.
type Console struct {
	Options
	ring  atomic.Pointer[ring]
	tries tries
	faces map[string]*face
	mux   *http.ServeMux
}

// assets are the style, the scripts and the icon.
//
//go:embed assets
var assets embed.FS

// New returns a Console. It starts nothing.
func New(o Options) *Console {
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Token == nil {
		o.Token = func(string) (Token, bool) { return Token{}, false }
	}
	if o.Overdue == nil {
		o.Overdue = func() (pushd.Overdue, bool) { return pushd.Overdue{}, false }
	}
	if o.Hour == nil {
		o.Hour = func() []pushd.Minute { return nil }
	}
	if o.Recent == nil {
		o.Recent = func() []byte { return nil }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Console{Options: o, faces: newFaces(o), mux: http.NewServeMux()}
	c.SetKeys(o.Keys)
	c.routes()
	return c
}

// routes lists every page and every button.
func (c *Console) routes() {
	c.mux.HandleFunc("GET "+Root+"assets/{file}", c.asset)
	c.mux.HandleFunc("GET "+Root+"language/{code}", c.language)
	c.mux.HandleFunc("GET "+Root+"login", c.loginPage)
	c.mux.HandleFunc("POST "+Root+"login", c.login)
	c.mux.HandleFunc("POST "+Root+"logout", c.form(c.logout))

	c.mux.HandleFunc("GET "+Root+"{$}", c.page(c.now))
	c.mux.HandleFunc("GET "+Root+"jobs", c.page(c.jobs))
	c.mux.HandleFunc("GET "+Root+"jobs/{id}", c.page(c.job))
	c.mux.HandleFunc("GET "+Root+"jobs/{id}/recipients", c.page(c.recipients))
	c.mux.HandleFunc("GET "+Root+"jobs/{id}/recipients.csv", c.page(c.recipientsCSV))
	c.mux.HandleFunc("GET "+Root+"jobs/{id}/text", c.page(c.text))
	c.mux.HandleFunc("POST "+Root+"jobs/{id}/text", c.form(c.correct))
	c.mux.HandleFunc("GET "+Root+"jobs/{id}/{command}", c.page(c.ask))
	c.mux.HandleFunc("POST "+Root+"jobs/{id}/{command}", c.form(c.command))
	c.mux.HandleFunc("GET "+Root+"hour", c.page(c.hour))
	c.mux.HandleFunc("GET "+Root+"events", c.page(c.happened))
	c.mux.HandleFunc("GET "+Root+"stop", c.page(c.stop))
	c.mux.HandleFunc("POST "+Root+"stop", c.form(c.hold))
	c.mux.HandleFunc("GET "+Root+"restore", c.page(c.restore))
	c.mux.HandleFunc("GET "+Root+"account", c.page(c.account))
	c.mux.HandleFunc("GET "+Root+"person", c.page(c.personPage))
	c.mux.HandleFunc("POST "+Root+"person", c.form(c.person))
	c.mux.HandleFunc("GET "+Root+"support", c.page(c.supportPage))
	c.mux.HandleFunc("POST "+Root+"support", c.form(c.bundle))
	c.mux.HandleFunc("GET "+Root, c.page(c.nothing))
}

// policy lets a page load its own style and scripts and talk to pushd, and
// nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// ServeHTTP implements http.Handler.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Request-Id", rand.Text())
	defer c.recovered(w, r)
	c.mux.ServeHTTP(w, r)
}

// recovered turns a panic into a page. Of its value only the type is logged,
// unless the runtime wrote it: it may hold anything.
func (c *Console) recovered(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	fault, _ := v.(error)
	if errors.Is(fault, http.ErrAbortHandler) {
		panic(v) // a list that must not look complete
	}
	what := fmt.Sprintf("%T", v)
	if _, ok := v.(runtime.Error); ok {
		what = fault.Error()
	}
	c.Logger.Error("panic", "request_id", w.Header().Get("X-Request-Id"), "route", r.Pattern, "panic", what, "stack", string(debug.Stack()))
	http.Error(w, "pushd's log has more under "+w.Header().Get("X-Request-Id"), http.StatusInternalServerError)
}

// visit is a request of someone who has logged in.
type visit struct {
	*face
	w       http.ResponseWriter
	r       *http.Request
	session session
	api     client.Client
}

// page answers a request for a page; who has not logged in is sent to do so.
func (c *Console) page(show func(*visit)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := &visit{face: c.faceFor(r), w: w, r: r}
		var ok bool
		if v.session, ok = c.resume(w, r); !ok {
			c.toLogin(w, r)
			return
		}
		v.api = c.client(r, v.session.Key)
		show(v)
	}
}

// form answers a form that was sent: by a page of this console, to a session
// that is still there.
func (c *Console) form(take func(*visit)) http.HandlerFunc {
	return c.page(func(v *visit) {
		v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
		if err := v.r.ParseForm(); err != nil || crossSite(v.r) || !c.ring.Load().seal.own(v.session, v.r.PostForm.Get("csrf")) {
			c.sorry(v, http.StatusForbidden, "error.forged")
			return
		}
		take(v)
	})
}

// maxForm bounds a form, in bytes.
const maxForm = 64 << 10

// crossSite says that a browser sends the request for another site's page.
func crossSite(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	if site != "" && site != "same-origin" && site != "none" {
		return true
	}
	_, host, _ := strings.Cut(r.Header.Get("Origin"), "://")
	return r.Header.Get("Origin") != "" && !strings.EqualFold(host, r.Host)
}

// nothing is what is at an address that is none.
func (c *Console) nothing(v *visit) { c.sorry(v, http.StatusNotFound, "error.nothing") }

// asset serves what is embedded. It changes with the version only.
func (c *Console) asset(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=3600")
	http.ServeFileFS(w, r, assets, "assets/"+r.PathValue("file"))
}

// language remembers the language that was chosen, and goes back.
func (c *Console) language(w http.ResponseWriter, r *http.Request) {
	if code := r.PathValue("code"); c.faces[code] != nil {
		http.SetCookie(w, &http.Cookie{Name: languageCookie, Value: code, Path: Root, MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: secure(r)})
	}
	http.Redirect(w, r, local(r.URL.Query().Get("back")), http.StatusSeeOther)
}

// local is where to go on: an address of the console's, whatever was asked.
func local(path string) string {
	if !strings.HasPrefix(path, Root) || strings.ContainsAny(path, "\\\r\n") || strings.Contains(path, "//") {
		return Root
	}
	return cmp.Or(path, Root)
}
