package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"pushd/internal/wechatsim"
)

// accountsRow runs many small jobs at once against one large job with the
// same messages and, in all, as many sends in flight.
func accountsRow(ctx context.Context, s *stage) error {
	accounts, followers := s.many(500), 2000
	together, err := s.crowd(ctx, accounts, followers)
	if err != nil {
		return err
	}
	p, err := s.play(ctx, fmt.Sprintf("PUSHD_CONCURRENCY=%d", crowdEach*accounts))
	if err != nil {
		return err
	}
	defer p.close()
	b := at(crowdLatency)
	a, err := p.account(ctx, accounts*followers, b)
	if err != nil {
		return err
	}
	began := time.Now()
	if _, err := p.job(ctx, a); err != nil {
		return err
	}
	alone := time.Since(began)
	s.printf("one job of %d: %.1f s; %d jobs: %.2f times that\n", accounts*followers, alone.Seconds(), accounts, together.Seconds()/alone.Seconds())
	return nil
}

const (
	crowdEach    = 8 // in flight per account
	crowdLatency = 500 * time.Millisecond
)

// crowd runs the small jobs and returns the time from the first POST to the
// last job's end.
func (s *stage) crowd(ctx context.Context, accounts, followers int) (time.Duration, error) {
	p, err := s.play(ctx, fmt.Sprintf("PUSHD_CONCURRENCY=%d", crowdEach), fmt.Sprintf("PUSHD_MAX_JOBS=%d", accounts))
	if err != nil {
		return 0, err
	}
	defer p.close()
	all := make([]*account, accounts)
	for i := range all {
		if all[i], err = p.account(ctx, followers, at(crowdLatency)); err != nil {
			return 0, err
		}
	}
	posted := make([]time.Time, accounts)
	ids := make([]string, accounts)
	began := time.Now()
	cpu, err := cpuOf(p.PID())
	if err != nil {
		return 0, err
	}
	before, err := counted(ctx, p.sql)
	if err != nil {
		return 0, err
	}
	if err := each(all, 16, func(i int, a *account) error {
		posted[i] = time.Now()
		j, err := a.post(ctx)
		ids[i] = j.ID
		return err
	}); err != nil {
		return 0, err
	}
	inHand := time.Since(began)
	if err := each(all, 8, func(i int, a *account) error {
		_, err := await(ctx, p.Client, ids[i])
		return err
	}); err != nil {
		return 0, err
	}
	took := time.Since(began)
	used, err := cpuOf(p.PID())
	if err != nil {
		return 0, err
	}
	after, err := counted(ctx, p.sql)
	if err != nil {
		return 0, err
	}
	peak, err := memoryOf(p.PID(), "VmHWM")
	if err != nil {
		return 0, err
	}
	first, spans := make([]time.Duration, accounts), make([]time.Duration, accounts)
	for i, a := range all {
		var t wechatsim.Stats
		if t, err = a.Stats(ctx); err != nil {
			return 0, err
		}
		first[i], spans[i] = t.FirstSend.Sub(posted[i]), t.LastSend.Sub(posted[i])
	}
	s.printf("%d accounts of %d: %.1f s (POSTs took %.1f), %.1f µs CPU a message; first message after at most %v, median %v; slowest account %.2f of the median\n",
		accounts, followers, took.Seconds(), inHand.Seconds(), float64((used-cpu).Microseconds())/float64(accounts*followers),
		slices.Max(first).Round(time.Millisecond), median(first).Round(time.Millisecond), float64(slices.Max(spans))/float64(median(spans)))
	n := float64(accounts * followers)
	s.printf("per 1,000 messages: %.1f statements (%.1f writing); %.1f MB at the peak\n",
		1000*(after.all-before.all)/n, 1000*(after.writes-before.writes)/n, float64(peak)/(1<<20))
	return took, nil
}

// each calls f for all accounts, some at a time, and returns the first error.
func each(all []*account, atOnce int, f func(int, *account) error) error {
	var wg sync.WaitGroup
	slots, errs := make(chan struct{}, atOnce), make(chan error, len(all))
	for i, a := range all {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := f(i, a); err != nil {
				errs <- err
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}
