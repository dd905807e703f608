package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
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

// limitRow lets a hidden limit of each kind move under a running job, and with
// a background of refusals too where the kind is the usual one.
func limitRow(ctx context.Context, s *stage) error {
	for _, m := range s.models {
		for _, busy := range []float64{0, 0.05} {
			if busy > 0 && len(s.models) > 1 && m.Name != usualModel {
				continue
			}
			if err := s.limits(ctx, m, busy); err != nil {
				return fmt.Errorf("%s: %w", m.Name, err)
			}
		}
	}
	return nil
}

func (s *stage) limits(ctx context.Context, m wechatsim.LimitModel, busy float64) error {
	a, done, err := s.hidden(ctx, m, busy)
	if err != nil {
		return err
	}
	defer done()
	for i, limit := range hiddenLimits {
		if err := a.limit(ctx, m, limit); err != nil {
			return err
		}
		if i == 0 {
			if _, err := a.post(ctx); err != nil {
				return err
			}
		}
		for _, d := range []time.Duration{8 * time.Second, 2 * time.Second, 20 * time.Second} {
			if err := a.under(ctx, m, limit, busy, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// hiddenLimits are limits of sends in flight, one after the other.
var hiddenLimits = []int{400, 100, 800}

// usualModel is the limit that other rows have.
const usualModel = "late"

// chosenModels are the kinds of limits with these names, divided by commas;
// all for none.
func chosenModels(names string) (chosen []wechatsim.LimitModel, err error) {
	all := wechatsim.LimitModels()
	if names == "" {
		return all, nil
	}
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(m wechatsim.LimitModel) bool { return m.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no kind of limit %q", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// hidden starts a pushd with an account of a million followers that has a
// limit of this kind, and of whose sends a share is refused at any speed. done
// stops it.
func (s *stage) hidden(ctx context.Context, m wechatsim.LimitModel, busy float64) (a *account, done func(), err error) {
	p, err := s.play(ctx)
	if err != nil {
		return nil, nil, err
	}
	b := at(0)
	m.Apply(&b, hiddenLimits[0])
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

// limit moves the limit of an account that hidden has made.
func (a *account) limit(ctx context.Context, m wechatsim.LimitModel, limit int) error {
	b := at(0)
	m.Apply(&b, limit)
	return a.Tune(ctx, b)
}

// under shows some time under one limit.
func (a *account) under(ctx context.Context, m wechatsim.LimitModel, limit int, busy float64, d time.Duration) error {
	share, refused, err := a.served(ctx, m.PerSecond(limit), busy, d)
	a.p.printf("%-11s background %.2f, limit %3d, %4s: %.3f of the limit's own, %.4f refused beyond the background\n",
		m.Name+",", busy, limit, d, share, refused)
	return err
}

// served watches an account for a time: the share of what its limit lets
// through in a second that it did, and the share of sends refused beyond the
// background.
func (a *account) served(ctx context.Context, perSecond, busy float64, d time.Duration) (share, refused float64, err error) {
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
	return float64(good) / time.Since(began).Seconds() / perSecond / (1 - busy),
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
