package wechatsim

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// bubble is a rig without a network, for testing/synctest.
func bubble(t *testing.T, opts AccountOptions) *rig {
	r := &rig{t: t, sim: New(Options{Seed: 7})}
	r.acct = r.sim.Account(testApp, opts)
	t.Cleanup(r.sim.Close)
	return r
}

// inside sends without a network.
func (r *rig) inside(ctx context.Context, openid, id string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, "POST", "http://sim/cgi-bin/message/template/send?access_token="+r.token(),
		strings.NewReader(r.body(openid, id)))
	if err != nil {
		return answer{}, err
	}
	resp, err := r.sim.Transport().RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	var a answer
	return a, json.NewDecoder(resp.Body).Decode(&a)
}

// together sends to n recipients at once and counts the answers by code.
func (r *rig) together(n int) map[int]int {
	codes, mu, wg := map[int]int{}, sync.Mutex{}, sync.WaitGroup{}
	for i := range n {
		wg.Go(func() {
			a, err := r.inside(context.Background(), r.acct.OpenID(i), "job1")
			if err != nil {
				a.Code = -99
			}
			mu.Lock()
			defer mu.Unlock()
			codes[a.Code]++
		})
	}
	wg.Wait()
	return codes
}

func TestLimit_InFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := Default()
		b.Latency, b.InFlightLimit, b.LimitAccepts = Fixed(100*time.Millisecond), 40, 0.5
		r := bubble(t, AccountOptions{Followers: 200, Behaviour: &b})
		start := time.Now()
		codes := r.together(100)
		if codes[0] != 40 || codes[-1] != 60 {
			t.Errorf("answers are %v, want 40 good ones", codes)
		}
		if took := time.Since(start); took != 100*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		got := r.acct.Report("job1")
		if got.Once < 55 || got.Once > 85 {
			t.Errorf("%d delivered, want about 40 and half of 60", got.Once)
		}
		if stats := r.acct.Stats(); stats.MaxInFlight != 100 || stats.InFlight != 0 {
			t.Errorf("stats is %+v", stats)
		}
		r.acct.Tune(func(b *Behaviour) { b.InFlightLimit = 80 })
		if codes := r.together(100); codes[-1] != 20 {
			t.Errorf("after the limit moved the answers are %v", codes)
		}
	})
}

// A send beyond the limit keeps its place until it is answered, or takes none
// and is answered at once.
func TestLimit_Refusing(t *testing.T) {
	for _, tc := range []struct {
		refusing Refusing
		took     time.Duration // the second dozen, 50 ms after the first
		codes    map[int]int   // of its answers
	}{
		{RefusesLate, 100 * time.Millisecond, map[int]int{0: 2, -1: 10}},
		{RefusesHeld, 100 * time.Millisecond, map[int]int{-1: 12}},
		{RefusesAtOnce, 100 * time.Millisecond, map[int]int{0: 2, -1: 10}},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := Default()
			b.Latency, b.InFlightLimit, b.Refusing = Fixed(100*time.Millisecond), 10, tc.refusing
			r := bubble(t, AccountOptions{Followers: 100, Behaviour: &b})
			go r.together(12) // two are refused
			time.Sleep(50 * time.Millisecond)
			r.acct.Tune(func(b *Behaviour) { b.InFlightLimit = 12 })
			start := time.Now()
			if codes := r.together(12); !maps.Equal(codes, tc.codes) {
				t.Errorf("%q: answers are %v, want %v", tc.refusing, codes, tc.codes)
			}
			if took := time.Since(start); took != tc.took {
				t.Errorf("%q: it took %v", tc.refusing, took)
			}
			start = time.Now()
			r.acct.Tune(func(b *Behaviour) { b.InFlightLimit = 1; b.SendsPerSecond = 0.001 })
			r.together(1)
			r.together(1) // beyond the rate
			if took := time.Since(start); took < 200*time.Millisecond != (tc.refusing == RefusesAtOnce) {
				t.Errorf("%q: an answer and a refusal took %v", tc.refusing, took)
			}
		})
	}
}

func TestLimit_PerSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := Default()
		b.SendsPerSecond, b.SendsSaved = 20, time.Second/2
		r := bubble(t, AccountOptions{Followers: 200, Behaviour: &b})
		for _, step := range []struct {
			rest time.Duration
			good int
		}{{0, 10}, {time.Second / 4, 5}, {time.Hour, 10}} {
			time.Sleep(step.rest)
			if codes := r.together(30); codes[0] != step.good || codes[-1] != 30-step.good {
				t.Errorf("answers are %v, want %d good ones", codes, step.good)
			}
		}
	})
}

// What a model says that it lets through is what comes through when much more
// is in flight, and no model is harder than another by its setting.
func TestLimitModels(t *testing.T) {
	const limit, seconds = 100, 20
	for _, m := range LimitModels() {
		synctest.Test(t, func(t *testing.T) {
			b := Default()
			m.Apply(&b, limit)
			r := bubble(t, AccountOptions{Followers: 200, Behaviour: &b})
			ctx, cancel := context.WithTimeout(t.Context(), seconds*time.Second)
			defer cancel()
			var wg sync.WaitGroup
			for i := range limit {
				wg.Go(func() {
					for ctx.Err() == nil {
						r.inside(ctx, r.acct.OpenID(i), "job1")
					}
				})
			}
			wg.Wait()
			if got := float64(r.acct.Stats().Codes[0]) / seconds / m.PerSecond(limit); got < 0.85 || got > 1.05 {
				t.Errorf("%s: %.3f of the limit with as many in flight", m.Name, got)
			}
		})
	}
}

