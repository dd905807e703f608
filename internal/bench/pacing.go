package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"pushd/internal/wechatsim"
)

// throughputRow compares what comes through with C/L.
func throughputRow(ctx context.Context, s *stage) error {
	p, err := s.play(ctx, "PUSHD_CONCURRENCY=100")
	if err != nil {
		return err
	}
	defer p.close()
	var shares []float64
	for range s.runs {
		people := s.many(60_000)
		a, err := p.account(ctx, people, at(50*time.Millisecond))
		if err != nil {
			return err
		}
		if _, err := p.job(ctx, a); err != nil {
			return err
		}
		t, err := a.Tally(ctx)
		if err != nil {
			return err
		}
		shares = append(shares, float64(t.Sends)/t.LastSend.Sub(t.FirstSend).Seconds()/2000)
	}
	s.printf("%.3f of C/L = 2,000/s, from the first send to the last   %.3f\n", median(shares), shares)
	return nil
}

// limitRow lets a hidden limit move under a running job.
func limitRow(ctx context.Context, s *stage) error {
	for _, busy := range []float64{0, 0.05} {
		if err := s.limits(ctx, busy); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) limits(ctx context.Context, busy float64) error {
	p, err := s.play(ctx)
	if err != nil {
		return err
	}
	defer p.close()
	a, done, err := p.hidden(ctx, busy)
	if err != nil {
		return err
	}
	defer done()
	for i, limit := range hiddenLimits {
		if err := a.Tune(ctx, map[string]any{"InFlightLimit": limit}); err != nil {
			return err
		}
		if i == 0 {
			if _, err := a.post(ctx); err != nil {
				return err
			}
		}
		for _, d := range []time.Duration{8 * time.Second, 2 * time.Second, 20 * time.Second} {
			if err := a.under(ctx, limit, busy, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// hiddenLimits are limits of sends in flight, one after the other.
var hiddenLimits = []int{400, 100, 800}

// hidden makes an account with a million followers whose answers take 80 to
// 120 ms, and of whose sends a share is refused at any speed.
func (p *play) hidden(ctx context.Context, busy float64) (a *account, done func(), err error) {
	b := at(0)
	b.Latency = wechatsim.Uniform(80*time.Millisecond, 120*time.Millisecond)
	b.InFlightLimit = hiddenLimits[0]
	if a, err = p.account(ctx, 1_000_000, b); err != nil || busy == 0 {
		return a, func() {}, err
	}
	id, err := p.sim.AddFault(ctx, wechatsim.Fault{Share: busy, Action: wechatsim.ActCode, Code: -1, AppID: a.appid})
	return a, func() { p.sim.ClearFault(context.WithoutCancel(ctx), id) }, err
}

// under shows some time under one limit.
func (a *account) under(ctx context.Context, limit int, busy float64, d time.Duration) error {
	share, refused, err := a.served(ctx, limit, busy, d)
	a.p.printf("background %.2f, limit %3d, %4s: %.3f of the limit's own, %.4f refused beyond the background\n",
		busy, limit, d, share, refused)
	return err
}

// served watches an account for a time: the share of what its limit could do
// that it did, and the share of sends refused beyond the background.
func (a *account) served(ctx context.Context, limit int, busy float64, d time.Duration) (share, refused float64, err error) {
	before, err := a.Tally(ctx)
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if err := pause(ctx, d); err != nil {
		return 0, 0, err
	}
	after, err := a.Tally(ctx)
	if err != nil {
		return 0, 0, err
	}
	good, bad := after.Codes[0]-before.Codes[0], after.Codes[-1]-before.Codes[-1]
	own := float64(limit) / 0.1 * (1 - busy)
	return float64(good) / time.Since(began).Seconds() / own,
		(float64(bad)/float64(max(1, good+bad)) - busy) / (1 - busy), nil
}

// quotaRow lets a minute's quota be found and kept.
func quotaRow(ctx context.Context, s *stage) error {
	p, err := s.play(ctx)
	if err != nil {
		return err
	}
	defer p.close()
	const quota = 6000
	b := at(50 * time.Millisecond)
	b.SendsPerMinute = quota
	a, err := p.account(ctx, 100_000, b)
	if err != nil {
		return err
	}
	if _, err := a.post(ctx); err != nil {
		return err
	}
	var before wechatsim.Tally
	for minute := range 4 {
		// The simulator counts minutes of the wall clock.
		if err := pause(ctx, time.Until(time.Now().Truncate(time.Minute).Add(time.Minute))); err != nil {
			return err
		}
		after, err := a.Tally(ctx)
		if err != nil {
			return err
		}
		good, refused := after.Codes[0]-before.Codes[0], after.Codes[45011]-before.Codes[45011]
		s.printf("minute %d: %.3f of the quota used, %.4f refused\n", minute, float64(good)/quota, float64(refused)/float64(max(1, good+refused)))
		before = after
	}
	return nil
}

// rateRow compares the rate that arrives with the setting.
func rateRow(ctx context.Context, s *stage) error {
	p, err := s.play(ctx)
	if err != nil {
		return err
	}
	defer p.close()
	for _, rate := range []int{10, 100, 1000} {
		for _, latency := range []time.Duration{5 * time.Millisecond, 50 * time.Millisecond, 500 * time.Millisecond} {
			if err := p.rate(ctx, rate, latency); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *play) rate(ctx context.Context, rate int, latency time.Duration) error {
	a, err := p.account(ctx, 100_000, at(latency))
	if err != nil {
		return err
	}
	j, err := p.call(ctx, http.MethodPost, "/v1/jobs", map[string]any{
		"actid": a.actID, "appid": a.appid, "accessToken": a.token, "rate": rate,
	})
	if err != nil {
		return err
	}
	// What the rate needs in flight has to be found first.
	if err := pause(ctx, 3*time.Second+30*latency); err != nil {
		return err
	}
	before, err := a.Tally(ctx)
	if err != nil {
		return err
	}
	began, span := time.Now(), p.lasting(12*time.Second)
	if err := pause(ctx, span); err != nil {
		return err
	}
	after, err := a.Tally(ctx)
	if err != nil {
		return err
	}
	mean := float64(after.Sends-before.Sends) / time.Since(began).Seconds()
	seconds, err := a.Rates(ctx)
	if err != nil {
		return err
	}
	var most uint32
	for _, n := range seconds[2:] {
		most = max(most, n)
	}
	p.printf("rate %4d at %5v: %.3f of the setting, at most %.3f in a second\n", rate, latency, mean/float64(rate), float64(most)/float64(rate))
	_, err = p.call(ctx, http.MethodPost, fmt.Sprintf("/v1/jobs/%s/cancel", j.ID), nil)
	return err
}
