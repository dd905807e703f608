package host_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pushd/deploy/php/phptest"
	"pushd/internal/chromium"
	"pushd/internal/wechatsim"
)

// An owner chooses whom to remind, two viewers scan on their phones, one of them
// unsubscribes, cron runs: exactly those whom the audience holds have the message,
// as WeChat's ledger says, the receipts come in, and the owner reads how many were
// reached. What the pages of the two said comes true.
func TestWalk_Audiences(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	b, err := chromium.Start(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for name, c := range map[string]struct {
		audience string
		button   bool // on the watch page
		// reached are those who get the message: stay is the viewer who stays.
		reached func(a *wechatsim.Account, stay string) []string
	}{
		"subscribers": {"subscribers", true, func(a *wechatsim.Account, stay string) []string { return []string{stay} }},
		"tag":         {fmt.Sprint("tag:", classOf), false, func(a *wechatsim.Account, _ string) []string { return a.Tagged(classOf) }},
		"followers": {"followers", true, func(a *wechatsim.Account, stay string) []string {
			all := []string{stay}
			for i := range 40 {
				all = append(all, a.OpenID(i))
			}
			return all
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := &walk{tour: &tour{site: newSite(t, 40), ctx: ctx}}
			w.acct = w.Sim.Find("wxalice")
			w.setUp(b, c.audience)
			stay, leave := w.scan(b, c.button), w.scan(b, c.button)
			w.leave(leave)
			w.remind()
			w.judge(c.reached(w.acct, stay.openid))
			w.receipts(func() { w.handOn() })
			w.after(stay, c.audience)
		})
	}
}

// The same behind nginx and php-fpm: pushd has its tokens from there, and the receipts
// by nginx alone, past PHP.
func TestWalk_Web(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	b, err := chromium.Start(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	w := &walk{tour: &tour{site: newWeb(t, 40, phptest.WebOptions{}).site, ctx: ctx}}
	w.acct = w.Sim.Find("wxalice")
	w.setUp(b, "subscribers")
	stay := w.scan(b, true)
	w.remind()
	w.judge([]string{stay.openid})
	w.receipts(func() {})
	w.after(stay, "subscribers")
	if n := w.number("SELECT COUNT(*) FROM host_receipt"); n != 0 {
		t.Errorf("PHP has written down %d receipts", n)
	}
}

type walk struct {
	*tour
	job string
}

// viewerOf is a viewer, their phone and who they are to the account.
type viewerOf struct {
	page   *chromium.Page
	openid string
}

// setUp is an owner who makes a channel for an audience, and connects the callback.
func (w *walk) setUp(b *chromium.Browser, audience string) {
	w.t.Helper()
	w.enable(alice, "wxalice")
	w.owner = w.open(b, chromium.Desktop, "Asia/Shanghai")
	w.login()
	w.must(w.owner.Open(w.ctx, w.host+"/channels/new"))
	w.must(w.owner.Fill(w.ctx, "[name=title]", title))
	w.must(w.owner.Fill(w.ctx, "[name=start_time]", time.Now().Add(25*time.Minute).In(shanghai).Format("2006-01-02T15:04"))) // due
	choice := fmt.Sprintf("[name=audience][value=%q]", audience)
	w.wait(fmt.Sprintf("document.querySelector(%q)", choice))
	w.must(w.owner.Click(w.ctx, choice))
	w.must(w.owner.Click(w.ctx, "#channel .primary"))
	w.wait(`document.querySelector("#ask-box").open`) // it goes out within a minute
	w.must(w.owner.Click(w.ctx, "#ask-box .primary"))
	w.wait(`/^\/channels\/\d+$/.test(location.pathname)`)
	var err error
	w.act, err = w.owner.Run(w.ctx, `location.pathname.split("/")[2]`)
	w.must(err)
	card := w.site.login(alice).card()
	w.acct.SetCallback(&wechatsim.Callback{URL: w.host + strings.TrimPrefix(card.URL, public), Token: card.Token, JobFinish: true})
	w.must(w.acct.VerifyCallback(w.ctx))
}

// scan is a new follower who subscribes on the watch page and comes back by the
// link of WeChat's answer. Where a tag is reminded the page offers no code, and
// they follow by themselves.
func (w *walk) scan(b *chromium.Browser, button bool) viewerOf {
	w.t.Helper()
	v := viewerOf{page: w.open(b, chromium.Phone, "Asia/Shanghai")}
	w.must(v.page.Open(w.ctx, w.host+"/watch/"+w.act))
	if !button {
		if got := w.text(v.page, "body"); !strings.Contains(got, "只提醒主播选定的粉丝") || strings.Contains(got, "订阅开播提醒") {
			w.t.Errorf("what a tag's page says: %s", got)
		}
		v.openid = w.acct.Follow()
		return v
	}
	w.must(v.page.Click(w.ctx, "#subscribe"))
	var err error
	v.openid, err = w.acct.Scan(w.ticket(v.page, "#panel img"), "")
	w.must(err)
	w.must(v.page.Wait(w.ctx, `!document.querySelector("#ask").hidden`))
	var ref string
	w.must(w.DB.QueryRowContext(w.ctx, "SELECT ref FROM host_follow WHERE openid = ?", v.openid).Scan(&ref))
	w.must(v.page.Open(w.ctx, w.host+"/watch/"+w.act+"?f="+ref))
	w.must(v.page.Wait(w.ctx, `document.querySelector("#done").textContent == "✓ 已订阅，提醒即将发出"`))
	return v
}

// leave is a viewer who wants no reminder: on the page where that is enough, else
// by leaving the account.
func (w *walk) leave(v viewerOf) {
	w.t.Helper()
	on, err := v.page.Run(w.ctx, `!document.querySelector("#leave").hidden`)
	w.must(err)
	if on == "true" {
		w.must(v.page.Click(w.ctx, "#leave"))
		w.must(v.page.Wait(w.ctx, `document.querySelector("#leave").hidden && !document.querySelector("#subscribe").hidden`))
		return
	}
	before := w.acct.Stats().Callbacks
	w.acct.Unfollow(v.openid)
	w.must(w.acct.Wait(w.ctx, func(s wechatsim.Stats) bool { return s.Callbacks > before }))
}

func (w *walk) remind() {
	w.t.Helper()
	run := w.php.Cron(w.ctx, w.t)
	if run.Code != 0 || !strings.Contains(run.Stdout, "accepted") {
		w.t.Fatalf("cron: %+v", run)
	}
	w.job = strings.Fields(run.Stdout[strings.Index(run.Stdout, "job=")+4:])[0]
	w.eventually(func() bool {
		job, err := w.API().Job(w.ctx, w.job)
		w.must(err)
		return job.State == "succeeded"
	})
}

// judge asks WeChat's ledger who has the message.
func (w *walk) judge(want []string) {
	w.t.Helper()
	job, err := w.API().Job(w.ctx, w.job)
	w.must(err)
	var got []string
	w.acct.Delivered(job.MsgID, func(openid string, times int) bool {
		if times != 1 {
			w.t.Errorf("%s has it %d times", openid, times)
		}
		got = append(got, openid)
		return true
	})
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.t.Errorf("%v have it, want %v", got, want)
	}
	if job.Sent != int64(len(want)) {
		w.t.Errorf("the job counts %d", job.Sent)
	}
}

// receipts come in at the callback, go on to pushd, and the owner reads them.
func (w *walk) receipts(handOn func()) {
	w.t.Helper()
	job, err := w.API().Job(w.ctx, w.job)
	w.must(err)
	w.must(w.acct.Wait(w.ctx, func(s wechatsim.Stats) bool { return s.Callbacks >= job.Sent }))
	w.eventually(func() bool {
		handOn()
		job, err = w.API().Job(w.ctx, w.job)
		w.must(err)
		return job.Receipts != nil && job.Receipts.Delivered == job.Sent
	})
	w.must(w.owner.Open(w.ctx, w.host+"/channels/"+w.act))
	w.wait(fmt.Sprintf(`document.querySelector("#reminder").innerText.includes("已送达 %d 人，送达率 100.0%%")`, job.Sent))
}

// after is the page of a viewer who stayed, once the reminder is out.
func (w *walk) after(v viewerOf, audience string) {
	w.t.Helper()
	want := map[string]string{"subscribers": "提醒已发出，请在微信中查看", "followers": "提醒已发出，请在微信中查看"}[audience]
	if want == "" {
		want = "本场提醒已发出；直播"
	}
	w.must(v.page.Open(w.ctx, w.host+"/watch/"+w.act))
	if got := w.text(v.page, "body"); !strings.Contains(got, want) {
		w.t.Errorf("after the reminder the page says %s", got)
	}
	for _, fault := range v.page.Faults() {
		w.t.Error(fault)
	}
}