func TestLimit_SlowBeyond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := Default()
		b.Latency, b.SlowBeyond = Fixed(100*time.Millisecond), 10
		r := bubble(t, AccountOptions{Followers: 200, Behaviour: &b})
		start := time.Now()
		r.together(20)
		if took := time.Since(start); took != 200*time.Millisecond {
			t.Errorf("twice as many took %v", took)
		}
	})
}

func TestSend_CallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := Default()
		b.Latency = Fixed(100 * time.Millisecond)
		r := bubble(t, AccountOptions{Followers: 100, Behaviour: &b})
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				if _, err := r.inside(ctx, r.acct.OpenID(i), "job1"); err == nil {
					t.Error("an answer came too early")
				}
			})
		}
		wg.Wait()
		got := r.acct.Report("job1")
		if got.Once < 30 || got.Once > 70 || r.acct.Stats().Gone != 100 {
			t.Errorf("%d of 100 were delivered, want about half", got.Once)
		}
		r.together(100)
		if got := r.acct.Report("job1"); got.Once != 100 || got.AfterGone != 100 || got.Needless() != 100 {
			t.Errorf("report is %+v", got)
		}
	})
}

func TestSend_Overlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := Default()
		b.Latency = Fixed(100 * time.Millisecond)
		r := bubble(t, AccountOptions{Followers: 1, Behaviour: &b})
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { r.inside(context.Background(), r.acct.OpenID(0), "job1") })
		}
		wg.Wait()
		if got := r.acct.Report("job1"); got.Once != 1 || got.Overlaps != 1 {
			t.Errorf("report is %+v", got)
		}
	})
}

func TestSend_StaleAnswersComeLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := Default()
		b.StaleDelay = 3 * time.Second
		r := bubble(t, AccountOptions{Followers: 1, Behaviour: &b})
		r.acct.ExpireToken(0) // there is none yet
		stale := r.token()
		r.acct.RevokeToken()
		start := time.Now()
		req, _ := http.NewRequest("POST", "http://sim/cgi-bin/message/template/send?access_token="+stale,
			strings.NewReader(r.body(r.acct.OpenID(0), "job1")))
		resp, err := r.sim.Transport().RoundTrip(req)
		if err != nil || resp.StatusCode != 200 || time.Since(start) != 3*time.Second {
			t.Errorf("answer is %v, %v after %v", resp, err, time.Since(start))
		}
	})
}

func TestQuota_MinuteAndDay(t *testing.T) {
	b := Default()
	b.SendsPerMinute, b.SendsPerDay = 3, 5
	r := newRig(t, AccountOptions{Followers: 20, Behaviour: &b})
	var codes []int
	for i := range 8 {
		codes = append(codes, r.send(r.acct.OpenID(i), "job1").Code)
		if i == 3 {
			r.sim.Advance(time.Minute)
		}
	}
	for i, want := range []int{0, 0, 0, 45011, 0, 0, 45009, 45009} {
		if codes[i] != want {
			t.Fatalf("codes are %v", codes)
		}
	}
	got := r.quota()
	if got.Quota.Limit != 5 || got.Quota.Used != 5 || got.Quota.Remain != 0 || got.Rate.Count != 3 {
		t.Errorf("quota is %+v", got)
	}
	if a, err := r.post("/cgi-bin/clear_quota", `{"appid":"`+testApp+`"}`); err != nil || a.Code != 0 {
		t.Errorf("clear_quota answers %+v, %v", a, err)
	}
	if a := r.send(r.acct.OpenID(7), "job1"); a.Code != 0 {
		t.Errorf("after clear_quota the answer is %+v", a)
	}
	for range 9 {
		r.post("/cgi-bin/clear_quota", `{"appid":"`+testApp+`"}`)
	}
	if a, _ := r.post("/cgi-bin/clear_quota", `{"appid":"`+testApp+`"}`); a.Code != 48006 {
		t.Errorf("the eleventh clear_quota answers %+v", a)
	}
}

func TestQuota_MidnightInChina(t *testing.T) {
	b := Default()
	b.SendsPerDay = 1
	r := newRig(t, AccountOptions{Followers: 20, Behaviour: &b}) // 20:00 in China
	r.send(r.acct.OpenID(0), "job1")
	r.sim.Advance(4*time.Hour - time.Second)
	if a := r.send(r.acct.OpenID(1), "job1"); a.Code != 45009 {
		t.Errorf("before midnight the answer is %+v", a)
	}
	r.sim.Advance(time.Second)
	if a := r.send(r.acct.OpenID(1), "job1"); a.Code != 0 {
		t.Errorf("at midnight the answer is %+v", a)
	}
	if a, _ := r.post("/cgi-bin/openapi/quota/get", `{"cgi_path":"message/template/send"}`); a.Code != 76021 {
		t.Errorf("a path without slash answers %+v", a)
	}
}

type quotaAnswer struct {
	Quota struct {
		Limit  int `json:"daily_limit"`
		Used   int `json:"used"`
		Remain int `json:"remain"`
	} `json:"quota"`
	Rate struct {
		Count int `json:"call_count"`
	} `json:"rate_limit"`
}

func (r *rig) quota() (out quotaAnswer) {
	r.t.Helper()
	_, text, err := r.raw("POST", "/cgi-bin/openapi/quota/get?access_token="+r.token(), `{"cgi_path":"/cgi-bin/message/template/send"}`)
	if err == nil {
		err = json.Unmarshal([]byte(text), &out)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}
