package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"pushd/internal/wechatsim"
)

// at is a behaviour without limits: sends take latency, pages 20 ms.
func at(latency time.Duration) wechatsim.Behaviour {
	b := wechatsim.Default()
	b.Latency, b.PageLatency = wechatsim.Fixed(latency), wechatsim.Fixed(20*time.Millisecond)
	b.PagesPerDay = 5000 // an account with millions of followers has asked for more than 500
	return b
}

// cpuRow compares CPU per message at 100 in flight and 20 ms: the sides take
// turns, so that what else the machine does falls on all of them.
func cpuRow(ctx context.Context, s *stage) error {
	people := s.many(100_000)
	p, err := s.play(ctx, "PUSHD_CONCURRENCY=100")
	if err != nil {
		return err
	}
	defer p.close()
	sides := []string{"pushd", "resty", "nethttp", "fasthttp", "silenceper tuned", "curl_multi"}
	used := map[string][]float64{}
	for range s.runs {
		for _, side := range sides {
			cpu, _, err := p.side(ctx, side, people, 20*time.Millisecond)
			if err != nil {
				return fmt.Errorf("%s: %w", side, err)
			}
			used[side] = append(used[side], float64(cpu.Nanoseconds())/1e3/float64(people))
		}
	}
	few := people / 10 // it opens a connection for nearly every send
	cpu, _, err := p.side(ctx, "silenceper", few, 20*time.Millisecond)
	if err != nil {
		return fmt.Errorf("silenceper: %w", err)
	}
	resty := median(used["resty"])
	for _, side := range sides {
		s.printf("%-18s %6.1f µs a message, %.2f of resty   %.1f\n", side, median(used[side]), median(used[side])/resty, used[side])
	}
	s.printf("%-18s %6.1f µs a message (%d people)\n", "silenceper", float64(cpu.Nanoseconds())/1e3/float64(few), few)
	return nil
}

// side sends to a new account's followers once, with 100 sends in flight, and
// returns the CPU time.
func (p *play) side(ctx context.Context, side string, people int, latency time.Duration) (cpu time.Duration, a *account, err error) {
	if a, err = p.account(ctx, people, at(latency)); err != nil {
		return 0, nil, err
	}
	template := wechatsim.TemplateID(a.appid, 1)
	env := []string{"SSL_CERT_FILE=" + p.sim.Cert}
	flags := []string{"-url", p.sim.URLs[0], "-token", a.token, "-template", template, "-c", "100"}
	switch side {
	case "pushd":
		cpu, err = p.job(ctx, a)
	case "curl_multi":
		cpu, err = once(ctx, nil, "php", filepath.Join(p.root, "internal/bench/loop/curl_multi.php"),
			p.sim.URLs[0], a.token, template, strconv.Itoa(100), p.sim.Cert)
	case "silenceper":
		cpu, err = once(ctx, env, p.path("silenceper"), flags...)
	case "silenceper tuned":
		cpu, err = once(ctx, env, p.path("silenceper"), append(flags, "-tuned")...)
	default:
		cpu, err = once(ctx, env, p.path("loop"), append(flags, "-client", side)...)
	}
	return cpu, a, err
}

// job runs a job to its end and returns the CPU time of pushd, all of it.
func (p *play) job(ctx context.Context, a *account) (time.Duration, error) {
	before, err := cpuOf(p.PID())
	if err != nil {
		return 0, err
	}
	j, err := a.post(ctx)
	if err != nil {
		return 0, err
	}
	if j, err = await(ctx, p.Client, j.ID); err != nil {
		return 0, err
	}
	after, err := cpuOf(p.PID())
	return after - before, err
}
