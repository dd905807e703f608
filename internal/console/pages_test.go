package console_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pushd"
	"pushd/api/client"
	"pushd/internal/chromium"
	"pushd/internal/daemon"
	"pushd/internal/rig"
	"pushd/internal/wechatsim"
)

// stage is a pushd with a job of each kind, and a browser that looks at them.
type stage struct {
	*world
	browser *chromium.Browser
	running client.Job
	paused  client.Job
	failed  client.Job
	done    client.Job
}

func newStage(t *testing.T) *stage {
	t.Helper()
	w := newWorld(t, func(c *daemon.Config) { c.Engine.Rate = 300; c.Store.DueList, c.Store.DueListMarks = dueList, 6 })
	s := &stage{world: w}
	b, err := chromium.Start(w.ctx, t.TempDir())
	w.must(err)
	t.Cleanup(func() { b.Close() })
	s.browser = b
	_, s.done = w.start(101, "wxf1a9c03b7de25481", "零基础学烘焙：第一课 戚风蛋糕", wechatsim.AccountOptions{Followers: 640, Unsubscribed: 0.03, Refusals: []wechatsim.Refusal{{Code: 43101, Share: 0.01}}})
	_, s.failed = w.start(102, "wx0d52c88f10ab6e97", "周末读书会", wechatsim.AccountOptions{Followers: 300, Refusals: []wechatsim.Refusal{{Code: 43001, Share: 1}}})
	_, s.running = w.start(103, "wx5f2c0a9d41e7b836", "高等数学 第二讲：极限", wechatsim.AccountOptions{Followers: 1_250_000, Unsubscribed: 0.02, Refusals: []wechatsim.Refusal{{Code: 43019, Share: 0.002}}})
	_, s.paused = w.start(104, "wx81bb6c5e2f094d3a", "英语口语：机场与酒店", accountOf(48_200))
	w.start(105, "wx3e90a1f7c8d24b65", "咖啡拉花入门：奶泡与倒法", accountOf(21_400))
	s.done = w.await(s.done.ID, client.Job.Ended)
	s.receipts()
	s.failed = w.await(s.failed.ID, client.Job.Ended)
	if got := s.front(); strings.Count(got, "201\">") != 1 || strings.Count(got, "203\">摄影构图") != 1 {
		t.Errorf("the page does not say what is due:\n%s", got)
	}
	w.await(s.paused.ID, func(j client.Job) bool { return j.Sent > 300 })
	s.paused, err = w.API().Command(w.ctx, s.paused.ID, client.Pause)
	w.must(err)
	w.await(s.running.ID, func(j client.Job) bool { return j.Sent > 300 })
	return s
}

// receipts are WeChat's words about the messages of the job that is done.
func (s *stage) receipts() {
	s.t.Helper()
	f := pushd.FoundReceipts{Page: 1}
	for i := range 600 {
		r := pushd.ReceiptDelivered
		switch {
		case i%50 == 7:
			r = pushd.ReceiptBlocked
		case i%120 == 9:
			r = pushd.ReceiptSystemFailed
		case i%200 == 11:
			r = pushd.ReceiptFreqLimit
		}
		f.Receipts = append(f.Receipts, pushd.IndexedReceipt{Index: i, Receipt: r})
	}
	_, err := s.Store.SaveReceipts(s.ctx, pushd.JobID(s.done.ID), []pushd.FoundReceipts{f})
	s.must(err)
}

// front is the first page, without scripts.
func (s *stage) front() string {
	p := s.person()
	p.login(rig.APIKey)
	return p.get("/console/").text
}

func (s *stage) page(screen chromium.Screen, languages, scheme string) *chromium.Page {
	s.t.Helper()
	p, err := s.browser.Page(s.ctx, screen)
	s.must(err)
	s.must(p.Languages(s.ctx, languages))
	s.must(p.Scheme(s.ctx, scheme))
	return p
}

func (s *stage) login(p *chromium.Page) {
	s.t.Helper()
	s.must(p.Open(s.ctx, s.URL+"/console/"))
	s.must(p.Fill(s.ctx, "#key", rig.APIKey))
	s.must(p.Click(s.ctx, "form.stack button"))
	s.must(p.Wait(s.ctx, `location.pathname == "/console/" && document.querySelector("#live")`))
}

// dueList lists channels of the rig's own, past the jobs: two soon and one overdue.
const dueList = `
SELECT 201 AS act_id, ? + 900 AS due_at, '法语发音：鼻化元音' AS title, 'wx5f2c0a9d41e7b836' AS appid FROM activity WHERE id = 101 AND ? > UNIX_TIMESTAMP()
UNION ALL
SELECT 202, ? + 2700, '', NULL FROM activity WHERE id = 101 AND ? > UNIX_TIMESTAMP()
UNION ALL
SELECT 203, ? + 84000, '摄影构图', 'wx0d52c88f10ab6e97' FROM activity WHERE id = 101 AND ? <= UNIX_TIMESTAMP()`

// pictures are the pages of which there is a picture.
var pictures = map[string]string{
	"now en 1280": "now", "job en 1280": "job", "text en 1280": "text", "stop en 1280": "stop",
	"now zh-CN 390": "phone", "account zh-CN 1280": "account", "events en 1280": "events", "hour zh-CN 768": "hour",
}

