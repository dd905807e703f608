package host_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
	"pushd/internal/rig"
)

// gate holds WeChat's answers to a path until it is opened.
type gate struct {
	path    string
	arrived chan struct{}
	open    chan struct{}
	once    sync.Once
}

func newGate(path string) *gate {
	return &gate{path: path, arrived: make(chan struct{}, 100), open: make(chan struct{})}
}

// lift lets all pass.
func (g *gate) lift() { g.once.Do(func() { close(g.open) }) }

func (g *gate) pass(r *http.Request) {
	if g == nil || r.URL.Path != g.path {
		return
	}
	g.arrived <- struct{}{}
	select {
	case <-g.open:
	case <-r.Context().Done():
	}
}

// While all of the host's workers wait, for a table that is locked,
// token.php answers: it has a pool of its own. So does a static file.
func TestWeb_TokenWhileTheHostIsBusy(t *testing.T) {
	t.Parallel()
	w := newWeb(t, 1, phptest.WebOptions{Workers: 2})
	w.channel(11, alice, "x", time.Now().Add(3*time.Hour), 0)
	done, unlock := w.busy(3)
	w.waiting(2)
	if got := w.token("wxalice"); !strings.Contains(got, "access_token") {
		t.Error(got)
	}
	if got := w.browser().page("/assets/app.js"); got.status != 200 {
		t.Errorf("a static file: %d", got.status)
	}
	if n := len(done); n > 0 {
		t.Errorf("%d pages were answered before: token.php waited for the host's workers", n)
	}
	unlock()
	for range 3 {
		if got := <-done; got.status != 200 {
			t.Errorf("%d %s", got.status, got.text)
		}
	}
}

// No request waits for a worker that is busy while there may be more of them.
func TestWeb_WorkersForAll(t *testing.T) {
	t.Parallel() // it waits more than it works
	w := newWeb(t, 1, phptest.WebOptions{})
	w.channel(11, alice, "x", time.Now().Add(3*time.Hour), 0)
	done, unlock := w.busy(8)
	w.waiting(8)
	unlock()
	for range 8 {
		if got := <-done; got.status != 200 {
			t.Errorf("%d %s", got.status, got.text)
		}
	}
}

// busy asks for so many pages at once, all of which wait for a table until it is
// unlocked.
func (w *webSite) busy(pages int) (done chan reply, unlock func()) {
	w.t.Helper()
	unlock = w.lock("activity")
	done = make(chan reply, pages)
	for range pages {
		b := w.browser()
		go func() { done <- b.page("/watch/11") }()
	}
	return done, unlock
}

// lock keeps a table from everyone until it is unlocked.
func (w *webSite) lock(table string) (unlock func()) {
	w.t.Helper()
	lock, err := w.DB.Conn(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := lock.ExecContext(w.t.Context(), "LOCK TABLES "+table+" WRITE"); err != nil {
		w.t.Fatal(err)
	}
	unlock = sync.OnceFunc(func() {
		if _, err := lock.ExecContext(context.Background(), "UNLOCK TABLES"); err != nil {
			w.t.Error(err)
		}
		lock.Close()
	})
	w.t.Cleanup(unlock)
	return unlock
}

// waiting returns once so many of PHP's workers wait for the table.
func (w *webSite) waiting(workers int64) {
	w.t.Helper()
	w.eventually(func() bool {
		return w.number("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = ? AND STATE LIKE 'Waiting for%'", w.settings["db_user"]) == workers
	})
}

// token asks token.php as pushd does.
func (w *webSite) token(appid string) string {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.host+"/wechat/token.php?appid="+appid, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("X-Pushd-Key", rig.TokenKey)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	return readAll(w.t, resp)
}

// Owners open their settings at once, in the morning, when no token is cached: the
// host's workers wait for pushd, which asks token.php. With one pool for both all of
// them would wait for each other.
func TestWeb_PoolsDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	w := newWeb(t, 1, phptest.WebOptions{Workers: 2})
	g := newGate("/cgi-bin/stable_token")
	w.wx.hold(g)
	done := make(chan reply, 2)
	for _, b := range []*browser{w.login(alice), w.login(bob)} {
		go func() { done <- b.api("/templates", nil) }()
	}
	for range 2 { // both workers are taken, and both questions on their way to WeChat
		select {
		case <-g.arrived:
		case got := <-done:
			t.Fatalf("answered before WeChat was asked: %d %s", got.status, got.text)
		}
	}
	g.lift()
	for range 2 {
		if got := <-done; got.status != 200 {
			t.Errorf("%d %s", got.status, got.text)
		}
	}
}
