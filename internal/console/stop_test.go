package console_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pushd/api/client"
	"pushd/internal/daemon"
	"pushd/internal/rig"
	"pushd/internal/wechatsim"
)

// Everything is stopped by one button, as WeChat sees it, and goes on by another
// that wants a tick; an account that is not named is not taken for everything.
func TestStop(t *testing.T) {
	w := newWorld(t, func(c *daemon.Config) { c.Engine.Rate = 300 })
	a, one := w.start(1, "wxstopone", "", accountOf(50_000))
	b, two := w.start(2, "wxstoptwo", "", accountOf(50_000))
	w.must(a.WaitSends(w.ctx, 20))
	w.must(b.WaitSends(w.ctx, 20))
	p := w.person()
	p.login(rig.APIKey)
	if got := p.press("/console/stop", "/console/stop", url.Values{"of": {"account"}, "do": {"hold"}}); got.status != http.StatusUnprocessableEntity {
		t.Errorf("no account: %d", got.status)
	}
	if h, err := w.API().Hold(w.ctx, ""); err != nil || h.Held {
		t.Fatalf("held %v, %v", h.Held, err)
	}
	got := p.press("/console/stop", "/console/stop", url.Values{"of": {"everything"}, "do": {"hold"}, "reason": {"wrong text"}})
	if got.status != 200 || !strings.Contains(got.text, "Everything is stopped.") || !strings.Contains(got.text, "wrong text") {
		t.Errorf("stop: %d %s", got.status, got.text)
	}
	for _, id := range []string{one.ID, two.ID} {
		w.await(id, func(j client.Job) bool { return j.Owner == "" })
	}
	before := [2]int64{a.Stats().Sends, b.Stats().Sends}
	time.Sleep(300 * time.Millisecond)
	if after := [2]int64{a.Stats().Sends, b.Stats().Sends}; after != before {
		t.Errorf("sends %v before, %v after", before, after)
	}
	if got := p.press("/console/stop", "/console/stop", url.Values{"do": {"lift"}}); got.status != http.StatusUnprocessableEntity {
		t.Errorf("lift without a tick: %d", got.status)
	}
	if got := p.press("/console/stop", "/console/stop", url.Values{"do": {"lift"}, "sure": {"1"}}); got.status != 200 || !strings.Contains(got.text, "It goes on.") {
		t.Errorf("lift: %d", got.status)
	}
	w.must(a.WaitSends(w.ctx, before[0]+20))
	got = p.press("/console/account?appid=wxstopone", "/console/stop", url.Values{"of": {"account"}, "appid": {"wxstopone"}, "do": {"hold"}, "back": {"/console/account?appid=wxstopone"}})
	if got.status != 200 || got.at != "/console/account?appid=wxstopone" || !strings.Contains(got.text, "chip paused") {
		t.Errorf("stop an account: %d at %s", got.status, got.at)
	}
	w.must(b.WaitSends(w.ctx, b.Stats().Sends+20))
}

// A follower is found in every job that had them on its list, with the message
// they got; the address has no openid.
func TestPerson(t *testing.T) {
	w := newWorld(t, nil)
	acct, first := w.start(1, "wxperson", "第一课", wechatsim.AccountOptions{Followers: 300})
	w.await(first.ID, client.Job.Ended)
	_, second := w.start(2, "wxperson", "第二课", wechatsim.AccountOptions{})
	w.await(second.ID, client.Job.Ended)
	p := w.person()
	p.login(rig.APIKey)
	got := p.press("/console/person", "/console/person", url.Values{"openid": {acct.OpenID(7)}})
	if got.status != 200 || got.at != "/console/person" || strings.Count(got.text, `class="job person"`) != 2 ||
		!strings.Contains(got.text, "第一课") || !strings.Contains(got.text, "第二课") {
		t.Errorf("%d at %s: %s", got.status, got.at, got.text)
	}
	if got := p.press("/console/person", "/console/person", url.Values{"openid": {"oNobody"}}); !strings.Contains(got.text, "In none of these jobs.") {
		t.Errorf("nobody: %s", got.text)
	}
}

// A bundle holds what it says, and no secret and no openid that was not asked
// for.
func TestSupport(t *testing.T) {
	var logged bytes.Buffer
	w := newWorld(t, func(c *daemon.Config) { c.Recent = logged.Bytes })
	acct, job := w.start(1, "wxsupport", "", wechatsim.AccountOptions{Followers: 50, Refusals: []wechatsim.Refusal{{Code: 43019, Share: 0.2}, {Code: 47001, Share: 0.1}}})
	job = w.await(job.ID, client.Job.Ended)
	for i := range 50 { // as somebody else's error might have it
		logged.WriteString("err=\"no " + acct.OpenID(i) + " here\"\n")
	}
	p := w.person()
	p.login(rig.APIKey)
	for _, openids := range []string{"", "1"} {
		files := unpack(t, p.press("/console/support", "/console/support", url.Values{"job": {job.ID}, "openids": {openids}}).text)
		for name, part := range map[string]string{
			"version.txt": "pushd rig", "goroutines.txt": "goroutine profile", "health.json": `"status"`,
			"metrics.txt": "pushd_build_info", "ended.json": job.ID, "job.json": job.ID, "settings.txt": "", "log.txt": "err=",
		} {
			if text, ok := files[name]; !ok || !strings.Contains(text, part) {
				t.Errorf("%s: %.200s", name, text)
			}
		}
		for name, text := range files {
			for _, secret := range []string{rig.APIKey, rig.TokenKey} {
				if strings.Contains(text, secret) {
					t.Errorf("%s holds %s", name, secret)
				}
			}
			for i := range 50 {
				if openids == "" && strings.Contains(text, acct.OpenID(i)) {
					t.Errorf("%s holds an openid", name)
				}
			}
		}
	}
}

// unpack reads a bundle.
func unpack(t *testing.T, text string) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := io.Copy(&b, r); err != nil {
			t.Fatal(err)
		}
		files[strings.TrimPrefix(h.Name, "pushd-support/")] = b.String()
	}
}
