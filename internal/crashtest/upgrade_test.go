package crashtest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"

	"pushd/api/client"
)

func upgradeScenarios() []scenario {
	return []scenario{
		{name: "three pushd behind a proxy, replaced one by one", run: rollingUpgrade},
	}
}

// rollingUpgrade replaces the processes one by one while jobs run and a host
// posts without a pause by way of a proxy that looks at /readyz: everybody is told
// once, and every POST is taken.
func rollingUpgrade(w *World) {
	w.Set("PUSHD_LEASE", lease.String())
	b := newBalancer(w)
	crew := make([]*Process, 3)
	for i := range crew {
		crew[i] = w.Start(fmt.Sprintf("crew-%d", i))
		b.use(i, crew[i])
	}
	w.Until("the proxy knows all", 20*time.Second, func() bool { return b.ready() == len(crew) })
	jobs := make([]*Job, size(30, 100))
	for i := range jobs {
		people := 40
		if i < 3 {
			people = size(3000, 10_000) // these outlast the upgrade
		}
		jobs[i] = w.NewChannel(people, nil)
	}
	stop := b.post(jobs)
	w.AwaitSends(jobs[2], 200)
	for i, old := range crew {
		took, exit, err := old.Terminate(drainTimeout)
		w.must(err)
		w.Row.Stops++
		if exit != 0 {
			w.Errorf("exit code %d after SIGTERM, %s", exit, took)
		}
		crew[i] = w.Start(fmt.Sprintf("crew-%d", i))
		b.use(i, crew[i])
		w.Until("the proxy knows the new one", 20*time.Second, func() bool { return b.ready() == len(crew) })
	}
	posts, lost := stop()
	for _, text := range lost {
		w.Error(text)
	}
	for _, j := range jobs {
		w.Finish(crew[0], j, Verdict{})
	}
	w.Row.Note = fmt.Sprintf("%d POSTs meanwhile, all taken", posts)
}

// balancer is a proxy in front of several pushd, which sends nothing again.
type balancer struct {
	w      *World
	server *httptest.Server

	mu       sync.Mutex
	backends map[int]*backend
	turn     int
}

// backend is one of them.
type backend struct {
	proxy  *httputil.ReverseProxy
	health string
	ready  bool
	looked time.Time // when the look began that said so
}

// lookEvery is how often the proxy looks at /readyz.
const lookEvery = 300 * time.Millisecond

func newBalancer(w *World) *balancer {
	b := &balancer{w: w, backends: map[int]*backend{}}
	b.server = httptest.NewServer(http.HandlerFunc(b.pass))
	ctx, cancel := context.WithCancel(w.Context())
	var looks sync.WaitGroup
	looks.Go(func() {
		for ctx.Err() == nil {
			b.look(ctx)
			time.Sleep(lookEvery)
		}
	})
	w.Cleanup(func() {
		cancel()
		looks.Wait()
		b.server.Close()
	})
	return b
}

// use puts a process into a place; it gets no request before it is ready.
func (b *balancer) use(place int, p *Process) {
	to, err := url.Parse(p.URL)
	b.w.must(err)
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorHandler = func(rw http.ResponseWriter, _ *http.Request, err error) {
		http.Error(rw, err.Error(), http.StatusBadGateway)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backends[place] = &backend{proxy: proxy, health: p.URL + "/readyz"}
}

// look asks all of them whether they are ready.
func (b *balancer) look(ctx context.Context) {
	b.mu.Lock()
	all := make([]*backend, 0, len(b.backends))
	for _, one := range b.backends {
		all = append(all, one)
	}
	b.mu.Unlock()
	for _, one := range all {
		began, ready := time.Now(), false
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, one.health, nil)
		if err == nil {
			if resp, err := http.DefaultClient.Do(req); err == nil {
				ready = resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
			}
		}
		b.mu.Lock()
		one.ready, one.looked = ready, began
		b.mu.Unlock()
	}
}

// ready is how many are.
func (b *balancer) ready() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, one := range b.backends {
		if one.ready {
			n++
		}
	}
	return n
}

// next is whose turn it is among those that are ready; nil if none is.
func (b *balancer) next() *backend {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.backends {
		b.turn++
		if one := b.backends[b.turn%len(b.backends)]; one.ready {
			return one
		}
	}
	return nil
}

// pass hands a request on. On a machine so busy that the looks are late it looks
// by itself.
func (b *balancer) pass(rw http.ResponseWriter, r *http.Request) {
	one := b.next()
	if one != nil && b.late(one) {
		b.look(r.Context())
		one = b.next()
	}
	if one == nil {
		http.Error(rw, "nobody is ready", http.StatusBadGateway)
		return
	}
	one.proxy.ServeHTTP(rw, r)
}

// late says that the last look at a backend is older than it should be.
func (b *balancer) late(one *backend) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Since(one.looked) > 2*lookEvery
}

// posters is how many post at once.
const posters = 5

// post posts the jobs one after the other, again and again, several at a time.
// stop ends that, and says how many posts there were and which were lost.
func (b *balancer) post(jobs []*Job) (stop func() (posts int, lost []string)) {
	ctx, cancel := context.WithCancel(b.w.Context())
	var (
		mu    sync.Mutex
		posts int
		lost  []string
		all   sync.WaitGroup
	)
	for first := range posters {
		all.Go(func() {
			for i := first; ctx.Err() == nil || i < len(jobs); i += posters {
				err := b.postOne(jobs[i%len(jobs)])
				mu.Lock()
				if posts++; err != nil {
					lost = append(lost, fmt.Sprintf("POST %d: %v", i, err))
				}
				mu.Unlock()
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	return func() (int, []string) {
		cancel()
		all.Wait()
		return posts, lost
	}
}

// postOne posts a job. That it was told already is an answer, too.
func (b *balancer) postOne(j *Job) error {
	token, _ := j.Account.StableToken(false)
	to := client.Client{URL: b.server.URL, Key: apiKey}
	job, err := to.Post(b.w.Context(), client.Order{
		ActID: j.Channel.ActID, AppID: j.Channel.AppID, Secret: appSecret + j.Channel.AppID, AccessToken: token,
	})
	if client.Status(err) == http.StatusConflict {
		return nil
	}
	if err == nil {
		j.ID = job.ID
	}
	return err
}
