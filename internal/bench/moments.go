package main

import (
	"context"
	"time"

	"pushd/api/client"
	"pushd/internal/wechatsim"
)

// firstRow is how long after the POST the first message arrives, beyond one
// page of user/get.
func firstRow(ctx context.Context, s *stage) error {
	p, err := s.play(ctx)
	if err != nil {
		return err
	}
	defer p.close()
	const page = 200 * time.Millisecond
	var beyond []time.Duration
	for range max(5, s.runs) {
		b := at(20 * time.Millisecond)
		if err := b.PageLatency.UnmarshalText([]byte(page.String())); err != nil {
			return err
		}
		a, err := p.account(ctx, 10_000, b)
		if err != nil {
			return err
		}
		posted := time.Now()
		j, err := a.post(ctx)
		if err != nil {
			return err
		}
		t, err := a.Wait(ctx, wechatsim.Until{Sends: 1})
		if err != nil {
			return err
		}
		if _, err := p.Command(ctx, j.ID, client.Cancel); err != nil {
			return err
		}
		beyond = append(beyond, t.FirstSend.Sub(posted)-page)
	}
	s.printf("one page fetch + %v   %v\n", median(beyond).Round(time.Millisecond), beyond)
	return nil
}

// tokenRow revokes the token while a job sends at full speed, with a PHP that
// takes its time, and without that for comparison.
func tokenRow(ctx context.Context, s *stage) error {
	const php = 300 * time.Millisecond
	p, err := s.play(ctx, "PUSHD_CONCURRENCY=200")
	if err != nil {
		return err
	}
	defer p.close()
	id, err := s.sim.AddFault(ctx, wechatsim.Fault{Path: wechatsim.PathPHP, Action: wechatsim.ActDelay, Delay: php})
	if err != nil {
		return err
	}
	defer s.sim.ClearFault(context.WithoutCancel(ctx), id)
	people := s.many(60_000)
	for _, refreshes := range []int{0, 3} {
		a, err := p.account(ctx, people, at(50*time.Millisecond))
		if err != nil {
			return err
		}
		j, err := a.post(ctx)
		if err != nil {
			return err
		}
		for range refreshes {
			if err := pause(ctx, s.lasting(3*time.Second)); err != nil {
				return err
			}
			if err := a.RevokeToken(ctx); err != nil {
				return err
			}
		}
		if j, err = await(ctx, p.Client, j.ID); err != nil {
			return err
		}
		r, err := a.Report(ctx, j.MsgID)
		if err != nil {
			return err
		}
		t, err := a.Stats(ctx)
		if err != nil {
			return err
		}
		s.printf("%d refreshes: %d failed, %d unknown, %d missing of %d; %d sends refused for their token; longest time without a send %v, PHP takes %v\n",
			refreshes, j.Failed, j.Unknown, r.Missing, people, t.Codes[40001]+t.Codes[42001]+t.Codes[40014], t.LongestGap.Round(time.Millisecond), php)
	}
	return nil
}
