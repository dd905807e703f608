package host_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"pushd/api/client"
	"pushd/deploy/php/phptest"
	"pushd/internal/rig"
)

// While receipts keep all workers of their pool, here by a table that is locked, the
// pages have workers of their own. With one pool for both there would be none left.
func TestWeb_PagesWhileReceiptsWait(t *testing.T) {
	t.Parallel()
	const receipts, workers = 40, 6                                                              // more than all pools have; those of deploy/php-fpm/callback.conf
	w := newWeb(t, receipts, phptest.WebOptions{Settings: phptest.Settings{"receipts": "true"}}) // PHP hands them on
	w.channel(11, alice, "x", time.Now().Add(3*time.Hour), 0)
	f, b := w.flood(t.Context()), w.browser()
	unlock := w.lock("host_receipt")
	over := f.post(0, receipts)
	w.waiting(workers)
	const which = "SELECT COALESCE(SUM(ID), 0) FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for%' AND USER = ?"
	before := w.number(which, w.settings["db_user"])
	for range 3 {
		if got := b.page("/watch/11"); got.status != 200 {
			t.Errorf("%d %s", got.status, got.text)
		}
	}
	if after := w.number(which, w.settings["db_user"]); after != before {
		t.Error("the pages were answered after receipts: they have waited for their workers")
	}
	unlock()
	<-over
}

// The receipts of a job come as fast as nginx and PHP take them, and all of them
// reach pushd. Pages are answered meanwhile.
func TestWeb_PagesWhileReceiptsCome(t *testing.T) {
	const followers = 5_000
	w := newWeb(t, followers, phptest.WebOptions{})
	w.enable(alice, "wxalice")
	w.channel(11, alice, "x", time.Now().Add(3*time.Hour), 0)
	job, err := w.Post(t.Context(), rig.Channel{ActID: 11, AppID: "wxalice"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if job, err = w.Await(ctx, job.ID, client.Job.Ended); err != nil || job.Sent != followers {
		t.Fatalf("%v: sent %d", err, job.Sent)
	}
	f, b := w.flood(ctx), w.browser()
	over, pages := f.post(0, followers), 0
	for busy := true; busy; pages++ {
		if got := b.page("/watch/11"); got.status != 200 {
			t.Errorf("%d %s", got.status, got.text)
		}
		select {
		case <-over:
			busy = false
		default:
		}
	}
	t.Logf("%d pages while %d receipts came", pages, followers)
	job, err = w.Await(ctx, job.ID, func(j client.Job) bool { return j.Receipts != nil && j.Receipts.Delivered == followers })
	if err != nil {
		t.Errorf("%v: %+v", err, job.Receipts)
	}
}

// flood posts the receipts of an account's followers, many at once.
type flood struct {
	letterbox
	ctx    context.Context
	client *http.Client
}

// flooding is how many receipts are under way at once.
const flooding = 32

func (w *webSite) flood(ctx context.Context) *flood {
	f := &flood{ctx: ctx, letterbox: letterbox{w.browser(), "wxalice", w.login(alice).card().Token}}
	f.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: flooding}}
	w.t.Cleanup(f.client.CloseIdleConnections)
	return f
}

// post posts those of the followers from first to before last.
func (f *flood) post(first, last int) (over chan struct{}) {
	var all sync.WaitGroup
	next := make(chan int, last-first)
	for i := range last - first {
		next <- first + i
	}
	close(next)
	for range flooding {
		all.Go(func() {
			for i := range next {
				f.one(i)
			}
		})
	}
	over = make(chan struct{})
	go func() {
		all.Wait()
		close(over)
	}()
	return over
}

func (f *flood) one(i int) {
	body := receipt(f.Sim.Find(f.appid).OpenID(i), int64(i), "success")
	r, err := http.NewRequestWithContext(f.ctx, http.MethodPost, f.host+"/wechat/callback?"+f.signed(time.Now(), fmt.Sprint("n", i)).Encode(), strings.NewReader(body))
	if err != nil {
		f.t.Error(err)
		return
	}
	resp, err := f.client.Do(r)
	if err != nil {
		f.t.Error(err)
		return
	}
	if got := readAll(f.t, resp); resp.StatusCode != 200 || got != "success" {
		f.t.Errorf("%d %s", resp.StatusCode, got)
	}
}