// Every page fits every screen, in both languages, in light and dark, and axe
// finds nothing on it that would keep somebody from using it.
func TestPages(t *testing.T) {
	s := newStage(t)
	pages := []struct{ name, path string }{
		{"now", "/console/"},
		{"jobs", "/console/jobs"},
		{"job", "/console/jobs/" + s.running.ID},
		{"paused", "/console/jobs/" + s.paused.ID},
		{"failed", "/console/jobs/" + s.failed.ID},
		{"done", "/console/jobs/" + s.done.ID},
		{"recipients", "/console/jobs/" + s.done.ID + "/recipients?outcome=skipped"},
		{"text", "/console/jobs/" + s.paused.ID + "/text"},
		{"cancel", "/console/jobs/" + s.running.ID + "/cancel"},
		{"restart", "/console/jobs/" + s.done.ID + "/restart"},
		{"hour", "/console/hour"},
		{"events", "/console/events?since=24h"},
		{"noevents", "/console/events?appid=wxnobody"},
		{"stop", "/console/stop"},
		{"restore", "/console/restore"},
		{"accounts", "/console/account"},
		{"account", "/console/account?appid=" + s.paused.AppID},
		{"person", "/console/person"},
		{"support", "/console/support"},
		{"nothing", "/console/nothing"},
		{"nojob", "/console/jobs/abc"},
	}
	looks := []look{{"en-GB,en;q=0.9", "en", "light", 1280}, {"zh-CN,zh;q=0.9", "zh-CN", "dark", 390}}
	if *every {
		looks = []look{
			{"en-GB,en;q=0.9", "en", "light", 0}, {"en-GB,en;q=0.9", "en", "dark", 0},
			{"zh-CN,zh;q=0.9", "zh-CN", "light", 0}, {"zh-CN,zh;q=0.9", "zh-CN", "dark", 0},
		}
	}
	looked := 0
	for _, look := range looks {
		t.Logf("%s, %s", look.lang, look.scheme)
		p := s.page(screens[2], look.languages, look.scheme)
		s.must(p.Open(s.ctx, s.URL+"/console/login"))
		s.fits(p, look.lang, "login")
		s.usable(p, look.lang, "login")
		s.login(p)
		for _, at := range pages {
			s.must(p.Open(s.ctx, s.URL+at.path))
			for _, screen := range screens {
				s.must(p.Resize(s.ctx, screen))
				s.fits(p, look.lang, at.name)
				if look.axe == 0 || screen.Width == look.axe {
					looked++
					s.usable(p, look.lang, at.name)
				}
				if name := pictures[fmt.Sprintf("%s %s %d", at.name, look.lang, screen.Width)]; name != "" {
					s.picture(p, name)
				}
			}
			s.must(p.Resize(s.ctx, screens[2]))
		}
		for _, fault := range p.Faults() {
			if !strings.Contains(fault, "status of 404") { // the pages that are not there on purpose
				t.Errorf("%s: %s", look.lang, fault)
			}
		}
	}
	t.Logf("axe looked %d times at pages", looked)
}

// look is how somebody looks at the pages.
type look struct {
	languages, lang, scheme string
	axe                     int // the width of the screen on which axe looks; 0 = on each
}

// fits says whether an open page is in the language and no wider than the screen.
func (s *stage) fits(p *chromium.Page, lang, name string) {
	s.t.Helper()
	wide, err := p.Run(s.ctx, `document.documentElement.scrollWidth > document.documentElement.clientWidth ? [...document.querySelectorAll("main *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName + "." + e.className).slice(0, 5).join(" ") || "wide" : ""`)
	s.must(err)
	if wide != "" {
		s.t.Errorf("%s, %s: scrolls sideways: %s", name, lang, wide)
	}
	if got, err := p.Run(s.ctx, "document.documentElement.lang"); err != nil || got != lang {
		s.t.Errorf("%s is in %s, %v", name, got, err)
	}
}

// usable says what axe finds.
func (s *stage) usable(p *chromium.Page, lang, name string) {
	s.t.Helper()
	found, err := p.Violations(s.ctx)
	s.must(err)
	for _, f := range found {
		s.t.Errorf("%s, %s: %s", name, lang, f)
	}
}

// A pause that is pressed on the page stops the sends, as WeChat sees it, and the
// page shows it by itself.
func TestPress_Pause(t *testing.T) {
	w := newWorld(t, func(c *daemon.Config) { c.Engine.Rate = 300 })
	s := &stage{world: w}
	var err error
	s.browser, err = chromium.Start(w.ctx, t.TempDir())
	w.must(err)
	defer s.browser.Close()
	acct, job := w.start(1, "wxpress", "高等数学 第二讲", accountOf(100_000))
	p := s.page(screens[0], "en", "light")
	s.login(p)
	s.must(acct.WaitSends(w.ctx, 50))
	s.must(p.Wait(w.ctx, `document.querySelector("li.job .facts dd").textContent.includes("/s")`))
	s.must(p.Click(w.ctx, `form[action$="/`+job.ID+`/pause"] button`))
	s.must(p.Wait(w.ctx, `document.querySelector(".chip.paused")`))
	// What is in flight ends; then nothing more is sent.
	s.await(job.ID, func(j client.Job) bool { return j.Owner == "" })
	before := acct.Stats().Sends
	select {
	case <-time.After(500 * time.Millisecond):
	case <-w.ctx.Done():
	}
	if after := acct.Stats().Sends; after != before || after == 0 {
		t.Errorf("%d sends after the pause, %d before", after-before, before)
	}
	s.must(p.Click(w.ctx, `form[action$="/`+job.ID+`/resume"] button`))
	s.must(acct.WaitSends(w.ctx, before+50))
	s.must(p.Wait(w.ctx, `document.querySelector(".chip.running")`))
	for _, fault := range p.Faults() {
		t.Error(fault)
	}
}
