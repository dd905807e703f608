package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"pushd/internal/wechatsim"
)

// limitersRow compares how pushd finds a hidden limit with the well-known
// ways: the same account, the same limits, one after the other.
func limitersRow(ctx context.Context, s *stage) error {
	usual, err := chosenModels(usualModel)
	if err != nil {
		return err
	}
	for _, busy := range []float64{0, 0.05} {
		for _, way := range []string{"pushd", "aimd", "vegas", "gradient", "failsafe"} {
			if err := s.limiter(ctx, way, usual[0], busy); err != nil {
				return fmt.Errorf("%s: %w", way, err)
			}
		}
	}
	return nil
}

func (s *stage) limiter(ctx context.Context, way string, m wechatsim.LimitModel, busy float64) error {
	a, done, err := s.hidden(ctx, m, busy)
	if err != nil {
		return err
	}
	defer done()
	if way == "pushd" {
		if _, err := a.post(ctx); err != nil {
			return err
		}
	} else {
		cmd := exec.CommandContext(ctx, s.path("limiters"), "-limiter", way, "-url", s.sim.URLs[0],
			"-token", a.token, "-template", wechatsim.TemplateID(a.appid, 1))
		cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+s.sim.Cert)
		if err := cmd.Start(); err != nil {
			return err
		}
		defer func() {
			cmd.Process.Kill()
			cmd.Wait()
		}()
	}
	line := fmt.Sprintf("background %.2f, %-9s", busy, way)
	for _, limit := range hiddenLimits {
		if err := a.limit(ctx, m, limit); err != nil {
			return err
		}
		share, refused, err := a.served(ctx, m.PerSecond(limit), busy, 20*time.Second)
		if err != nil {
			return err
		}
		line += fmt.Sprintf("  %d: %.2f of it, %4.1f %% refused", limit, share, 100*refused)
	}
	s.printf("%s\n", line)
	return nil
}
