package main

import (
	"context"
	"fmt"
	"time"

	"pushd/internal/ledgertest"
)

// idleRow looks at a pushd that has nothing to do but a past: what it costs
// itself and the database, and how long a column that somebody has overwritten
// stays wrong.
func idleRow(ctx context.Context, s *stage) error {
	const day = 24 * time.Hour
	for _, past := range []struct {
		what string
		h    ledgertest.History
	}{
		{"no history", ledgertest.History{}},
		{"spread over a day", ledgertest.History{Recent: s.many(20_000), Old: s.many(180_000), Within: day}},
		{"all within ten minutes", ledgertest.History{Recent: s.many(20_000), Old: s.many(180_000), Within: 9 * time.Minute}},
	} {
		if err := s.idle(ctx, past.what, past.h); err != nil {
			return fmt.Errorf("%s: %w", past.what, err)
		}
	}
	return nil
}

func (s *stage) idle(ctx context.Context, what string, h ledgertest.History) error {
	p, err := s.play(ctx)
	if err != nil {
		return err
	}
	defer p.close()
	if h.Recent > 0 {
		if err := s.db.Exec(ctx, p.database(), h.SQL()); err != nil {
			return fmt.Errorf("make a past: %w", err)
		}
	}
	if err := pause(ctx, 20*time.Second); err != nil { // the database writes down what was made
		return err
	}
	pids := []int{s.db.PID(), p.PID()}
	before := make([]time.Duration, len(pids))
	for i, pid := range pids {
		if before[i], err = cpuOf(pid); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := pause(ctx, time.Minute); err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	s.printf("%s: %d jobs ended in %v, %d before:", what, h.Recent, h.Within, h.Old)
	for i, pid := range pids {
		after, err := cpuOf(pid)
		if err != nil {
			return err
		}
		s.printf(" %s %.2f %% of a core,", []string{"mariadbd", "pushd"}[i], 100*(after-before[i]).Seconds()/took)
	}
	if h.Recent == 0 {
		s.printf("\n")
		return nil
	}
	for _, column := range []struct {
		whose string
		actID int
	}{{"ended last", 1}, {"ended halfway", h.Recent / 2}, {"ended long ago", h.Recent * 9 / 10}} {
		took, err := p.untilRight(ctx, column.actID)
		if err != nil {
			return err
		}
		s.printf(" column of the job that %s right after %.1f s,", column.whose, took.Seconds())
	}
	s.printf(" load %s\n", load())
	return nil
}

// untilRight overwrites a channel's column, and returns how long it took until
// it was right again.
func (p *play) untilRight(ctx context.Context, actID int) (time.Duration, error) {
	if _, err := p.sql.ExecContext(ctx, "UPDATE activity_detail SET live_notify_status = 0 WHERE act_id = ?", actID); err != nil {
		return 0, err
	}
	for began := time.Now(); ; {
		var status int
		if err := p.sql.QueryRowContext(ctx, "SELECT live_notify_status FROM activity_detail WHERE act_id = ?", actID).Scan(&status); err != nil {
			return 0, err
		}
		if status == 2 {
			return time.Since(began), nil
		}
		if time.Since(began) > 15*time.Minute {
			return 0, fmt.Errorf("the column of channel %d stays wrong", actID)
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return 0, err
		}
	}
}
