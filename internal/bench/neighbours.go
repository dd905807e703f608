package main

import (
	"context"
	"time"

	"pushd/internal/wechatsim"
)

// neighboursRow shows whether accounts that are slow or fail slow down the
// others: quick accounts send alone, and then beside bad ones that would take
// every connection there is, if they were let.
func neighboursRow(ctx context.Context, s *stage) error {
	alone, err := s.quick(ctx, nil)
	if err != nil {
		return err
	}
	slow, failing, hanging := at(2*time.Second), at(100*time.Millisecond), at(30*time.Second)
	failing.InFlightLimit, failing.LimitAccepts = 1, 0
	beside, err := s.quick(ctx, []wechatsim.Behaviour{slow, slow, slow, slow, failing, hanging})
	if err != nil {
		return err
	}
	s.printf("4 quick accounts: median %v alone, %v beside 4 slow, a failing and a hanging one: %.2f times\n",
		alone.Round(time.Millisecond), beside.Round(time.Millisecond), beside.Seconds()/alone.Seconds())
	return nil
}

// quick runs some quick accounts beside bad ones, with 200 connections for
// all, and returns the median of the time from the POST to the last send.
func (s *stage) quick(ctx context.Context, bad []wechatsim.Behaviour) (time.Duration, error) {
	const connections, otherFiles, accounts = 200, 256, 4
	p, err := s.playWithFiles(ctx, connections+otherFiles)
	if err != nil {
		return 0, err
	}
	defer p.close()
	if err := p.spread(ctx, bad); err != nil {
		return 0, err
	}
	b := at(100 * time.Millisecond)
	b.InFlightLimit = 16
	all := make([]*account, accounts)
	posted, ids, spans := make([]time.Time, accounts), make([]string, accounts), make([]time.Duration, accounts)
	for i := range all {
		if all[i], err = p.account(ctx, s.many(2000), b); err != nil {
			return 0, err
		}
		posted[i] = time.Now()
		j, err := all[i].post(ctx)
		if err != nil {
			return 0, err
		}
		ids[i] = j.ID
	}
	for i, a := range all {
		if _, err := await(ctx, p.Client, ids[i]); err != nil {
			return 0, err
		}
		t, err := a.Stats(ctx)
		if err != nil {
			return 0, err
		}
		spans[i] = t.LastSend.Sub(posted[i])
	}
	return median(spans), nil
}

// spread gives bad accounts jobs without end, and waits until they have as
// many sends in flight as they get.
func (p *play) spread(ctx context.Context, bad []wechatsim.Behaviour) error {
	all := make([]*account, len(bad))
	for i, b := range bad {
		var err error
		if all[i], err = p.account(ctx, 50_000, b); err != nil {
			return err
		}
		if _, err := all[i].post(ctx); err != nil {
			return err
		}
	}
	if len(bad) == 0 {
		return nil
	}
	if err := pause(ctx, 40*time.Second); err != nil {
		return err
	}
	for i, a := range all {
		t, err := a.Stats(ctx)
		if err != nil {
			return err
		}
		p.printf("bad account %d, %v: %d in flight\n", i+1, bad[i].Latency, t.InFlight)
	}
	return nil
}
