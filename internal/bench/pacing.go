package main

import (
	"context"
	"time"

	"pushd/internal/wechatsim"
)

// throughputRow compares what comes through with C/L, and with what a bare
// loop over net/http reaches, which begins with all 100 in flight.
func throughputRow(ctx context.Context, s *stage) error {
	p, err := s.play(ctx, "PUSHD_CONCURRENCY=100")
	if err != nil {
		return err
	}
	defer p.close()
	sides := []string{"pushd", "nethttp"}
	shares := map[string][]float64{}
	for range s.runs {
		for _, side := range sides {
			_, a, err := p.side(ctx, side, s.many(60_000), 50*time.Millisecond)
			if err != nil {
				return err
			}
			t, err := a.Stats(ctx)
			if err != nil {
				return err
			}
			shares[side] = append(shares[side], float64(t.Sends)/t.LastSend.Sub(t.FirstSend).Seconds()/2000)
		}
	}
	for _, side := range sides {
		s.printf("%-8s %.3f of C/L = 2,000/s, from the first send to the last   %.3f\n", side, median(shares[side]), shares[side])
	}
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
	a, done, err := s.hidden(ctx, busy)
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

// hidden starts a pushd with an account of a million followers, whose answers
// take 80 to 120 ms and of whose sends a share is refused at any speed. done
// stops it.
func (s *stage) hidden(ctx context.Context, busy float64) (a *account, done func(), err error) {
	p, err := s.play(ctx)
	if err != nil {
		return nil, nil, err
	}
	b := at(0)
	b.Latency = wechatsim.Uniform(80*time.Millisecond, 120*time.Millisecond)
	b.InFlightLimit = hiddenLimits[0]
	fault := ""
	if a, err = p.account(ctx, 1_000_000, b); err == nil && busy > 0 {
		fault, err = s.sim.AddFault(ctx, wechatsim.Fault{Path: wechatsim.PathSend, Share: busy, Action: wechatsim.ActCode, Code: -1, AppID: a.appid})
	}
	done = func() {
		if fault != "" {
			s.sim.ClearFault(context.WithoutCancel(ctx), fault)
		}
		p.close()
	}
	if err != nil {
		done()
	}
	return a, done, err
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
	before, err := a.Stats(ctx)
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if err := pause(ctx, d); err != nil {
		return 0, 0, err
	}
	after, err := a.Stats(ctx)
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
	var before wechatsim.Stats
	for minute := range 4 {
		// The simulator counts minutes of the wall clock.
		if err := pause(ctx, time.Until(time.Now().Truncate(time.Minute).Add(time.Minute))); err != nil {
			return err
		}
		after, err := a.Stats(ctx)
		if err != nil {
			return err
		}
		good, refused := after.Codes[0]-before.Codes[0], after.Codes[45011]-before.Codes[45011]
		s.printf("minute %d: %.3f of the quota used, %.4f refused\n", minute, float64(good)/quota, float64(refused)/float64(max(1, good+refused)))
		before = after
	}
	return nil
}
