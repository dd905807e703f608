package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// replicasRow lets several processes share the accounts of one database. Each has
// a ceiling, so that the machine does not bound them: three are to need a third
// of the time of one.
func replicasRow(ctx context.Context, s *stage) error {
	const followers, lasts = 20, 150 // seconds of one process
	accounts := max(60, int(1000*s.scale))
	rate := max(1, accounts*followers/lasts)
	one, err := s.replicas(ctx, 1, accounts, followers, rate)
	if err != nil {
		return err
	}
	three, err := s.replicas(ctx, 3, accounts, followers, rate)
	if err != nil {
		return err
	}
	s.printf("%d accounts of %d at %d/s for each process: one %.1f s, three %.1f s: 1/%.2f of the time\n",
		accounts, followers, rate, one.Seconds(), three.Seconds(), one.Seconds()/three.Seconds())
	return nil
}

// replicas runs the jobs of all accounts in so many processes, and returns the
// time from the moment at which they may begin, when all are posted, to the last
// send. A process takes a twelfth of them at a time, so that whoever is done takes
// more.
func (s *stage) replicas(ctx context.Context, processes, accounts, followers, rate int) (took time.Duration, err error) {
	p, err := s.play(ctx, fmt.Sprintf("PUSHD_TOTAL_RATE=%d", rate), fmt.Sprintf("PUSHD_MAX_JOBS=%d", max(2, accounts/12)), "PUSHD_INSTANCE=replica-0")
	if err != nil {
		return 0, err
	}
	defer p.close()
	all := []*served{p.served}
	for i := 1; i < processes; i++ {
		more, err := start(0, p.path("pushd"), append(p.env, fmt.Sprintf("PUSHD_INSTANCE=replica-%d", i)))
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, more.stop()) }()
		all = append(all, more)
	}
	list := make([]*account, accounts)
	for i := range list {
		if list[i], err = p.account(ctx, followers, at(50*time.Millisecond)); err != nil {
			return 0, err
		}
	}
	if _, err := p.SetHold(ctx, "", "until all are posted"); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := each(list, 16, func(i int, a *account) error {
		_, err := all[i%len(all)].Post(ctx, a.order())
		return err
	}); err != nil {
		return 0, err
	}
	posted := time.Since(began)
	if _, err := p.LiftHold(ctx, ""); err != nil {
		return 0, err
	}
	began = time.Now()
	if _, err := p.untilCount(ctx, accounts, "SELECT COUNT(*) FROM pushd_job WHERE state = 'succeeded'", func() (time.Duration, error) { return 0, pause(ctx, 200*time.Millisecond) }); err != nil {
		return 0, err
	}
	last := began
	for _, a := range list {
		t, err := a.Stats(ctx)
		if err != nil {
			return 0, err
		}
		if t.LastSend.After(last) {
			last = t.LastSend
		}
	}
	took = last.Sub(began)
	shares := ""
	for _, d := range all {
		n, err := d.metric(ctx, "pushd_jobs_ended_total{state=\"succeeded\"}")
		if err != nil {
			return 0, err
		}
		shares += fmt.Sprintf(" %.0f", n)
	}
	s.printf("%d processes: %.1f s (POSTs took %.1f), jobs each:%s, load %s\n", processes, took.Seconds(), posted.Seconds(), shares, load())
	return took, nil
}
