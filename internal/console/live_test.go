package console_test

import (
	"net/url"
	"testing"

	"pushd/api/client"
	"pushd/internal/chromium"
	"pushd/internal/daemon"
)

// A page renews what moves, says so when pushd is away, goes on when it is back,
// explains what it can't show, and stands still when it is told to.
func TestLive(t *testing.T) {
	listen := ""
	w := newWorld(t, func(c *daemon.Config) {
		c.Engine.Rate = 200
		if listen != "" {
			c.Listen = listen
		}
	})
	_, job := w.start(1, "wxlive", "高等数学", accountOf(100_000))
	b, err := chromium.Start(w.ctx, t.TempDir())
	w.must(err)
	defer b.Close()
	s := &stage{world: w, browser: b}
	p := s.page(screens[2], "en", "dark")
	s.login(p)
	first, err := p.Run(w.ctx, `document.querySelector("#live time").textContent`)
	w.must(err)
	w.must(p.Wait(w.ctx, `document.querySelector("#live time").textContent != "`+first+`"`))
	w.must(p.Wait(w.ctx, `document.querySelector("#stale").hidden`))

	at, err := url.Parse(w.URL)
	w.must(err)
	listen = at.Host
	w.must(w.StopDaemon())
	w.must(p.Wait(w.ctx, `!document.querySelector("#stale").hidden`))
	w.must(w.StartDaemon(w.ctx))
	w.must(p.Wait(w.ctx, `document.querySelector("#stale").hidden`))

	w.must(w.Load(w.ctx, "RENAME TABLE pushd_job TO pushd_away"))
	w.must(p.Wait(w.ctx, `document.querySelector("#live .notice.bad")?.textContent.includes("pushd")`))
	w.must(w.Load(w.ctx, "RENAME TABLE pushd_away TO pushd_job"))
	w.must(p.Wait(w.ctx, `document.querySelector("#job-`+job.ID+`")`))

	w.must(p.Click(w.ctx, ".live a"))
	w.must(p.Wait(w.ctx, `location.search == "?live=off" && document.querySelector("#live") && !document.querySelector("#live").hasAttribute("hx-get")`))
	w.must(p.Click(w.ctx, ".live a"))
	w.must(p.Wait(w.ctx, `location.search == "" && document.querySelector("#live").hasAttribute("hx-get")`))
}

// Everything can be reached and pressed by keyboard, without scripts, too.
func TestKeyboard(t *testing.T) {
	w := newWorld(t, func(c *daemon.Config) { c.Engine.Rate = 200 })
	_, job := w.start(1, "wxkeys", "高等数学", accountOf(100_000))
	b, err := chromium.Start(w.ctx, t.TempDir())
	w.must(err)
	defer b.Close()
	s := &stage{world: w, browser: b}
	p := s.page(screens[2], "en", "light")
	s.login(p)
	w.must(p.Scripts(w.ctx, false))
	w.must(p.Open(w.ctx, w.URL+"/console/jobs/"+job.ID))
	w.must(p.Press(w.ctx, "Tab"))
	w.must(p.Wait(w.ctx, `document.activeElement.matches(".skip")`))
	w.must(p.Press(w.ctx, "Enter"))
	w.must(p.Wait(w.ctx, `location.hash == "#main"`))
	for range 12 {
		w.must(p.Press(w.ctx, "Tab"))
		if on, err := p.Run(w.ctx, `document.activeElement.form?.action.endsWith("/pause") ?? false`); err == nil && on == "true" {
			break
		}
	}
	w.must(p.Press(w.ctx, "Enter"))
	w.await(job.ID, func(j client.Job) bool { return j.State == "paused" })
	w.must(p.Wait(w.ctx, `document.querySelector(".notice.good") && document.querySelector(".chip.paused")`))
}
