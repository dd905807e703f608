package tokenclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pool is a PHP with so many workers. Each ask costs one of them d; whoever
// finds none waits in PHP's queue.
type pool struct {
	php
	workers chan struct{}
	d       time.Duration
	busiest int
}

// newPool is called where time is synctest's, for the channel belongs to that.
func newPool(workers int, d time.Duration) *pool {
	return &pool{php: php{answer: gives}, workers: make(chan struct{}, workers), d: d}
}

func (p *pool) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case p.workers <- struct{}{}:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	defer func() { <-p.workers }()
	p.mu.Lock()
	p.busiest = max(p.busiest, len(p.workers))
	p.mu.Unlock()
	time.Sleep(p.d) // PHP does not notice that its caller has gone
	return p.php.RoundTrip(r)
}

// askedFor lists the accounts in the order in which PHP was asked.
func (p *php) askedFor() (appids []string) {
	for n := range p.count() {
		appids = append(appids, p.param(n+1, "appid"))
	}
	return appids
}

// inTurns runs a test on synctest's clock with a client that asks a PHP so
// often at once.
func inTurns(t *testing.T, p *php, atOnce int, f func(t *testing.T, c *Client)) {
	inPool(t, func() *php { return p }, atOnce, func(t *testing.T, c *Client, _ *php) { f(t, c) })
}

// inPool runs a test on synctest's clock with a client of what open makes.
func inPool[P http.RoundTripper](t *testing.T, open func() P, atOnce int, f func(t *testing.T, c *Client, p P)) {
	synctest.Test(t, func(t *testing.T) {
		p := open()
		c, err := New(Options{URL: "https://php.example/token.php", Key: key, Transport: p, Seed: 1, AtOnce: atOnce, Logger: discard()})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		f(t, c, p)
	})
}

// until asks until there is a token, and comes back when it is told.
func until(t *testing.T, c *Client, appid string) time.Duration {
	began := time.Now()
	for {
		_, err := c.Token(t.Context(), appid, 1)
		var u *Unavailable
		if !errors.As(err, &u) {
			if err != nil {
				t.Errorf("%s: %v", appid, err)
			}
			return time.Since(began)
		}
		time.Sleep(u.RetryAfter)
	}
}

// all waits until n accounts have a token, which all want at once.
func all(t *testing.T, c *Client, n int) (last time.Duration) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			took := until(t, c, fmt.Sprint("wx", i))
			mu.Lock()
			defer mu.Unlock()
			last = max(last, took)
		})
	}
	wg.Wait()
	return last
}

func TestQueue_ManyAccountsAtOnce(t *testing.T) {
	for _, tc := range []struct {
		name    string
		workers int
		d       time.Duration
		within  time.Duration // of what the pool can do at best
		wasted  uint64
	}{
		{"PoolOf20", 20, 500 * time.Millisecond, 48 * time.Second, 0},
		{"PoolOf5", 5, 500 * time.Millisecond, 160 * time.Second, 0},
		{"PoolOfOneThatIsSlow", 1, 2 * time.Second, 1510 * 2 * time.Second, 16},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inPool(t, func() *pool { return newPool(tc.workers, tc.d) }, 0, func(t *testing.T, c *Client, _ *pool) {
				n := 1500
				if last := all(t, c, n); last > tc.within {
					t.Errorf("the last one after %v, want %v", last, tc.within)
				}
				if got := c.Counts(); got.Failures > tc.wasted || got.Asks > uint64(n)+tc.wasted {
					t.Errorf("%d asks, %d gave nothing", got.Asks, got.Failures)
				}
			})
		})
	}
}

func TestQueue_AtOnceIsASetting(t *testing.T) {
	inPool(t, func() *pool { return newPool(100, 500*time.Millisecond) }, 3, func(t *testing.T, c *Client, p *pool) {
		all(t, c, 30)
		if p.busiest != 3 {
			t.Errorf("%d at once, want 3", p.busiest)
		}
	})
}

// The wait for a turn is no part of an ask's time.
func TestQueue_WaitIsNotTimedOut(t *testing.T) {
	inPool(t, func() *pool { return newPool(1, 900*time.Millisecond) }, 1, func(t *testing.T, c *Client, _ *pool) {
		if last := all(t, c, 30); last < 26*time.Second || c.Counts().Failures != 0 {
			t.Errorf("the last one after %v, %d asks gave nothing", last, c.Counts().Failures)
		}
	})
}

