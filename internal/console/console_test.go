package console_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pushd/api/client"
	"pushd/internal/chromium"
	"pushd/internal/daemon"
	"pushd/internal/mariadb"
	"pushd/internal/rig"
	"pushd/internal/wechatsim"
)

// screenshots is where TestPages writes pictures of the pages:
//
//	go test ./internal/console -run TestPages -screenshots ../../docs/images
var screenshots = flag.String("screenshots", "", "directory for pictures of the pages")

// every makes TestPages let axe look at every page in each language, in light and in
// dark, on each screen.
var every = flag.Bool("every", false, "axe looks at all combinations of language, scheme and screen")

// server is the database of all tests.
var server *mariadb.Server

func TestMain(m *testing.M) {
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var err error
	if server, err = mariadb.Start(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// world is a whole pushd with its console.
type world struct {
	*rig.Rig
	t   *testing.T
	ctx context.Context
}

func newWorld(t *testing.T, change func(*daemon.Config)) *world {
	t.Helper()
	schema, err := os.ReadFile("../../deploy/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	limit := 5 * time.Minute
	if *every {
		limit = 20 * time.Minute
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	r, err := rig.New(ctx, rig.Options{
		Server: server, Schema: string(schema), Seed: 7, Change: change,
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return &world{Rig: r, t: t, ctx: ctx}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// start posts a reminder of a new channel.
func (w *world) start(id int64, appid, title string, o wechatsim.AccountOptions) (*wechatsim.Account, client.Job) {
	w.t.Helper()
	acct := w.Sim.Find(appid)
	if acct == nil {
		acct = w.Sim.Account(appid, o)
	}
	c := rig.Channel{ActID: id, AppID: appid, Title: title, Start: time.Now().Add(25 * time.Minute)}
	w.must(w.AddChannel(w.ctx, c))
	job, err := w.Post(w.ctx, c)
	w.must(err)
	return acct, job
}

func (w *world) await(id string, done func(client.Job) bool) client.Job {
	w.t.Helper()
	job, err := w.Await(w.ctx, id, done)
	w.must(err)
	return job
}

// person is somebody with a browser that runs no scripts.
type person struct {
	*world
	http *http.Client
}

func (w *world) person() *person {
	jar, err := cookiejar.New(nil)
	w.must(err)
	own := http.DefaultTransport.(*http.Transport).Clone()
	w.t.Cleanup(own.CloseIdleConnections)
	return &person{w, &http.Client{Jar: jar, Transport: own}}
}

// page is what came back.
type page struct {
	status int
	text   string
	at     string
	header http.Header
}

func (p *person) do(r *http.Request) page {
	p.t.Helper()
	resp, err := p.http.Do(r.WithContext(p.ctx))
	p.must(err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	p.must(err)
	return page{resp.StatusCode, string(raw), resp.Request.URL.RequestURI(), resp.Header}
}

func (p *person) get(path string) page {
	p.t.Helper()
	r, err := http.NewRequest(http.MethodGet, p.URL+path, nil)
	p.must(err)
	return p.do(r)
}

func (p *person) post(path string, form url.Values) page {
	p.t.Helper()
	r, err := http.NewRequest(http.MethodPost, p.URL+path, strings.NewReader(form.Encode()))
	p.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return p.do(r)
}

func (p *person) login(key string) page {
	p.t.Helper()
	return p.post("/console/login", url.Values{"key": {key}})
}

var csrfPattern = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// press sends a form of a page.
func (p *person) press(on, path string, form url.Values) page {
	p.t.Helper()
	m := csrfPattern.FindStringSubmatch(p.get(on).text)
	if m == nil {
		p.t.Fatalf("%s has no form", on)
	}
	if form == nil {
		form = url.Values{}
	}
	form.Set("csrf", m[1])
	return p.post(path, form)
}

// screens are those that every page has to fit.
var screens = []chromium.Screen{
	{Width: 390, Height: 780, Scale: 1, Mobile: true}, {Width: 768, Height: 1024, Scale: 1}, {Width: 1280, Height: 860, Scale: 1},
}

// picture writes a screenshot, if they are wanted.
func (w *world) picture(p *chromium.Page, name string) {
	w.t.Helper()
	if *screenshots != "" {
		w.must(p.Screenshot(w.ctx, filepath.Join(*screenshots, "console-"+name+".png"), true))
	}
}

// accountOf is an account with so many followers.
func accountOf(followers int) wechatsim.AccountOptions {
	return wechatsim.AccountOptions{Followers: followers, Unsubscribed: 0.02}
}
