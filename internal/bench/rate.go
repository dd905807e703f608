package main

import (
	"context"
	"fmt"
	"time"

	"pushd/api/client"
)

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
	if err := p.patched(ctx); err != nil {
		return err
	}
	return s.totalRate(ctx)
}

func (p *play) rate(ctx context.Context, rate int, latency time.Duration) error {
	a, err := p.account(ctx, 100_000, at(latency))
	if err != nil {
		return err
	}
	order := a.order()
	order.Rate = rate
	j, err := p.Post(ctx, order)
	if err != nil {
		return err
	}
	// What the rate needs in flight has to be found first.
	if err := pause(ctx, 3*time.Second+30*latency); err != nil {
		return err
	}
	mean, err := a.mean(ctx, p.lasting(12*time.Second))
	if err != nil {
		return err
	}
	seconds, err := a.Rates(ctx)
	if err != nil {
		return err
	}
	var most uint32
	for _, n := range seconds[2:] {
		most = max(most, n)
	}
	p.printf("rate %4d at %5v: %.3f of the setting, at most %.3f in a second\n", rate, latency, mean/float64(rate), float64(most)/float64(rate))
	_, err = p.Command(ctx, j.ID, client.Cancel)
	return err
}

// mean watches an account for a time and returns its messages/s.
func (a *account) mean(ctx context.Context, d time.Duration) (float64, error) {
	before, err := a.Stats(ctx)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := pause(ctx, d); err != nil {
		return 0, err
	}
	after, err := a.Stats(ctx)
	return float64(after.Sends-before.Sends) / time.Since(began).Seconds(), err
}

// patched changes the rate of a job while it runs, and looks from one second
// later on.
func (p *play) patched(ctx context.Context) error {
	a, err := p.account(ctx, 100_000, at(50*time.Millisecond))
	if err != nil {
		return err
	}
	j, err := a.post(ctx)
	if err != nil {
		return err
	}
	if err := pause(ctx, 3*time.Second); err != nil {
		return err
	}
	for _, rate := range []int{100, 800, 20} {
		if _, err := p.Patch(ctx, j.ID, client.Patch{Rate: &rate}); err != nil {
			return err
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		mean, err := a.mean(ctx, 5*time.Second)
		if err != nil {
			return err
		}
		p.printf("PATCH to %3d: %.3f of it in the seconds 1 to 6\n", rate, mean/float64(rate))
	}
	_, err = p.Command(ctx, j.ID, client.Cancel)
	return err
}

// totalRate lets three accounts share the process's rate.
func (s *stage) totalRate(ctx context.Context) error {
	const rate = 300
	p, err := s.play(ctx, fmt.Sprintf("PUSHD_TOTAL_RATE=%d", rate))
	if err != nil {
		return err
	}
	defer p.close()
	var all []*account
	for range 3 {
		a, err := p.account(ctx, 100_000, at(50*time.Millisecond))
		if err != nil {
			return err
		}
		if _, err := a.post(ctx); err != nil {
			return err
		}
		all = append(all, a)
	}
	if err := pause(ctx, 3*time.Second); err != nil {
		return err
	}
	means := make([]float64, len(all))
	if err := each(all, len(all), func(i int, a *account) (err error) {
		means[i], err = a.mean(ctx, 10*time.Second)
		return err
	}); err != nil {
		return err
	}
	s.printf("PUSHD_TOTAL_RATE=%d: %.3f of it; by account %.1f\n", rate, (means[0]+means[1]+means[2])/rate, means)
	return nil
}