func TestQueue_EarliestDeadlineFirst(t *testing.T) {
	p := &php{answer: gives, delay: time.Second}
	inTurns(t, p, 1, func(t *testing.T, c *Client) {
		for i, minutes := range []int{0, 30, 10, 20} {
			c.Due(fmt.Sprint("wx", i), time.Now().Add(time.Duration(minutes)*time.Minute))
		}
		c.Offer("works", "posted", time.Hour)
		c.Due("works", time.Now())
		time.Sleep(time.Hour - 199*time.Second) // it still works, and is to be renewed
		var wg sync.WaitGroup
		want := func(appid string) {
			wg.Go(func() { until(t, c, appid) })
			synctest.Wait()
		}
		for _, appid := range []string{"wx0", "works", "wx1", "wx2", "wx3", "person"} {
			want(appid)
		}
		wg.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		if got := strings.Join(p.askedFor(), " "); got != "wx0 person wx2 wx3 wx1 works" {
			t.Errorf("asked for %s", got)
		}
	})
}

// A token that comes with a job while its account waits for its turn spares
// the ask.
func TestQueue_PostedTokenComesFirst(t *testing.T) {
	p := &php{answer: gives, delay: time.Second}
	inTurns(t, p, 1, func(t *testing.T, c *Client) {
		go until(t, c, "wx0")
		synctest.Wait()
		var wg sync.WaitGroup
		wg.Go(func() {
			if took := until(t, c, "wx1"); took != 0 {
				t.Errorf("waited %v", took)
			}
		})
		synctest.Wait()
		c.Offer("wx1", "posted", 0)
		wg.Wait()
		time.Sleep(5 * time.Second)
		if got := strings.Join(p.askedFor(), " "); got != "wx0" {
			t.Errorf("asked for %s", got)
		}
	})
}

// Whoever has waited long for a turn is told so, and keeps the place.
func TestQueue_LongWait(t *testing.T) {
	p := &php{answer: gives, delay: 9 * time.Second}
	inTurns(t, p, 1, func(t *testing.T, c *Client) {
		for i := range 4 {
			go until(t, c, fmt.Sprint("wx", i))
		}
		synctest.Wait()
		began := time.Now()
		_, err := c.Token(t.Context(), "wx9", 1)
		u := mustPause(t, err, firstPause, firstPause*6/5)
		if time.Since(began) != longestTurn || !strings.Contains(u.Error(), "1 accounts wait for a token") {
			t.Errorf("after %v: %v", time.Since(began), u)
		}
		time.Sleep(u.RetryAfter)
		if took := until(t, c, "wx9"); took > 13*time.Second {
			t.Errorf("waited %v more", took)
		}
		if got := strings.Join(p.askedFor(), " "); !strings.HasSuffix(got, " wx9") || p.count() != 5 {
			t.Errorf("asked for %s", got)
		}
	})
}

