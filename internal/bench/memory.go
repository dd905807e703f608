package main

import (
	"context"
	"fmt"
	"time"
)

// memoryRow compares the peak memory of a large job and of one five times as
// large, at 256 in flight, and shows what connections cost.
func memoryRow(ctx context.Context, s *stage) error {
	var peaks []float64
	for _, people := range []int{s.many(1_000_000), s.many(5_000_000)} {
		peak, err := s.peak(ctx, people, 256, 20*time.Millisecond)
		if err != nil {
			return err
		}
		peaks = append(peaks, peak)
		s.printf("%9d followers at 256 in flight: %.1f MB at the peak\n", people, peak)
	}
	s.printf("%.3f of it with five times as many\n", peaks[1]/peaks[0])
	var few, many float64
	var err error
	if few, err = s.peak(ctx, 60_000, 256, 500*time.Millisecond); err == nil {
		many, err = s.peak(ctx, 60_000, 2256, 500*time.Millisecond)
	}
	s.printf("%.1f MB at 256 connections, %.1f at 2,256: %.1f MB per 1,000\n", few, many, (many-few)/2)
	return err
}

// peak runs one job in a new pushd and returns its peak RSS in MB.
func (s *stage) peak(ctx context.Context, people, concurrency int, latency time.Duration) (float64, error) {
	p, err := s.play(ctx, fmt.Sprintf("PUSHD_CONCURRENCY=%d", concurrency))
	if err != nil {
		return 0, err
	}
	defer p.close()
	a, err := p.account(ctx, people, at(latency))
	if err != nil {
		return 0, err
	}
	if _, err := p.job(ctx, a); err != nil {
		return 0, err
	}
	bytes, err := memoryOf(p.PID(), "VmHWM")
	return float64(bytes) / (1 << 20), err
}
