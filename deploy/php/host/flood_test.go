package host_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pushd/api/client"
	"pushd/deploy/php/phptest"
	"pushd/internal/rig"
)

// The receipts of a job come as fast as nginx and PHP take them, and all of them
// reach pushd. Meanwhile viewers' pages take a few times as long as without, which
// is what the processors need: in one pool with the receipts, ten and more times.
func TestWeb_PagesWhileReceiptsCome(t *testing.T) {
	const followers, rounds = 10_000, 10
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
	f := w.flood(ctx)
	b := w.browser()
	page := func() time.Duration {
		began := time.Now()
		if got := b.page("/watch/11"); got.status != 200 {
			t.Errorf("%d %s", got.status, got.text)
		}
		return time.Since(began)
	}
	page()                           // the first one fills PHP's cache of compiled files
	var alone, among []time.Duration // by turns: the machine may have other work
	for round := range rounds {
		for range 20 {
			alone = append(alone, page())
		}
		over := f.post(round*followers/rounds, (round+1)*followers/rounds)
		for busy := true; busy; {
			among = append(among, page())
			select {
			case <-over:
				busy = false
			default:
			}
		}
	}
	job, err = w.Await(ctx, job.ID, func(j client.Job) bool { return j.Receipts != nil && j.Receipts.Delivered == followers })
	if err != nil {
		t.Errorf("%v: %+v", err, job.Receipts)
	}
	slices.Sort(alone)
	slices.Sort(among)
	usual, then := alone[len(alone)/2], among[len(among)/2]
	t.Logf("a page takes %v, while receipts come %v (%d pages)", usual, then, len(among))
	if then > 6*usual {
		t.Errorf("a page takes %.1f times as long while receipts come", float64(then)/float64(usual))
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