// Nobody is asked for whose callers have gone long since.
func TestQueue_CallersGone(t *testing.T) {
	p := &php{answer: gives, delay: 9 * time.Second}
	inTurns(t, p, 1, func(t *testing.T, c *Client) {
		for i := range 9 {
			go until(t, c, fmt.Sprint("wx", i))
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Token(ctx, "wx9", 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		time.Sleep(3 * time.Minute)
		if got := strings.Join(p.askedFor(), " "); strings.Contains(got, "wx9") || p.count() != 9 {
			t.Errorf("asked for %s", got)
		}
	})
}

// An endpoint that does not answer is not asked by everybody in turn, and not
// by all who were told to wait at once when it is back.
func TestQueue_EndpointGone(t *testing.T) {
	var back time.Time
	p := &php{answer: func(n int, r *http.Request) (int, string) {
		if time.Now().Before(back) {
			return 502, "<h1>Bad Gateway</h1>"
		}
		return gives(n, r)
	}, delay: 500 * time.Millisecond}
	inTurns(t, p, 0, func(t *testing.T, c *Client) {
		back = time.Now().Add(5 * time.Minute)
		var busy, busiest int
		answer := p.answer
		p.answer = func(n int, r *http.Request) (int, string) {
			if status, body := answer(n, r); status != 200 {
				return status, body
			}
			p.mu.Lock()
			busy++
			busiest = max(busiest, busy)
			p.mu.Unlock()
			time.Sleep(time.Second)
			p.mu.Lock()
			busy--
			p.mu.Unlock()
			return gives(n, r)
		}
		var wg sync.WaitGroup
		wg.Go(func() { all(t, c, 500) })
		time.Sleep(time.Minute)
		if h := c.Health(); h.Failing != 500 || !strings.Contains(h.Err, "502") {
			t.Errorf("health: %+v", h)
		}
		if n := c.Counts().Failures; n > 20 {
			t.Errorf("%d asks in a minute without an answer", n)
		}
		wg.Wait()
		if got := c.Counts(); got.Failures > 40 || got.Asks != got.Failures+500 {
			t.Errorf("%+v", got)
		}
		if took := time.Since(back); took > 3*time.Minute {
			t.Errorf("the last one %v after it was back", took)
		}
		if busiest > 16 {
			t.Errorf("%d at once when it was back", busiest)
		}
	})
}

// What PHP asks for by Retry-After is done, within bounds.
func TestClient_RetryAfter(t *testing.T) {
	for _, tc := range []struct {
		header string
		wait   time.Duration
	}{
		{"2", 2 * time.Second}, {"30", 30 * time.Second}, {" 7 ", 7 * time.Second},
		{"0", firstPause}, {"-3", firstPause}, {"soon", firstPause}, {"", firstPause},
		{"86400", longestPause}, {"99999999999999999999", firstPause},
		{"Sat, 01 Jan 2000 00:00:20 GMT", 20 * time.Second}, // synctest begins in 2000
		{"Sat, 01 Jan 2000 00:00:00 GMT", firstPause},
	} {
		t.Run(tc.header, func(t *testing.T) {
			p := &php{answer: always(503, `{"code":1,"msg":"ask again"}`), header: http.Header{"Retry-After": {tc.header}}}
			inBubble(t, p, func(t *testing.T, c *Client, _ *bytes.Buffer) {
				_, err := c.Token(t.Context(), "wx1", 42)
				u := mustPause(t, err, tc.wait, tc.wait*6/5)
				time.Sleep(u.RetryAfter - 1)
				_, err = c.Token(t.Context(), "wx1", 42)
				mustPause(t, err, 1, 1)
				time.Sleep(time.Nanosecond)
				_, err = c.Token(t.Context(), "wx1", 42)
				mustPause(t, err, min(tc.wait, firstPause), 12*time.Second+tc.wait*6/5) // a date is past by now
				if p.count() != 2 {
					t.Errorf("%d asks", p.count())
				}
			})
		})
	}
}

// PHP that has no place for all is asked less at once, and heard.
func TestQueue_TooManyRequests(t *testing.T) {
	const places = 5
	var busy int
	p := &php{header: http.Header{"Retry-After": {"1"}}}
	p.answer = func(n int, r *http.Request) (int, string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if busy >= places {
			return 429, `{"code":1,"msg":"ask again"}`
		}
		busy++
		p.mu.Unlock()
		time.Sleep(500 * time.Millisecond)
		p.mu.Lock()
		busy--
		return gives(n, r)
	}
	inTurns(t, p, 16, func(t *testing.T, c *Client) {
		if last := all(t, c, 500); last > 75*time.Second { // 50 s at best
			t.Errorf("the last one after %v", last)
		}
		if n := c.Counts(); n.Failures > n.Asks/4 {
			t.Errorf("%+v", n)
		}
	})
}

// What a web server says in PHP's place says nothing of the account.
func TestParseAnswer_Lost(t *testing.T) {
	for _, tc := range []struct {
		status int
		body   string
		lost   bool
	}{
		{502, "<h1>Bad Gateway</h1>", true}, {503, "", true}, {504, "x", true}, {429, "slow down", true},
		{502, `{"code":40164,"msg":"x"}`, false}, {503, `{"code":1,"msg":"x"}`, false},
		{500, "Fatal error", false}, {404, "<h1>Not Found</h1>", false}, {200, "x", false}, {200, `{"access_token":"x"}`, false},
	} {
		if got := parseAnswer(tc.status, []byte(tc.body)).lost; got != tc.lost {
			t.Errorf("%d %s: lost %v", tc.status, tc.body, got)
		}
	}
}

func TestClient_CloseEndsTheQueue(t *testing.T) {
	p := &php{answer: gives, delay: time.Minute}
	inTurns(t, p, 1, func(t *testing.T, c *Client) {
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if _, err := c.Token(t.Context(), fmt.Sprint("wx", i), 1); err == nil {
					t.Error("got a token")
				}
			})
		}
		synctest.Wait()
		c.Close()
		wg.Wait()
		if p.count() != 1 {
			t.Errorf("%d asks", p.count())
		}
	})
}
